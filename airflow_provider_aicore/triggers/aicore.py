"""Triggers: what waits for AI Core while no worker does."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_aicore.compat import CORE_CALLS_ON_KILL
from airflow_provider_aicore.triggers.execution_event import AICoreExecutionEventTrigger
from airflow_provider_aicore.triggers.loading import load
from airflow_provider_aicore.triggers.scheduled_execution import AICoreScheduledExecutionTrigger
from airflow_provider_aicore.wait_event import (
    DEADLINE,
    ENDED,
    EVENT_VERSION,
    PENDING,
    REFUSED,
    UNREACHABLE,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_aicore.poller import Entity

__all__ = ["AICoreExecutionEventTrigger", "AICoreExecutionTrigger", "AICoreScheduledExecutionTrigger"]


class AICoreExecutionTrigger(BaseTrigger):
    """Waits for one execution to end, and never raises.

    All that wait in one resource group of a triggerer look together, at most as often as Airflow's
    ``[aicore] poll_requests_per_minute`` and their intervals ask for.

    It fires once with ``{"version": 1, "outcome": …, "execution_id": …, "status": …, "message": …,
    "deadline_at": …, "resource_group": …}``; for the outcomes see :mod:`.wait_event`. The arguments are
    stored in clear by Airflow, so they hold no credentials; their names are a wire format.

    :param execution_id: the execution.
    :param aicore_conn_id: the connection.
    :param resource_group: the resource group; the connection's if not given.
    :param poll_interval: seconds between two looks.
    :param poll_error_budget: seconds without one good answer before the task is woken.
    :param deadline_at: when to stop waiting, ISO 8601 with time zone; never if not given.
    :param pending_timeout: seconds since its creation after which an execution that has not started wakes the
        task; never if not given.
    :param first_look_after: seconds before the first look, and before a deadline that has passed is told: a
        task that is woken while its worker still exits is failed by Airflow's scheduler.
    :param stop_on_kill: end the execution when the task is killed while it is deferred; no sensor's trigger
        does, nor one that an older version has stored.
    """

    def __init__(
        self,
        *,
        execution_id: str,
        aicore_conn_id: str = "aicore_default",
        resource_group: str | None = None,
        poll_interval: float = 30.0,
        poll_error_budget: float = 1800.0,
        deadline_at: str | None = None,
        first_look_after: float = 5.0,
        stop_on_kill: bool = False,
        pending_timeout: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's carries no types.
        self.execution_id = execution_id
        self.aicore_conn_id = aicore_conn_id
        self.resource_group = resource_group
        self.poll_interval = poll_interval
        self.poll_error_budget = poll_error_budget
        self.deadline_at = deadline_at
        self.first_look_after = first_look_after
        self.stop_on_kill = stop_on_kill
        self.pending_timeout = pending_timeout

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_aicore.triggers.aicore.AICoreExecutionTrigger",
            {
                "execution_id": self.execution_id,
                "aicore_conn_id": self.aicore_conn_id,
                "resource_group": self.resource_group,
                "poll_interval": self.poll_interval,
                "poll_error_budget": self.poll_error_budget,
                "deadline_at": self.deadline_at,
                "first_look_after": self.first_look_after,
                "stop_on_kill": self.stop_on_kill,
                "pending_timeout": self.pending_timeout,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            outcome, status, message = await self._wait()
        except asyncio.CancelledError:
            if not CORE_CALLS_ON_KILL:
                await self.on_kill()
            raise
        yield TriggerEvent(
            {
                "version": EVENT_VERSION,
                "outcome": outcome,
                "execution_id": self.execution_id,
                "status": status,
                "message": message,
                "deadline_at": self.deadline_at,
                "resource_group": self.resource_group,
            }
        )

    async def on_kill(self) -> None:
        """End the execution if the task was killed, as far as it is the task's own.

        Airflow also calls this for tasks that are well, such as one whose trigger another triggerer has taken
        over (https://github.com/apache/airflow/pull/73454).
        """
        if self.stop_on_kill:
            from airflow_provider_aicore.triggers.killed import end_if_killed

            await end_if_killed(self)

    async def _wait(self) -> tuple[str, str | None, str]:
        """Return the event's outcome, status and message; any error becomes one the worker looks into."""
        await load("hooks.aicore", "poller")
        from airflow_provider_aicore.api import AICoreError
        from airflow_provider_aicore.poller import LOOKING_FAILED

        try:
            seen, outcome = await self._watch()
        except LOOKING_FAILED as error:
            return UNREACHABLE, None, str(error)
        except (AICoreError, ValueError) as error:
            return REFUSED, None, f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 - a raise would lose the task's arguments; the worker looks
            return UNREACHABLE, None, f"{type(error).__name__}: {error}"
        if seen is None:
            return DEADLINE, None, "The execution could not be seen before the deadline."
        return outcome, seen.status.value, seen.status_message or ""

    async def _watch(self) -> tuple[Entity | None, str]:
        """Wait, and return the execution as seen last with what ended the wait."""
        from airflow_provider_aicore.api import Execution, lifecycle
        from airflow_provider_aicore.hooks.aicore import AICoreHook
        from airflow_provider_aicore.poller import Wait, is_overdue, wait_for

        try:
            per_minute = _requests_per_minute()
        except ValueError:
            await asyncio.sleep(self.first_look_after)
            raise
        left = self._seconds_left()
        wait = Wait(
            self.execution_id,
            interval=self.poll_interval,
            error_budget=self.poll_error_budget,
            first_look_after=self.first_look_after,
            seconds=None if left is None else max(left, self.first_look_after),
            pending_timeout=self.pending_timeout,
        )
        seen = await wait_for(
            wait,
            log=self.log,
            connection=(self.aicore_conn_id, self.resource_group),
            connect=AICoreHook(self.aicore_conn_id, self.resource_group).aget_conn,
            requests_per_minute=per_minute,
        )
        if seen is not None and lifecycle.outcome(seen.status):
            return seen, ENDED
        # What was seen in a list only says nothing about its start.
        is_pending = isinstance(seen, Execution) and is_overdue(wait, seen)
        return seen, PENDING if is_pending else DEADLINE

    def _seconds_left(self) -> float | None:
        if self.deadline_at is None:
            return None
        return max(0.0, (datetime.fromisoformat(self.deadline_at) - datetime.now(UTC)).total_seconds())


def _requests_per_minute() -> float:
    """Read how often the waits of a resource group may look before their intervals are over.

    :raises ValueError: it is no number above 0.
    """
    from airflow_provider_aicore.poller import REQUESTS_PER_MINUTE

    # Airflow 3.1 and older know no defaults of providers.
    given = conf.get("aicore", "poll_requests_per_minute", fallback=str(REQUESTS_PER_MINUTE))
    with suppress(ValueError):
        if 0 < float(given) < math.inf:
            return float(given)
    raise ValueError(
        f"[aicore] poll_requests_per_minute is {given!r} in the triggerer's configuration of Airflow, but it "
        f"has to be a number above 0; if it is not set it is {REQUESTS_PER_MINUTE:g}."
    )
