"""Operations ``execution_schedule.create``, ``.query``, ``.count``, ``.get``, ``.modify`` and ``.delete``."""

from collections.abc import Mapping
from typing import Any

from airflow_provider_aicore.emulator import checks, cron, render, schedules
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, found
from airflow_provider_aicore.emulator.routes.configurations import runnable
from airflow_provider_aicore.emulator.state import new_id
from airflow_provider_aicore.emulator.workloads import ExecutionSchedule

STATUSES = ("ACTIVE", "INACTIVE")
_CHANGEABLE = ("cron", "start", "end", "configurationId", "status")


def create(request: ApiRequest) -> Reply:
    """Create a schedule, which is ACTIVE at once; names need not be unique."""
    body = request.body()
    schedule = ExecutionSchedule(
        id=new_id(),
        name=checks.text(body, "name", longest=256),
        cron=_cron(request, body),
        configuration=runnable(request, body),
        created_at=request.now,
        modified_at=request.now,
        start=checks.instant(body, "start"),
        end=checks.instant(body, "end"),
    )
    _refuse_early_end(schedule.start or request.now, schedule.end)
    schedules.plan(schedule, request.now, request.tenant.options.schedule_jitter)
    request.group.execution_schedules[schedule.id] = schedule
    answer = {"id": schedule.id, "message": "Execution Schedule created"}
    return Reply(202, answer, location=schedule.id)


def query(request: ApiRequest) -> Reply:
    """List a page of the schedules that pass all filters, in no particular order; these lists do not lag."""
    page = request.query.page(_matching(request))
    return Reply(200, render.listed([render.execution_schedule(each) for each in page]))


def count(request: ApiRequest) -> Reply:
    """Count the schedules that pass all filters."""
    return Reply(200, text=str(len(_matching(request))))


def get(request: ApiRequest) -> Reply:
    """Give one schedule."""
    return Reply(200, render.execution_schedule(_find(request)))


def modify(request: ApiRequest) -> Reply:
    """Change a schedule, pause it or let it go on; what comes next is planned anew from now on.

    How AI Core refuses to resume a schedule whose end has passed is not documented: here with 400.
    """
    body = request.body()
    if all(body.get(name) is None for name in _CHANGEABLE):
        raise bad_request(f"One of {', '.join(_CHANGEABLE)} is required; the name cannot be changed")
    schedule = _find(request)
    expression = schedule.cron if body.get("cron") is None else _cron(request, body)
    configuration = schedule.configuration
    if body.get("configurationId") is not None:
        configuration = runnable(request, body)
    start = schedule.start if body.get("start") is None else checks.instant(body, "start")
    end = schedule.end if body.get("end") is None else checks.instant(body, "end")
    status = schedule.status if body.get("status") is None else checks.choice(body, "status", STATUSES)
    _refuse_early_end(start or schedule.created_at, end)
    if body.get("status") == "ACTIVE" and end is not None and end < request.now:
        raise bad_request("status: the end of the schedule has passed; give it a later end to resume it")
    schedule.cron, schedule.configuration, schedule.status = expression, configuration, status
    schedule.start, schedule.end, schedule.modified_at = start, end, request.now
    has_ticked = schedule.next_tick is not None and schedule.next_tick <= request.now
    if status == "INACTIVE" or not has_ticked:  # Else an execution is about to start.
        schedules.plan(schedule, request.now, request.tenant.options.schedule_jitter)
    return Reply(202, {"id": schedule.id, "message": "Execution Schedule modified"})


def delete(request: ApiRequest) -> Reply:
    """Delete a schedule; its executions stay."""
    schedule = _find(request)
    del request.group.execution_schedules[schedule.id]
    return Reply(202, {"id": schedule.id, "message": "Execution Schedule deleted"})


def _find(request: ApiRequest) -> ExecutionSchedule:
    schedules_here = request.group.execution_schedules
    return found(schedules_here, request.path_ids["executionScheduleId"], "Execution Schedule")


def _matching(request: ApiRequest) -> list[ExecutionSchedule]:
    configuration_id = request.query.identifier("configurationId")
    status = request.query.choice("status", STATUSES)
    return [
        each
        for each in sorted(request.group.execution_schedules.values(), key=lambda schedule: schedule.id)
        if configuration_id in (None, each.configuration.id) and status in (None, each.status)
    ]


def _cron(request: ApiRequest, body: Mapping[str, Any]) -> str:
    expression = checks.text(body, "cron")
    try:
        cron.check(expression, request.tenant.options.cron_dialect)
    except ValueError as error:
        raise bad_request(f"cron: {error}") from error
    return expression


def _refuse_early_end(start: float, end: float | None) -> None:
    if end is not None and end <= start:
        raise bad_request("end: it has to be later than the start, which is now unless it is given")
