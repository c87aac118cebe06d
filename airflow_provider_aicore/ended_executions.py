"""Executions that have ended since one last looked: each is told once; it knows no Airflow.

AI Core tells nobody when an execution ends, lists have neither an order nor a filter by time, and what has
ended may be seen late. So the cursor is a time and the ids of what was told since: what has ended before that
time is old, and everything later is new unless its id is there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_aicore.api import executions, metrics, schedule_changes
from airflow_provider_aicore.api.call import Flow, once, pages
from airflow_provider_aicore.api.errors import AICoreError, NotFoundError
from airflow_provider_aicore.api.models import ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aicore.api.call import Call
    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

OVERLAP = timedelta(days=1)
"""So late the end of an execution may be seen: lists lag, and AI Core may lose contact with a cluster."""
_STEP = timedelta(hours=1)
"""By so much a cursor moves on at a time, since whoever keeps it writes it anew."""
MAX_TOLD = 1500
"""Ids that a cursor keeps: Airflow's store takes values of up to 64 KB without complaint."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Which executions are watched; what is not given does not matter.

    :param statuses: how they have ended: of COMPLETED, DEAD, STOPPED.
    """

    statuses: Sequence[str] = ("COMPLETED",)
    execution_schedule_id: str | None = None
    execution_schedule_name: str | None = None
    scenario_id: str | None = None
    executable_id: str | None = None
    configuration_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """What was told.

    :param horizon: what has ended before is old.
    :param told: when executions ended that were told, by id.
    """

    horizon: datetime
    told: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """Read what :meth:`kept` gave."""
        told = {one: datetime.fromtimestamp(at, UTC) for one, at in kept["told"].items()}
        return cls(datetime.fromisoformat(kept["horizon"]), told)

    def kept(self) -> dict[str, Any]:
        """Return it as JSON. Later versions read it: add to it with defaults, never rename."""
        # Rounded up: what is forgotten too early would be new again.
        told = {one: math.ceil(at.timestamp()) for one, at in self.told.items()}
        return {"version": 1, "horizon": self.horizon.isoformat(), "told": told}

    def news(self, ended: Sequence[Execution]) -> list[Execution]:
        """Return what is to be told, each once, in the order in which they have ended."""
        new = {one.id: one for one in ended if one.id not in self.told and ended_at(one) >= self.horizon}
        return sorted(new.values(), key=lambda one: (ended_at(one), one.id))

    def having_told(self, execution: Execution) -> Self:
        """Return the cursor after an execution was told."""
        return replace(self, told={**self.told, execution.id: ended_at(execution)})

    def moved_on(self, looked_at: datetime) -> Self:
        """Return the cursor after everything was told that was seen at an instant; it forgets what is old."""
        horizon = looked_at - OVERLAP
        if horizon < self.horizon + _STEP and len(self.told) <= MAX_TOLD:
            return self
        horizon = max(self.horizon, horizon)
        youngest = sorted(self.told.items(), key=lambda item: item[1], reverse=True)
        if len(youngest) > MAX_TOLD:
            # Nothing may be forgotten that would still be new.
            horizon = max(horizon, youngest[MAX_TOLD][1] + timedelta(seconds=1))
        return replace(self, horizon=horizon, told={one: at for one, at in youngest if at >= horizon})


def ended_at(execution: Execution) -> datetime:
    """Tell when it has ended; where AI Core does not, when it was last changed.

    A change after the end, such as a deletion, must not make it new.
    """
    return execution.completion_time or execution.modified_at


def ended(watched: Watched, retry: RetryPolicy) -> Flow[list[Execution]]:
    """List what has ended, ever: AI Core can filter by no time.

    :raises ScheduleRefusedError: no schedule has the name. Silence would look as if nothing had ended.
    """
    schedule_ids: list[str | None] = [watched.execution_schedule_id]
    if watched.execution_schedule_name is not None:
        # Several of a name are no matter here: none is changed.
        named = yield from schedule_changes.named(watched.execution_schedule_name, retry, must_exist=True)
        schedule_ids = [schedule.id for schedule in named]
    found: dict[str, Execution] = {}
    for schedule_id in schedule_ids:
        for status in watched.statuses:
            page = partial(_query, watched, schedule_id, ExecutionStatus(status))
            found |= {one.id: one for one in (yield from pages(page, retry))}
    return list(found.values())


def _query(
    watched: Watched, schedule_id: str | None, status: ExecutionStatus, top: int, skip: int
) -> Call[list[Execution]]:
    executable = watched.executable_id
    return executions.query(
        configuration_id=watched.configuration_id,
        scenario_id=watched.scenario_id,
        executable_ids=None if executable is None else [executable],
        execution_schedule_id=schedule_id,
        status=status,
        top=top,
        skip=skip,
    )


def in_full(execution: Execution, retry: RetryPolicy) -> Flow[tuple[Execution, dict[str, float] | None]]:
    """Read an execution as it is told: with its output artifacts, and the last values of its metrics.

    :return: what the list had if it was deleted meanwhile; no metrics if they could not be read.
    """
    try:
        execution = yield from once(executions.get(execution.id), retry)
    except NotFoundError:
        return execution, None
    try:
        measured = yield from metrics.find(execution.id, retry)
    except AICoreError:
        return execution, None
    return execution, metrics.last_values(measured)
