"""The trigger of asset watchers: executions become asset events."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_aicore.compat import store_of_watcher
from airflow_provider_aicore.triggers.loading import load

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from airflow_provider_aicore.api import Execution
    from airflow_provider_aicore.ended_executions import Cursor
    from airflow_provider_aicore.poller import Visit

PAYLOAD_VERSION = 1
MIN_POLL_INTERVAL = 10.0
MIN_EVENT_INTERVAL = 5.0
"""Closer events are not each given a run of their own by Airflow, whose scheduler needs a second or two."""
SETTLING = 3.0
"""Seconds after which an event stands in Airflow's database: its triggerer hands events on each second."""
_LONGEST_PAUSE = 600.0
_MAX_METRICS = 100
_ENDS = ("COMPLETED", "DEAD", "STOPPED")


class AICoreExecutionEventTrigger(BaseEventTrigger):
    """Makes an asset event of each execution that ends, for an `AssetWatcher`. It stops nothing.

    The payload is ``{"version": 1, "resource_group": …, "executions": […]}``; an execution there has the keys
    of a run's XCom and ``execution_schedule_id``; `metrics` are at most 100 and ``None`` where they could not
    be read. Airflow hands it on as ``event.extra["payload"]``.

    Each execution is told **at least once**, from the first start of the watcher on, also over restarts and
    pauses. It is told twice if the triggerer ends within some 3 s after an event, before it was noted; and
    not at all if its end is first seen more than a day after it, or where Airflow (before 3.3) keeps nothing
    for a watcher and it ends while none runs. By ids nothing is told twice otherwise.

    Airflow makes one run for several events that come while it has not made a run for the first yet. So
    events are `event_interval` apart.

    Airflow renders no templates here, and takes triggers with the same arguments for one.

    :param aicore_conn_id: the connection.
    :param resource_group: the resource group; the connection's if not given.
    :param execution_schedule_id: only executions of this schedule.
    :param execution_schedule_name: only those of a schedule that has this name now.
    :param scenario_id: only those of this scenario.
    :param executable_id: only those of this executable.
    :param configuration_id: only those of this configuration.
    :param statuses: how they have ended: of COMPLETED, which is the default, DEAD and STOPPED.
    :param poll_interval: seconds between two looks, at least 10.
    :param event_interval: seconds between two events, at least 5. Make it longer where Airflow's scheduler
        is slow and each execution has to have a run of its own.
    :param executions_per_event: how many executions one event may tell of.
    """

    def __init__(
        self,
        *,
        aicore_conn_id: str = "aicore_default",
        resource_group: str | None = None,
        execution_schedule_id: str | None = None,
        execution_schedule_name: str | None = None,
        scenario_id: str | None = None,
        executable_id: str | None = None,
        configuration_id: str | None = None,
        statuses: Sequence[str] = ("COMPLETED",),
        poll_interval: float = 60.0,
        event_interval: float = 15.0,
        executions_per_event: int = 1,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's carries no types.
        if isinstance(statuses, str) or not statuses or not set(statuses) <= set(_ENDS):
            raise ValueError(f"statuses is {statuses!r}, but a list of {', '.join(_ENDS)} is needed.")
        if execution_schedule_id is not None and execution_schedule_name is not None:
            raise ValueError("give execution_schedule_id or execution_schedule_name, not both.")
        for name, value, least in (
            ("poll_interval", poll_interval, MIN_POLL_INTERVAL),
            ("event_interval", event_interval, MIN_EVENT_INTERVAL),
        ):
            if not value >= least:
                raise ValueError(f"{name} is {value!r}, but at least {least:g} s are needed.")
        if not executions_per_event >= 1:
            raise ValueError(f"executions_per_event is {executions_per_event!r}, but at least 1 is needed.")
        self.aicore_conn_id = aicore_conn_id
        self.resource_group = resource_group
        self.watched = {
            "execution_schedule_id": execution_schedule_id,
            "execution_schedule_name": execution_schedule_name,
            "scenario_id": scenario_id,
            "executable_id": executable_id,
            "configuration_id": configuration_id,
        }
        self.statuses = sorted(set(statuses))
        self.poll_interval = poll_interval
        self.event_interval = event_interval
        self.executions_per_event = executions_per_event
        self._cursor: Cursor | None = None
        self._failures = 0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_aicore.triggers.aicore.AICoreExecutionEventTrigger",
            {
                "aicore_conn_id": self.aicore_conn_id,
                "resource_group": self.resource_group,
                **self.watched,
                "statuses": self.statuses,
                "poll_interval": self.poll_interval,
                "event_interval": self.event_interval,
                "executions_per_event": self.executions_per_event,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await load("hooks.aicore", "ended_executions", "poller", "result")
        from airflow_provider_aicore.hooks.aicore import AICoreHook
        from airflow_provider_aicore.poller import visit

        connection = (self.aicore_conn_id, self.resource_group)
        connect = AICoreHook(*connection).aget_conn
        while True:
            try:
                async with visit(connection=connection, connect=connect, log=self.log) as aicore:
                    self._cursor = self._cursor or await self._begin()
                    async with aclosing(self._tell(aicore)) as events:
                        async for event in events:
                            yield event
            except Exception as error:  # noqa: BLE001 - a raise would restart it every other second, for ever
                self._failures += 1
                pause = min(self.poll_interval * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE)
                self.log.warning(
                    "Watching executions failed; again in %.0f s. Nothing is lost meanwhile. %s: %s",
                    pause,
                    type(error).__name__,
                    error,
                )
                await asyncio.sleep(pause)

    async def _tell(self, aicore: Visit) -> AsyncGenerator[TriggerEvent, None]:
        """Look again and again, and note what was told only once Airflow has it for sure."""
        from airflow_provider_aicore.ended_executions import Watched, ended

        watched = Watched(statuses=self.statuses, **self.watched)
        while self._cursor is not None:
            looked_at = datetime.fromtimestamp(time.time(), UTC)
            seen = await aicore.run(lambda client: ended(watched, client.retry), fresh=self.poll_interval / 2)
            news = self._cursor.news(seen)
            while news:
                batch, news = news[: self.executions_per_event], news[self.executions_per_event :]
                told = [await self._told(aicore, execution) for execution in batch]
                yield TriggerEvent(
                    {
                        "version": PAYLOAD_VERSION,
                        "resource_group": aicore.resource_group,
                        "executions": told,
                    }
                )
                await asyncio.sleep(SETTLING)
                for execution in batch:
                    self._cursor = self._cursor.having_told(execution)
                await self._note(self._cursor)
                await asyncio.sleep(self.event_interval - SETTLING)
            self._failures = 0
            moved_on = self._cursor.moved_on(looked_at)
            if moved_on is not self._cursor:
                self._cursor = moved_on
                await self._note(moved_on)
            # Watchers with the same interval look at the same moment, so that one list serves all.
            await asyncio.sleep(max(1.0, self.poll_interval - time.monotonic() % self.poll_interval))

    async def _told(self, aicore: Visit, execution: Execution) -> dict[str, Any]:
        """Return what the payload says of an execution."""
        from airflow_provider_aicore.ended_executions import in_full
        from airflow_provider_aicore.result import xcom_value

        execution, values = await aicore.run(lambda client: in_full(execution, client.retry))
        if values is not None and len(values) > _MAX_METRICS:
            self.log.warning("Of %s metrics of execution %s 100 are told.", len(values), execution.id)
            values = dict(sorted(values.items())[:_MAX_METRICS])
        return {
            **xcom_value(execution, values, aicore.resource_group),
            "execution_schedule_id": execution.execution_schedule_id,
        }

    async def _begin(self) -> Cursor:
        """Go on where an earlier run of this watcher was, or begin now."""
        from airflow_provider_aicore.ended_executions import Cursor

        store = store_of_watcher(self)
        if store is None:
            self.log.warning(
                "Airflow keeps nothing for this watcher, as before 3.3: executions that end while no "
                "triggerer runs it are not told."
            )
        try:
            kept = None if store is None else await store.aget(self._key())
        except ValueError as error:
            raise ValueError(
                "several assets have this very trigger, and Airflow keeps nothing for them together: let the "
                "triggers differ in an argument, such as poll_interval."
            ) from error
        if kept is not None:
            return Cursor.of(kept)
        cursor = Cursor(datetime.fromtimestamp(time.time(), UTC))
        self.log.info("Executions that end from %s on are told.", cursor.horizon)
        await self._note(cursor)
        return cursor

    async def _note(self, cursor: Cursor) -> None:
        store = store_of_watcher(self)
        if store is not None:
            await store.aset(self._key(), cursor.kept())

    def _key(self) -> str:
        """Tell watchers of one asset apart; one that watches for something else begins anew."""
        what = json.dumps([self.aicore_conn_id, self.resource_group, self.watched, self.statuses])
        return f"aicore_executions_{hashlib.sha256(what.encode()).hexdigest()[:16]}"
