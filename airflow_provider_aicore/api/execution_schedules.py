"""Calls on ``/lm/executionSchedules``: AI Core's own clock, which starts executions of a configuration.

Names are not unique, and there is no search by name: a caller lists all and compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.models import Created, ExecutionSchedule
from airflow_provider_aicore.api.query import optional_id
from airflow_provider_aicore.api.query import query as to_params
from airflow_provider_aicore.api.reading import Reader, number, resources
from airflow_provider_aicore.api.validation import check_id, check_schedule_name, instant_in_seconds

if TYPE_CHECKING:
    from datetime import datetime

ExecutionScheduleStatus = Literal["ACTIVE", "INACTIVE"]

_SCHEDULE = Reader(ExecutionSchedule)
_SCHEDULES = resources(ExecutionSchedule)
_ACKNOWLEDGED = Reader(Created)


def create(
    *,
    name: str,
    cron: str,
    configuration_id: str,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
) -> Call[Created]:
    """Create an execution schedule, which is ACTIVE at once.

    Source: operation ``execution_schedule.create``, ``POST /lm/executionSchedules``.

    :param name: up to 256 characters; need not be unique.
    :param cron: five fields, in UTC; :func:`airflow_provider_aicore.schedule_times.normalised` makes it what
        AI Core is known to take. It is not checked here.
    :param start: from when, aware; at once if not given. AI Core takes whole seconds: what is beyond is cut.
    :param end: until when, as `start`; without end if not given.
    :raises BadRequestError: the configuration does not exist, or the cron expression is refused.
    """
    body = {
        "name": check_schedule_name(name),
        "cron": _cron(cron),
        "configurationId": check_id("configuration_id", configuration_id),
        **_times(start, end),
    }
    return Call("POST", "/lm/executionSchedules", _ACKNOWLEDGED, json=body)


def get(execution_schedule_id: str) -> Call[ExecutionSchedule]:
    """Read one execution schedule.

    Source: operation ``execution_schedule.get``, ``GET /lm/executionSchedules/{executionScheduleId}``.
    """
    return Call("GET", _path(execution_schedule_id), _SCHEDULE, repeatable=True)


def query(
    *,
    configuration_id: str | None = None,
    status: ExecutionScheduleStatus | None = None,
    top: int | None = None,
    skip: int = 0,
) -> Call[list[ExecutionSchedule]]:
    """Read one page of execution schedules, in no promised order.

    Source: operation ``execution_schedule.query``, ``GET /lm/executionSchedules``.
    """
    params = to_params(_filters(configuration_id, status), top=top, skip=skip)
    return Call("GET", "/lm/executionSchedules", _SCHEDULES, params, repeatable=True)


def count(*, configuration_id: str | None = None, status: ExecutionScheduleStatus | None = None) -> Call[int]:
    """Count execution schedules.

    Source: operation ``execution_schedule.count``, ``GET /lm/executionSchedules/$count``.
    """
    params = to_params(_filters(configuration_id, status))
    return Call("GET", "/lm/executionSchedules/$count", number, params, repeatable=True)


def modify(
    execution_schedule_id: str,
    *,
    cron: str | None = None,
    configuration_id: str | None = None,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    status: ExecutionScheduleStatus | None = None,
) -> Call[Created]:
    """Change what is given of an execution schedule; its name cannot be changed.

    Source: operation ``execution_schedule.modify``, ``PATCH /lm/executionSchedules/{executionScheduleId}``.

    :param end: a later or earlier one. No way is known to take one away.
    :param status: INACTIVE pauses it, ACTIVE resumes it, which AI Core allows until `end` only.
    :raises ValueError: nothing is given.
    """
    body = _times(start, end)
    if cron is not None:
        body["cron"] = _cron(cron)
    if configuration_id is not None:
        body["configurationId"] = check_id("configuration_id", configuration_id)
    if status is not None:
        body["status"] = _status(status)
    if not body:
        raise ValueError("nothing to change: give cron, configuration_id, start, end or status.")
    return Call("PATCH", _path(execution_schedule_id), _ACKNOWLEDGED, json=body, repeatable=True)


def delete(execution_schedule_id: str) -> Call[Created]:
    """Delete an execution schedule; its executions stay, and those that run go on.

    Source: operation ``execution_schedule.delete``, ``DELETE /lm/executionSchedules/{executionScheduleId}``.
    """
    return Call("DELETE", _path(execution_schedule_id), _ACKNOWLEDGED, repeatable=True)


def _path(execution_schedule_id: str) -> str:
    return f"/lm/executionSchedules/{check_id('execution_schedule_id', execution_schedule_id)}"


def _cron(cron: str) -> str:
    if not isinstance(cron, str) or not cron.strip():
        raise ValueError(f"cron is {cron!r}, but five fields such as '0 3 * * 1' are needed.")
    return cron


def _times(start: datetime | str | None, end: datetime | str | None) -> dict[str, str]:
    given = {"start": start, "end": end}
    return {name: instant_in_seconds(name, value) for name, value in given.items() if value is not None}


def _status(status: str) -> str:
    if status not in {"ACTIVE", "INACTIVE"}:
        raise ValueError(f"status is {status!r}, but an execution schedule is ACTIVE or INACTIVE.")
    return status


def _filters(configuration_id: str | None, status: str | None) -> dict[str, str | None]:
    return {
        "configurationId": optional_id("configuration_id", configuration_id),
        "status": None if status is None else _status(status),
    }
