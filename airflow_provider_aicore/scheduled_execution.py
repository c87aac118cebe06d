"""Finding the execution that a schedule has started; it knows no Airflow.

AI Core tells nobody that a schedule has started something, and cannot be asked for executions of a time: the
schedule says when one is due, and the list of its executions whether it is there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, get_args

from airflow_provider_aicore import schedule_times
from airflow_provider_aicore.api import executions, schedule_changes
from airflow_provider_aicore.api.call import Flow, Sleep, pages
from airflow_provider_aicore.api.errors import NotFoundError
from airflow_provider_aicore.api.schedule_runs import SLACK, Pick, Selection, select
from airflow_provider_aicore.api.termination import NOT_FOUND_GRACE
from airflow_provider_aicore.poller import HEARTBEAT, TROUBLE, Log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aicore.api.errors import AICoreError
    from airflow_provider_aicore.api.models import Execution, ExecutionSchedule
    from airflow_provider_aicore.api.retry import RetryPolicy

LATE_IN_LISTS = timedelta(seconds=60)
"""So long after an execution was due to be created it may still appear: a list can lag."""
_SHOWN = 5


class NotComingError(RuntimeError):
    """The execution that is looked for is not there, and will not be."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which execution of which schedule is looked for; made by :meth:`of`.

    :param pick: ``data_interval``: that of the last tick in the data interval, or of the last one until then
        if the interval has no length. ``next``: the first one that is created after `since`. ``newest``: the
        last one that was created before `since`, and if there is none the next. So each look finds the same.
    :param slack: how long after its tick an execution is created at most.
    """

    which: schedule_changes.Which
    pick: Pick
    since: datetime
    start: datetime | None
    end: datetime | None
    slack: timedelta

    @classmethod
    def of(
        cls,
        *,
        since: datetime | str,
        execution_schedule_id: str | None = None,
        name: str | None = None,
        pick: str = "data_interval",
        data_interval_start: datetime | str | None = None,
        data_interval_end: datetime | str | None = None,
        slack: float = SLACK.total_seconds(),
    ) -> Self:
        """Check what is given.

        :raises ValueError: not exactly one of id and name, an unknown pick, or no data interval for it.
        """
        known: tuple[Pick, ...] = get_args(Pick)
        chosen = next((one for one in known if one == pick), None)
        if chosen is None:
            raise ValueError(f"pick is {pick!r}, but one of {', '.join(known)} is needed.")
        start, end = (
            None if one is None else schedule_times.in_utc("data interval", one)
            for one in (data_interval_start, data_interval_end)
        )
        if chosen == "data_interval" and (start is None or end is None):
            raise ValueError(
                "pick is 'data_interval', but this run has none, as is so with manual runs without a logical "
                "date and with runs by asset: take pick='next' or pick='newest'."
            )
        which = schedule_changes.Which.of(execution_schedule_id, name)
        since = schedule_times.in_utc("since", since)
        return cls(which, chosen, since, start, end, timedelta(seconds=slack))

    def arguments(self) -> dict[str, Any]:
        """Return what makes the same search again, as JSON."""
        return {
            "execution_schedule_id": None if self.which.is_name else self.which.text,
            "name": self.which.text if self.which.is_name else None,
            "pick": self.pick,
            "since": self.since.isoformat(),
            "data_interval_start": None if self.start is None else self.start.isoformat(),
            "data_interval_end": None if self.end is None else self.end.isoformat(),
            "slack": self.slack.total_seconds(),
        }

    def __str__(self) -> str:
        interval = f" {self.start} to {self.end}" if self.pick == "data_interval" else ""
        return f"execution schedule {self.which.text}, pick {self.pick}{interval}"

    def select(self, schedule: ExecutionSchedule, found: Sequence[Execution]) -> Selection:
        """Select the one that is meant, whatever its status."""
        if self.pick == "data_interval":
            start, end = self._interval(schedule)
            return select(schedule, found, start, end, slack=self.slack)
        before = [one for one in found if one.created_at <= self.since]
        if self.pick == "newest" and before:
            return select(schedule, before, self.since, self.since, pick="newest")
        return select(schedule, found, self.since, self.since, pick="next")

    def _interval(self, schedule: ExecutionSchedule) -> tuple[datetime, datetime]:
        if self.start is None or self.end is None:
            raise ValueError("there is no data interval")
        if self.start < self.end:
            return self.start, self.end
        # Airflow's own timetables give an interval without length unless they are told another one.
        tick = schedule_times.last_tick(schedule_times.normalised(schedule.cron), self.end) or self.end
        return tick, tick + timedelta(seconds=1)


def look(
    search: Search, retry: RetryPolicy, log: Log, *, wall: Callable[[], float] | None = None
) -> Flow[Execution | None]:
    """Look once.

    :param wall: a clock in seconds since the epoch; the system's if not given.
    :return: the execution, as lists have it, or none as long as it may come.
    :raises NotComingError: it will not.
    :raises ScheduleRefusedError: none or several schedules have the name.
    """
    schedule = yield from schedule_changes.meant(search.which, retry)
    instant = schedule_changes.instant_of(wall)
    seen: list[Execution] = []
    try:
        selection = search.select(schedule, seen)
        if not selection.ticks or selection.ticks[-1] <= instant:
            seen = yield from _executions_of(schedule.id, retry)
            selection = search.select(schedule, seen)
    except ValueError as error:
        raise NotComingError(
            f"Which execution of execution schedule {schedule.id}, {schedule.name!r}, is that of a tick "
            f"cannot be told: {error} Take pick='next' or pick='newest'."
        ) from error
    if selection.doubles:
        log.warning(
            "Schedule %s has started several executions at the tick %s; the first one counts, not %s.",
            schedule.id,
            selection.ticks[-1],
            ", ".join(one.id for one in selection.doubles),
        )
    if selection.execution is None and not _may_come(search, schedule, selection, instant):
        raise NotComingError(_why(search, schedule, selection, seen))
    return selection.execution


def _executions_of(schedule_id: str, retry: RetryPolicy) -> Flow[list[Execution]]:
    query = executions.query
    found = yield from pages(
        lambda top, skip: query(execution_schedule_id=schedule_id, top=top, skip=skip), retry
    )
    return list({one.id: one for one in found}.values())


def until_found(
    search: Search,
    retry: RetryPolicy,
    log: Log,
    *,
    interval: float = 30.0,
    error_budget: float = 1800.0,
    seconds: float | None = None,
    now: Callable[[], float] | None = None,
    wall: Callable[[], float] | None = None,
) -> Flow[Execution | None]:
    """Look until the execution is there or the time is over; as :func:`.poller.until_ended` in all else.

    :param seconds: how long to look at most; ``None`` for as long as it may come.
    :return: the execution, as lists have it, or none if the time was over.
    """
    now = now or time.monotonic
    begin = now()
    end = None if seconds is None else begin + seconds
    patience = _Patience(error_budget, begin)
    said = -HEARTBEAT
    pause = 0.0
    while True:
        yield Sleep(pause if end is None else max(0.0, min(pause, end - now())))
        pause = interval * (1 + retry.jitter() / 10)
        try:
            execution = yield from look(search, retry, log, wall=wall)
        except TROUBLE as error:
            patience.bear(error, now(), log)
            pause = max(pause, getattr(error, "retry_after", None) or 0.0)
        else:
            if execution is not None:
                log.info("Execution %s of %s is the one; it is %s.", execution.id, search, execution.status)
                return execution
            patience = _Patience(error_budget, now())
            if now() - said >= HEARTBEAT:
                said = now()
                log.info("No execution yet of %s.", search)
        if end is not None and now() >= end:
            return None


class _Patience:
    """How much trouble in looking is borne."""

    def __init__(self, budget: float, since: float) -> None:
        self._budget = budget
        self._since = since
        self._missing_since: float | None = None

    def bear(self, error: AICoreError, now: float, log: Log) -> None:
        """Say so, and raise it when it has lasted too long."""
        if isinstance(error, NotFoundError):
            self._missing_since = now if self._missing_since is None else self._missing_since
            left = NOT_FOUND_GRACE - (now - self._missing_since)
        else:
            left = self._budget - (now - self._since)
        if left <= 0:
            raise error
        log.warning("Looking for the execution failed; looking again for %.0f s more. %s", left, error)


def _may_come(search: Search, schedule: ExecutionSchedule, selection: Selection, now: datetime) -> bool:
    """Tell whether what is not there can still appear."""
    if search.pick == "data_interval":
        return any(_is_awaited(schedule, tick, now, search.slack) for tick in selection.ticks[-1:])
    try:
        cron = schedule_times.normalised(schedule.cron)
    except ValueError:
        return schedule.status != "INACTIVE"
    begin = schedule.created_at if schedule.start is None else max(schedule.created_at, schedule.start)
    before = schedule_times.last_tick(cron, now)
    after = next(schedule_times.ticks(cron, max(now, begin), schedule.end), None)
    return any(
        tick is not None
        and (schedule.end is None or tick < schedule.end)
        and _is_awaited(schedule, tick, now, search.slack)
        for tick in (before, after)
    )


def _is_awaited(schedule: ExecutionSchedule, tick: datetime, now: datetime, slack: timedelta) -> bool:
    """Tell whether the execution of a tick can still appear."""
    is_inactive = schedule.status == "INACTIVE"
    if tick > now:
        return not is_inactive
    # One that has ended is INACTIVE as well, and was not at its last tick.
    was_paused = (
        is_inactive and not schedule_changes.has_ended(schedule, now) and schedule.modified_at <= tick
    )
    return not was_paused and now < tick + slack + LATE_IN_LISTS


def _why(search: Search, schedule: ExecutionSchedule, selection: Selection, seen: Sequence[Execution]) -> str:
    """Say what was looked for, and what was seen instead."""
    if search.pick != "data_interval":
        what = f"No execution was created after {search.since}, and none will be"
    elif not selection.ticks:
        what = f"There is no tick for the data interval from {search.start} to {search.end}"
    else:
        what = f"No execution was created within {search.slack} of the tick {selection.ticks[-1]}"
    wanted = selection.ticks[-1] if selection.ticks else search.end or search.since
    ticks = ", ".join(str(tick) for tick in selection.ticks[-_SHOWN:])
    nearest = sorted(seen, key=lambda one: abs(one.created_at - wanted))[:_SHOWN]
    around = "; ".join(f"{one.id} created {one.created_at}, {one.status}" for one in nearest)
    limits = f"created {schedule.created_at}, start {schedule.start}, end {schedule.end}"
    return (
        f"{what}: execution schedule {schedule.id}, {schedule.name!r}, is {schedule.status} (changed "
        f"{schedule.modified_at}), cron {schedule.cron!r}, {limits}."
        f"{f' Its ticks in the data interval: {ticks}.' if ticks else ''}"
        f" Executions of it that are there: {len(seen)}{f', the nearest {around}' if around else ''}."
    )
