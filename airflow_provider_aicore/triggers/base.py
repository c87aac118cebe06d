"""What triggers have in common that wait for one thing to end."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.providers.common.compat.sdk import conf
from airflow.triggers.base import BaseTrigger

from airflow_provider_aicore.wait_event import DEADLINE, ENDED, PENDING, REFUSED, UNREACHABLE

if TYPE_CHECKING:
    from airflow_provider_aicore.poller import Entity, Kind


class End(NamedTuple):
    """How a wait ended.

    :param outcome: one of :mod:`.wait_event`.
    :param status: as seen last, if it was seen.
    :param message: of AI Core, or why the wait ended.
    :param entity: as seen last; of a deployment in full if it has ended.
    """

    outcome: str
    status: str | None
    message: str
    entity: Entity | None = None


class AICoreWaitTrigger(BaseTrigger):
    """Waits in the shared poll; for the arguments see :class:`~.aicore.AICoreExecutionTrigger`."""

    def __init__(
        self,
        *,
        aicore_conn_id: str,
        resource_group: str | None,
        poll_interval: float,
        poll_error_budget: float,
        deadline_at: str | None,
        first_look_after: float,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's carries no types.
        self.aicore_conn_id = aicore_conn_id
        self.resource_group = resource_group
        self.poll_interval = poll_interval
        self.poll_error_budget = poll_error_budget
        self.deadline_at = deadline_at
        self.first_look_after = first_look_after

    def arguments(self) -> dict[str, Any]:
        """Return what is stored of these."""
        return {
            "aicore_conn_id": self.aicore_conn_id,
            "resource_group": self.resource_group,
            "poll_interval": self.poll_interval,
            "poll_error_budget": self.poll_error_budget,
            "deadline_at": self.deadline_at,
            "first_look_after": self.first_look_after,
        }

    async def wait_for(
        self,
        entity_id: str,
        kind: Kind,
        *,
        pending_timeout: float | None = None,
        expected_duration: float | None = None,
    ) -> End:
        """Wait for one thing to end; any error becomes an outcome that a worker looks into."""
        from airflow_provider_aicore.api import AICoreError
        from airflow_provider_aicore.poller import LOOKING_FAILED

        try:
            seen, outcome = await self._watch(entity_id, kind, pending_timeout, expected_duration)
        except LOOKING_FAILED as error:
            return End(UNREACHABLE, None, str(error))
        except (AICoreError, ValueError) as error:
            return End(REFUSED, None, f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a raise would lose the task's arguments; the worker looks
            return End(UNREACHABLE, None, f"{type(error).__name__}: {error}")
        if seen is None:
            return End(DEADLINE, None, f"The {kind.noun} could not be seen before the deadline.")
        return End(outcome, seen.status.value, seen.status_message or "", seen)

    async def _watch(
        self, entity_id: str, kind: Kind, pending_timeout: float | None, expected_duration: float | None
    ) -> tuple[Entity | None, str]:
        """Wait, and return what was seen last with what ended the wait."""
        from airflow_provider_aicore.api import Execution
        from airflow_provider_aicore.hooks.aicore import AICoreHook
        from airflow_provider_aicore.poller import Wait, is_overdue, wait_for

        try:
            per_minute = _requests_per_minute()
            left = self.seconds_left()
            wait = Wait(
                entity_id,
                interval=self.poll_interval,
                error_budget=self.poll_error_budget,
                first_look_after=self.first_look_after,
                seconds=None if left is None else max(left, self.first_look_after),
                pending_timeout=pending_timeout,
                expected_duration=expected_duration,
                kind=kind,
            )
        except ValueError:
            if 0 <= self.first_look_after < math.inf:
                await asyncio.sleep(self.first_look_after)  # Nor is this told while the worker still exits.
            raise
        seen = await wait_for(
            wait,
            log=self.log,
            connection=(self.aicore_conn_id, self.resource_group),
            connect=AICoreHook(self.aicore_conn_id, self.resource_group).aget_conn,
            requests_per_minute=per_minute,
        )
        if seen is not None and kind.has_ended(seen.status):
            return seen, ENDED
        # What was seen in a list only says nothing about its start.
        return seen, PENDING if isinstance(seen, Execution) and is_overdue(wait, seen) else DEADLINE

    def seconds_left(self) -> float | None:
        """Say how long to wait; ``None`` for as long as it takes."""
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
