"""Triggers: what waits for AI Core while no worker does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_aicore.compat import CORE_CALLS_ON_KILL
from airflow_provider_aicore.triggers.base import AICoreWaitTrigger, End
from airflow_provider_aicore.triggers.deployment import AICoreDeploymentTrigger
from airflow_provider_aicore.triggers.execution_event import AICoreExecutionEventTrigger
from airflow_provider_aicore.triggers.loading import load
from airflow_provider_aicore.triggers.scheduled_execution import AICoreScheduledExecutionTrigger
from airflow_provider_aicore.wait_event import ENDED, EVENT_VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = [
    "AICoreDeploymentTrigger",
    "AICoreExecutionEventTrigger",
    "AICoreExecutionTrigger",
    "AICoreScheduledExecutionTrigger",
]


class AICoreExecutionTrigger(AICoreWaitTrigger):
    """Waits for one execution to end, and never raises.

    All that wait in one resource group of a triggerer look together, at most as often as Airflow's
    ``[aicore] poll_requests_per_minute`` and their intervals ask for.

    It fires once with ``{"version": 1, "outcome": …, "execution_id": …, "status": …, "message": …,
    "deadline_at": …, "resource_group": …, "log_shown": …}``; for the outcomes see
    :mod:`.wait_event`. The arguments are stored in clear by Airflow, so they hold no credentials; their
    names are a wire format.

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
    :param logs: ``live`` shows the execution's log and metrics in the task's log while it waits.
    :param expected_duration: seconds from its creation to its end that the execution will probably take;
        about then looks come sooner. Not known if not given.
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
        logs: str = "none",
        expected_duration: float | None = None,
    ) -> None:
        super().__init__(
            aicore_conn_id=aicore_conn_id,
            resource_group=resource_group,
            poll_interval=poll_interval,
            poll_error_budget=poll_error_budget,
            deadline_at=deadline_at,
            first_look_after=first_look_after,
        )
        self.execution_id = execution_id
        self.stop_on_kill = stop_on_kill
        self.pending_timeout = pending_timeout
        self.logs = logs
        self.expected_duration = expected_duration
        self.log_shown = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_aicore.triggers.aicore.AICoreExecutionTrigger",
            {
                "execution_id": self.execution_id,
                **self.arguments(),
                "stop_on_kill": self.stop_on_kill,
                "pending_timeout": self.pending_timeout,
                "logs": self.logs,
                "expected_duration": self.expected_duration,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            end = await self._wait()
        except asyncio.CancelledError:
            if not CORE_CALLS_ON_KILL:
                await self.on_kill()
            raise
        yield TriggerEvent(
            {
                "version": EVENT_VERSION,
                "outcome": end.outcome,
                "execution_id": self.execution_id,
                "status": end.status,
                "message": end.message,
                "deadline_at": self.deadline_at,
                "resource_group": self.resource_group,
                "log_shown": self.log_shown,
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

    async def _wait(self) -> End:
        await load("hooks.aicore", "poller")
        if self.logs != "live":
            return await self._watch_execution()
        await load("triggers.live_log", "triggers.live_metrics")
        from airflow_provider_aicore.triggers.live_log import LiveLog
        from airflow_provider_aicore.triggers.live_metrics import LiveMetrics

        async with LiveMetrics(self), LiveLog(self) as log:
            end = await self._watch_execution()
            if end.outcome == ENDED:
                self.log_shown = await log.finish()
            else:
                await log.leave()
        return end

    async def _watch_execution(self) -> End:
        from airflow_provider_aicore.poller import EXECUTIONS

        return await self.wait_for(
            self.execution_id,
            EXECUTIONS,
            pending_timeout=self.pending_timeout,
            expected_duration=self.expected_duration,
        )
