"""The trigger for what an execution schedule has started."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_aicore.triggers.base import AICoreWaitTrigger
from airflow_provider_aicore.triggers.loading import load
from airflow_provider_aicore.wait_event import DEADLINE, EVENT_VERSION, NOT_COMING, REFUSED, UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_aicore.api import Execution


class AICoreScheduledExecutionTrigger(AICoreWaitTrigger):
    """Finds the execution that a schedule has started and waits for its end; never raises, stops nothing.

    It fires once, as :class:`~.aicore.AICoreExecutionTrigger` does, with `search` in addition: how the
    execution is found, for whoever has to look again. While it was not found, `execution_id` is empty. The
    names of the arguments are a wire format.

    :param since: now, ISO 8601 with time zone: what `pick` ``next`` and ``newest`` count from.
    :param execution_schedule_id: the schedule.
    :param name: its name, in place of the id.
    :param pick: ``data_interval``, ``next`` or ``newest``, as the sensor has them.
    :param data_interval_start: of the run, ISO 8601 with time zone.
    :param data_interval_end: of the run, ISO 8601 with time zone.
    :param slack: seconds for which an execution may be created late.
    :param aicore_conn_id: the connection.
    :param resource_group: the resource group; the connection's if not given.
    :param poll_interval: seconds between two looks.
    :param poll_error_budget: seconds without one good answer before the task is woken.
    :param deadline_at: when to stop waiting, ISO 8601 with time zone; never if not given.
    :param first_look_after: seconds before the first look, and before anything is told: a task that is woken
        while its worker still exits is failed by Airflow's scheduler.
    :param expected_duration: as :class:`~.aicore.AICoreExecutionTrigger` has it, once it is found.
    """

    def __init__(
        self,
        *,
        since: str,
        execution_schedule_id: str | None = None,
        name: str | None = None,
        pick: str = "data_interval",
        data_interval_start: str | None = None,
        data_interval_end: str | None = None,
        slack: float = 900.0,
        aicore_conn_id: str = "aicore_default",
        resource_group: str | None = None,
        poll_interval: float = 30.0,
        poll_error_budget: float = 1800.0,
        deadline_at: str | None = None,
        first_look_after: float = 5.0,
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
        self.search = {
            "execution_schedule_id": execution_schedule_id,
            "name": name,
            "pick": pick,
            "since": since,
            "data_interval_start": data_interval_start,
            "data_interval_end": data_interval_end,
            "slack": slack,
        }
        self.expected_duration = expected_duration

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_aicore.triggers.aicore.AICoreScheduledExecutionTrigger",
            {**self.search, **self.arguments(), "expected_duration": self.expected_duration},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger

        execution, outcome, message = await self._find()
        if execution is None:
            yield TriggerEvent(
                {
                    "version": EVENT_VERSION,
                    "outcome": outcome,
                    "execution_id": "",
                    "status": None,
                    "message": message,
                    "deadline_at": self.deadline_at,
                    "resource_group": self.resource_group,
                    "search": self.search,
                }
            )
            return
        arguments = {**self.arguments(), "first_look_after": 0.0}
        wait = AICoreExecutionTrigger(
            execution_id=execution.id, expected_duration=self.expected_duration, **arguments
        )
        async for event in wait.run():
            yield TriggerEvent({**event.payload, "search": self.search})

    async def _find(self) -> tuple[Execution | None, str, str]:
        """Return what was found, or the event's outcome and message; any error becomes one of those."""
        await load("hooks.aicore", "scheduled_execution")
        from airflow_provider_aicore.api import AICoreError
        from airflow_provider_aicore.api.schedule_changes import ScheduleRefusedError
        from airflow_provider_aicore.poller import LOOKING_FAILED
        from airflow_provider_aicore.scheduled_execution import NotComingError

        try:
            found = await self._until_found()
        except (NotComingError, ScheduleRefusedError) as error:
            return None, NOT_COMING, str(error)
        except LOOKING_FAILED as error:
            return None, UNREACHABLE, str(error)
        except (AICoreError, ValueError) as error:
            return None, REFUSED, f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 - a raise would lose the task's arguments; the worker looks
            outcome = DEADLINE if self.seconds_left() == 0.0 else UNREACHABLE
            return None, outcome, f"{type(error).__name__}: {error}"
        return found, DEADLINE, "The execution was not there before the deadline."

    async def _until_found(self) -> Execution | None:
        from airflow_provider_aicore.hooks.aicore import AICoreHook
        from airflow_provider_aicore.poller import check_interval, visit
        from airflow_provider_aicore.scheduled_execution import Search, until_found

        await asyncio.sleep(self.first_look_after)
        check_interval(self.poll_interval)
        search = Search.of(**self.search)  # type: ignore[arg-type]  # what it is made of is JSON
        left = self.seconds_left()
        patience = self.poll_error_budget if left is None else min(left, self.poll_error_budget)
        hook = AICoreHook(self.aicore_conn_id, self.resource_group)
        connection = (self.aicore_conn_id, self.resource_group)
        async with visit(
            connection=connection, connect=hook.aget_conn, log=self.log, patience=patience
        ) as aicore:
            return await aicore.run(
                lambda client: until_found(
                    search,
                    client.retry,
                    self.log,
                    interval=self.poll_interval,
                    error_budget=self.poll_error_budget,
                    seconds=self.seconds_left(),
                ),
                # All that look for an execution of the same schedule share what they read.
                fresh=self.poll_interval / 2,
            )
