"""Which execution of a schedule is meant: that of a tick, the newest, or the next.

AI Core says which schedule an execution is of, but not of which tick, and starts it some minutes later. So an
execution is taken for that of the last tick before its creation, if it was created soon enough after it. What
is later counts as missing, since nothing tells it from a start that has nothing to do with the tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from airflow_provider_aicore import schedule_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_aicore.api.models import Execution, ExecutionSchedule

Pick = Literal["data_interval", "newest", "next"]

SLACK = timedelta(minutes=15)
"""Starts have been seen up to 11 minutes after the tick, in a screenshot of SAP's documentation."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What was found.

    :param execution: the one that is meant, if there is one.
    :param doubles: others of the same tick, younger.
    :param ticks: those of the data interval; the last one counts. None for the other picks.
    :param due_by: when its execution should have been created. None where no tick counts.
    """

    execution: Execution | None
    doubles: Sequence[Execution] = ()
    ticks: Sequence[datetime] = ()
    due_by: datetime | None = None


def select(
    schedule: ExecutionSchedule,
    executions: Iterable[Execution],
    start: datetime,
    end: datetime,
    *,
    pick: Pick = "data_interval",
    slack: timedelta = SLACK,
) -> Selection:
    """Select one of a schedule's executions, whatever its status.

    :param executions: those of the schedule, in any order.
    :param start: with `end`, the data interval; a tick at `start` is in it, a tick at `end` is not.
    :param pick: ``data_interval``: that of the interval's last tick. ``newest``: the one created last.
        ``next``: the first one created from `start` on.
    :param slack: how long after the tick the execution is created at most; one that is created after the
        next tick is that one's.
    """
    by_age = sorted(executions, key=lambda one: (one.created_at, one.id))
    if pick == "newest":
        return Selection(by_age[-1] if by_age else None)
    if pick == "next":
        return Selection(next((one for one in by_age if one.created_at >= start), None))
    ticks = _ticks(schedule, start, end)
    # Whether a tick at the very end of a schedule starts something is not documented: what is there tells.
    at_end = _tick_at_end(schedule, start, end)
    if at_end and any(at_end[0] <= one.created_at < at_end[0] + slack for one in by_age):
        ticks += at_end
    if not ticks:
        return Selection(None)
    due_by = ticks[-1] + slack
    next_tick = next(schedule_times.ticks(_cron(schedule), ticks[-1] + timedelta(seconds=1)), due_by)
    of_tick = [one for one in by_age if ticks[-1] <= one.created_at < min(due_by, next_tick)]
    return Selection(of_tick[0] if of_tick else None, of_tick[1:], ticks, due_by)


def _ticks(schedule: ExecutionSchedule, start: datetime, end: datetime) -> list[datetime]:
    begins = [start, schedule.created_at, *([] if schedule.start is None else [schedule.start])]
    ends = [end, *([] if schedule.end is None else [schedule.end])]
    return list(schedule_times.ticks(_cron(schedule), max(begins), min(ends)))


def _tick_at_end(schedule: ExecutionSchedule, start: datetime, end: datetime) -> list[datetime]:
    if schedule.end is None or not start <= schedule.end < end:
        return []
    return list(schedule_times.ticks(_cron(schedule), schedule.end, schedule.end + timedelta(seconds=1)))


def _cron(schedule: ExecutionSchedule) -> str:
    return schedule_times.normalised(schedule.cron)
