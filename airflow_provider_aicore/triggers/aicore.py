"""Triggers: what waits for AI Core while no worker does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_aicore.compat import CORE_CALLS_ON_KILL
from airflow_provider_aicore.triggers.execution_event import AICoreExecutionEventTrigger
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

    from airflow_provider_aicore.api import Execution

__all__ = ["AICoreExecutionEventTrigger", "AICoreExecutionTrigger", "AICoreScheduledExecutionTrigger"]


class AICoreExecutionTrigger(BaseTrigger):
    """Waits for one execution to end, and never raises.

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
    :param first_look_after: seconds before the first look: a task that is woken while its worker still exits
        is failed by Airflow's scheduler.
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
        from airflow_provider_aicore.api import AICoreError
        from airflow_provider_aicore.poller import LOOKING_FAILED

        try:
            execution, outcome = await self._watch()
        except LOOKING_FAILED as error:
            return UNREACHABLE, None, str(error)
        except (AICoreError, ValueError) as error:
            return REFUSED, None, f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 - a raise would lose the task's arguments; the worker looks
            outcome = DEADLINE if self._seconds_left() == 0.0 else UNREACHABLE
            return outcome, None, f"{type(error).__name__}: {error}"
        if execution is None:
            return DEADLINE, None, "The execution could not be seen before the deadline."
        return outcome, execution.status.value, execution.status_message or ""

    async def _watch(self) -> tuple[Execution | None, str]:
        """Wait, and return the execution as seen last with what ended the wait."""
        from airflow_provider_aicore.api import lifecycle
        from airflow_provider_aicore.hooks.aicore import AICoreHook
        from airflow_provider_aicore.poller import Wait, is_overdue, until_ended
        from airflow_provider_aicore.triggers.connecting import connect

        left = self._seconds_left()
        patience = self.poll_error_budget if left is None else min(left, self.poll_error_budget)
        hook = AICoreHook(self.aicore_conn_id, self.resource_group)
        async with await connect(hook, self.log, patience=patience, pause=self.poll_interval) as client:
            wait = Wait(
                self.execution_id,
                interval=self.poll_interval,
                error_budget=self.poll_error_budget,
                first_look_after=self.first_look_after,
                seconds=self._seconds_left(),
                pending_timeout=self.pending_timeout,
            )
            execution = await client.run(until_ended(wait, retry=client.retry, log=self.log))
        if execution is None:
            return None, DEADLINE
        if lifecycle.outcome(execution.status):
            return execution, ENDED
        return execution, PENDING if is_overdue(wait, execution) else DEADLINE

    def _seconds_left(self) -> float | None:
        if self.deadline_at is None:
            return None
        return max(0.0, (datetime.fromisoformat(self.deadline_at) - datetime.now(UTC)).total_seconds())
