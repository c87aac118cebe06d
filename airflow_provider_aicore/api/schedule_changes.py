"""Flows that look for execution schedules and change one: pause, resume, delete.

AI Core does not hold the names of schedules unique: a name that several have does not say which one is meant.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from airflow_provider_aicore.api import execution_schedules
from airflow_provider_aicore.api.call import Flow, once, pages
from airflow_provider_aicore.api.errors import NotFoundError
from airflow_provider_aicore.api.validation import check_id, check_schedule_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_aicore.api.models import ExecutionSchedule
    from airflow_provider_aicore.api.retry import RetryPolicy

_NAMES_SHOWN = 10


class ScheduleRefusedError(RuntimeError):
    """What is asked of an execution schedule cannot be done. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Which:
    """Names one schedule, by id or by name; made by :meth:`of`."""

    text: str
    is_name: bool

    @classmethod
    def of(cls, execution_schedule_id: str | None, name: str | None) -> Self:
        """Check that exactly one of both is given.

        :raises ValueError: none or both, or it is malformed.
        """
        if (execution_schedule_id is None) == (name is None):
            raise ValueError(
                f"execution_schedule_id is {execution_schedule_id!r} and name is {name!r}, but exactly one "
                "of them is needed, to tell which execution schedule is meant."
            )
        if name is not None:
            return cls(check_schedule_name(name), is_name=True)
        return cls(check_id("execution_schedule_id", execution_schedule_id), is_name=False)


def set_status(
    which: Which,
    status: Literal["ACTIVE", "INACTIVE"],
    retry: RetryPolicy,
    *,
    now: Callable[[], float] | None = None,
) -> Flow[tuple[ExecutionSchedule, bool]]:
    """Pause or resume a schedule; one that is paused or active already is left alone.

    :return: the schedule, and whether it was changed.
    :raises ScheduleRefusedError: it has ended and cannot be resumed, or none or several have this name.
    """
    schedule = yield from meant(which, retry)
    if schedule.status == status:
        return schedule, False
    if status == "ACTIVE" and has_ended(schedule, instant_of(now)):
        raise ScheduleRefusedError(
            f"Execution schedule {schedule.id}, {schedule.name!r}, cannot be resumed: its end, "
            f"{schedule.end}, has passed. Ensure it with a later end, and it is active again."
        )
    return (yield from modify(schedule.id, {"status": status}, retry)), True


def delete(which: Which, retry: RetryPolicy) -> Flow[str | None]:
    """Delete a schedule; its executions stay.

    :return: its id, or none if it was not there.
    :raises ScheduleRefusedError: several have this name.
    """
    schedule_id = which.text
    if which.is_name:
        found = yield from named(which.text, retry)
        if not found:
            return None
        schedule_id = single(found, which.text).id
    return schedule_id if (yield from remove(schedule_id, retry)) else None


def meant(which: Which, retry: RetryPolicy) -> Flow[ExecutionSchedule]:
    """Read the schedule that is meant.

    :raises ScheduleRefusedError: none or several have the name.
    """
    if which.is_name:
        return single((yield from named(which.text, retry, must_exist=True)), which.text)
    return (yield from get(which.text, retry))


def named(name: str, retry: RetryPolicy, *, must_exist: bool = False) -> Flow[list[ExecutionSchedule]]:
    """Get the schedules of exactly this name, the oldest first; AI Core cannot search for them.

    :raises ScheduleRefusedError: there is none although one `must_exist`.
    """
    found = yield from pages(lambda top, skip: execution_schedules.query(top=top, skip=skip), retry)
    of_name = {one.id: one for one in found if one.name == name}
    if must_exist and not of_name:
        raise ScheduleRefusedError(_unknown(name, sorted({one.name for one in found})))
    return sorted(of_name.values(), key=age)


def single(found: Sequence[ExecutionSchedule], name: str) -> ExecutionSchedule:
    """Return the only one of those that have this name.

    :raises ScheduleRefusedError: there are several.
    """
    if len(found) == 1:
        return found[0]
    which = "; ".join(
        f"{one.id} ({one.status}, {one.cron!r}, configuration {one.configuration_id}, "
        f"created {one.created_at})"
        for one in found
    )
    raise ScheduleRefusedError(
        f"{len(found)} execution schedules have the name {name!r}, so it does not say which one is meant: "
        f"{which}. Delete those that are not wanted by their ids, or take another name."
    )


def modify(schedule_id: str, changes: Mapping[str, Any], retry: RetryPolicy) -> Flow[ExecutionSchedule]:
    """Change a schedule and read what it is now."""
    yield from once(execution_schedules.modify(schedule_id, **changes), retry)
    return (yield from get(schedule_id, retry))


def get(schedule_id: str, retry: RetryPolicy) -> Flow[ExecutionSchedule]:
    """Read a schedule, with its id in any case."""
    schedule = yield from once(execution_schedules.get(schedule_id), retry)
    return schedule.model_copy(update={"id": schedule_id})


def remove(schedule_id: str, retry: RetryPolicy) -> Flow[bool]:
    """Delete a schedule; ``False`` if it was not there."""
    try:
        yield from once(execution_schedules.delete(schedule_id), retry)
    except NotFoundError:
        return False
    return True


def has_ended(schedule: ExecutionSchedule, now: datetime) -> bool:
    """Tell whether its end has passed."""
    return schedule.end is not None and schedule.end <= now


def age(schedule: ExecutionSchedule) -> tuple[datetime, str]:
    """By this the oldest comes first, and whoever looks finds the same one."""
    return schedule.created_at, schedule.id


def instant_of(now: Callable[[], float] | None) -> datetime:
    """Read a clock of seconds since the epoch; the system's if none is given."""
    return datetime.fromtimestamp((now or time.time)(), UTC)


def _unknown(name: str, others: Sequence[str]) -> str:
    shown = ", ".join(f"{other!r:.80}" for other in others[:_NAMES_SHOWN])
    more = ", …" if len(others) > _NAMES_SHOWN else ""
    return (
        f"There is no execution schedule of the name {name!r} in the resource group, whose schedules have "
        f"{len(others)} names{f': {shown}{more}' if others else ''}. Look whether name and group are right."
    )
