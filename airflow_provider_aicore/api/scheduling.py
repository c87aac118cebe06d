"""The flow that brings an execution schedule to how it should be, whether it is there or not.

A schedule is known by its name here, as in the code that describes it. AI Core does not hold names unique, so
what has the same name is told apart: what one description made twice at once, and what different people made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_aicore import schedule_times
from airflow_provider_aicore.api import execution_schedules, meta
from airflow_provider_aicore.api.call import Flow, Sleep, once
from airflow_provider_aicore.api.errors import (
    APIConnectionError,
    NotFoundError,
    ServerError,
    UnexpectedResponseError,
)
from airflow_provider_aicore.api.schedule_changes import (
    ScheduleRefusedError,
    age,
    get,
    has_ended,
    instant_of,
    modify,
    named,
    remove,
    single,
)
from airflow_provider_aicore.api.validation import check_id, check_schedule_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_aicore.api.models import ExecutionSchedule
    from airflow_provider_aicore.api.retry import RetryPolicy

_BORN_TOGETHER = timedelta(seconds=60)
_LOOKS_AFTER_A_LOST_ANSWER = 4
_SECONDS_BETWEEN_LOOKS = 5.0
_TICKS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class WantedSchedule:
    """How an execution schedule should be; made by :meth:`of`.

    :param cron: normalised.
    :param start: in UTC and whole seconds; as it is, if not given.
    :param end: as `start`.
    """

    name: str
    cron: str
    configuration_id: str
    start: datetime | None
    end: datetime | None

    @classmethod
    def of(
        cls,
        name: str,
        cron: str,
        configuration_id: str,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
    ) -> Self:
        """Check what is given and write it as AI Core takes it.

        :raises ValueError: something is not as AI Core takes it.
        """
        wanted = cls(
            check_schedule_name(name),
            schedule_times.normalised(cron),
            check_id("configuration_id", configuration_id),
            None if start is None else _cut(schedule_times.in_utc("start", start)),
            None if end is None else _cut(schedule_times.in_utc("end", end)),
        )
        schedule_times.check_order(wanted.start, wanted.end)
        return wanted

    def differences(self, schedule: ExecutionSchedule) -> dict[str, tuple[Any, Any]]:
        """Return what a schedule has and should have, by what has to be changed."""
        pairs = {
            "cron": (_readable(schedule.cron), self.cron),
            "configuration_id": (schedule.configuration_id, self.configuration_id),
            "start": (_cut(schedule.start), self.start),
            "end": (_cut(schedule.end), self.end),
        }
        return {name: (has, wants) for name, (has, wants) in pairs.items() if wants not in {None, has}}


@dataclass(frozen=True, slots=True)
class EnsuredSchedule:
    """What is there now.

    :param changes: what it had and has, by what was changed.
    :param removed: ids of schedules that the same description had made at the same time.
    :param next_ticks: up to five; none if it is not ACTIVE.
    """

    schedule: ExecutionSchedule
    created: bool
    changes: Mapping[str, tuple[Any, Any]]
    removed: Sequence[str]
    next_ticks: Sequence[datetime]


def ensure(
    wanted: WantedSchedule, retry: RetryPolicy, *, now: Callable[[], float] | None = None
) -> Flow[EnsuredSchedule]:
    """Create a schedule, or change what differs in the one of this name.

    A paused schedule stays paused; one whose end had passed is active again with a later end.

    :param now: the clock, in seconds since the epoch; the system's if not given.
    :raises ScheduleRefusedError: it would be too frequent, or never tick; or several have this name.
    """
    instant = instant_of(now)
    found = yield from named(wanted.name, retry)
    own = None
    if not found:
        yield from _refuse_pointless(wanted, wanted.start, wanted.end, instant, retry)
        own, found = yield from _create(wanted, retry)
    left, removed = yield from _take_back(found, own, retry)
    schedule, surplus = _told_apart(left, own)
    changes = wanted.differences(schedule)
    if changes:
        start, end = wanted.start or schedule.start, wanted.end or schedule.end
        yield from _refuse_pointless(wanted, start, end, instant, retry)
    for one in surplus:
        yield from remove(one, retry)
    if changes:
        if has_ended(schedule, instant):
            changes["status"] = (schedule.status, "ACTIVE")
        values = {name: value for name, (_, value) in changes.items()}
        schedule = yield from modify(schedule.id, values, retry)
    next_ticks = _next_ticks(schedule, wanted.cron, instant)
    return EnsuredSchedule(schedule, own == schedule.id, changes, [*removed, *surplus], next_ticks)


def _create(wanted: WantedSchedule, retry: RetryPolicy) -> Flow[tuple[str | None, list[ExecutionSchedule]]]:
    """Create a schedule, and list again: someone else may have done so, too, in the same moment.

    :return: the id, if AI Core has told it, and all schedules of the name.
    """
    call = execution_schedules.create(
        name=wanted.name,
        cron=wanted.cron,
        configuration_id=wanted.configuration_id,
        start=wanted.start,
        end=wanted.end,
    )
    try:
        own = (yield from once(call, retry)).id
    except (APIConnectionError, ServerError, UnexpectedResponseError) as error:
        if isinstance(error, APIConnectionError) and not error.may_have_taken_effect:
            raise
        found = yield from _appeared(wanted.name, retry)
        if not found:
            raise
        return None, found
    found = yield from named(wanted.name, retry)
    if own in {one.id for one in found}:
        return own, found
    try:
        # Only who asks for the id is promised to see it at once.
        return own, sorted([*found, (yield from get(own, retry))], key=age)
    except NotFoundError:
        # Who has made an older one in the same moment has seen both already, and deleted this one.
        if not found:
            raise
        return own, found


def _appeared(name: str, retry: RetryPolicy) -> Flow[list[ExecutionSchedule]]:
    """Look for what may have been created although no good answer came."""
    found: list[ExecutionSchedule] = []
    for _ in range(_LOOKS_AFTER_A_LOST_ANSWER):
        yield Sleep(_SECONDS_BETWEEN_LOOKS)
        found = yield from named(name, retry)
        if found:
            break
    return found


def _take_back(
    found: Sequence[ExecutionSchedule], own: str | None, retry: RetryPolicy
) -> Flow[tuple[Sequence[ExecutionSchedule], list[str]]]:
    """Delete what was just created if it is not the oldest, so that two who create at once agree.

    :return: what is left, and the ids of what was deleted.
    """
    if own is None or own == found[0].id:
        return found, []
    yield from remove(own, retry)
    return [one for one in found if one.id != own], [own]


def _told_apart(found: Sequence[ExecutionSchedule], own: str | None) -> tuple[ExecutionSchedule, list[str]]:
    """Keep the oldest, and find what the same description made at the same time.

    The oldest's maker need not wait until others have taken theirs back.

    :return: the one that is kept, and the ids of those that are to be deleted.
    :raises ScheduleRefusedError: others have the name, too.
    """
    oldest = found[0]
    surplus = [one.id for one in found[1:] if _made_at_once(oldest, one)]
    if own != oldest.id and len(surplus) + 1 < len(found):
        single(found, oldest.name)
    return oldest, surplus


def _made_at_once(one: ExecutionSchedule, other: ExecutionSchedule) -> bool:
    def says(schedule: ExecutionSchedule) -> tuple[object, ...]:
        return _readable(schedule.cron), schedule.configuration_id, _cut(schedule.end), schedule.status

    # Without a start AI Core may set the instant of the creation.
    starts = (one.start or one.created_at, other.start or other.created_at)
    together = abs(one.created_at - other.created_at) <= _BORN_TOGETHER
    return says(one) == says(other) and together and abs(starts[0] - starts[1]) <= _BORN_TOGETHER


def _refuse_pointless(
    wanted: WantedSchedule,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    retry: RetryPolicy,
) -> Flow[None]:
    """Refuse what AI Core would, or what would never start an execution, before anything is changed."""
    limits = yield from once(meta.get(), retry)
    try:
        schedule_times.check_interval(wanted.cron, timedelta(hours=limits.minimum_schedule_hours))
    except ValueError as error:
        raise ScheduleRefusedError(str(error)) from error
    begin = now if start is None else max(now, start)
    if end is not None and end <= now:
        given = "" if wanted.end else " AI Core has no known way to take an end away, so give a later one."
        raise ScheduleRefusedError(f"end is {end}, which has passed: nothing would be started.{given}")
    if next(schedule_times.ticks(wanted.cron, begin, end), None) is None:
        raise ScheduleRefusedError(
            f"cron is {wanted.cron!r}, with no tick from {begin} to {end}: nothing would be started."
        )


def _next_ticks(schedule: ExecutionSchedule, cron: str, now: datetime) -> list[datetime]:
    if schedule.status == "INACTIVE":
        return []
    begin = now if schedule.start is None else max(now, schedule.start)
    return list(islice(schedule_times.ticks(cron, begin, schedule.end), _TICKS_SHOWN))


def _readable(cron: str) -> str:
    """Normalise what others may have written, as far as it can be read."""
    try:
        return schedule_times.normalised(cron)
    except ValueError:
        return cron


def _cut(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(microsecond=0)
