"""Calls on ``/lm/executions``, their logs included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.errors import request_id_of
from airflow_provider_aicore.api.models import (
    Execution,
    ExecutionCreated,
    ExecutionModified,
    ExecutionSighting,
    ExecutionStatus,
    LogLine,
)
from airflow_provider_aicore.api.query import id_list, optional_id
from airflow_provider_aicore.api.query import query as to_params
from airflow_provider_aicore.api.reading import Reader, number, resources, sightings
from airflow_provider_aicore.api.validation import check_id, check_range, instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import httpx

TargetStatus = Literal["STOPPED", "DELETED"]

MAX_BATCH = 100
MAX_LOG_LINES = 5000
_MAX_EXECUTABLE_IDS = 1000

_EXECUTION = Reader(Execution)
_EXECUTIONS = resources(Execution)
_CREATED = Reader(ExecutionCreated)
_MODIFIED = Reader(ExecutionModified)
_BATCH_MODIFIED = Reader(list[ExecutionModified], "executions")
_LOG_LINES = Reader(list[LogLine], "data", "result")


def create(configuration_id: str) -> Call[ExecutionCreated]:
    """Start an execution of a configuration; it takes nothing else, and there is no idempotency key.

    Source: operation ``execution.create``, ``POST /lm/executions``.

    :raises BadRequestError: the configuration does not exist.
    """
    body = {"configurationId": check_id("configuration_id", configuration_id)}
    return Call("POST", "/lm/executions", _CREATED, json=body)


def get(execution_id: str, *, status_only: bool = False) -> Call[Execution]:
    """Read one execution.

    Source: operation ``execution.get``, ``GET /lm/executions/{executionId}``.

    :param status_only: leave out artifacts, times and target status, for a smaller answer.
    """
    params = {"$select": "status"} if status_only else {}
    return Call("GET", _path(execution_id), _read, params, repeatable=True)


def query(
    *,
    configuration_id: str | None = None,
    scenario_id: str | None = None,
    executable_ids: Sequence[str] | None = None,
    execution_schedule_id: str | None = None,
    status: ExecutionStatus | None = None,
    top: int | None = None,
    skip: int = 0,
) -> Call[list[Execution]]:
    """Read one page of executions, in no promised order and without `status_details`.

    Source: operation ``execution.query``, ``GET /lm/executions``.

    :param status: only executions now in this status; AI Core takes one, and has no filter by ids or time.
    """
    filters = _filters(configuration_id, scenario_id, executable_ids, execution_schedule_id, status)
    return Call("GET", "/lm/executions", _EXECUTIONS, to_params(filters, top=top, skip=skip), repeatable=True)


def query_statuses(
    *, status: ExecutionStatus, top: int, skip: int = 0, status_only: bool = True
) -> Call[list[ExecutionSighting]]:
    """Read one page of the executions now in a status, and no more of each than a wait needs.

    For lists of thousands: read in a third of the time that :func:`query` takes.

    Source: operation ``execution.query``, ``GET /lm/executions`` with ``$select=status``.

    :param status_only: let AI Core leave out the rest; what items it gives then is not documented.
    """
    params = to_params({"status": _status(status)}, top=top, skip=skip)
    if status_only:
        params["$select"] = "status"
    return Call("GET", "/lm/executions", sightings, params, repeatable=True)


def count(
    *,
    configuration_id: str | None = None,
    scenario_id: str | None = None,
    executable_ids: Sequence[str] | None = None,
    execution_schedule_id: str | None = None,
    status: ExecutionStatus | None = None,
) -> Call[int]:
    """Count executions. Source: operation ``execution.count``, ``GET /lm/executions/$count``."""
    filters = _filters(configuration_id, scenario_id, executable_ids, execution_schedule_id, status)
    return Call("GET", "/lm/executions/$count", number, to_params(filters), repeatable=True)


def stop(execution_id: str) -> Call[ExecutionModified]:
    """Ask for a stop, which takes effect later.

    Source: operation ``execution.modify``, ``PATCH /lm/executions/{executionId}``.

    :raises BadRequestError: the present status does not allow it, such as UNKNOWN (or
        :exc:`PreconditionFailedError`: which of the two AI Core answers is not known).
    """
    return Call("PATCH", _path(execution_id), _MODIFIED, json={"targetStatus": "STOPPED"}, repeatable=True)


def batch_modify(targets: Mapping[str, TargetStatus]) -> Call[list[ExecutionModified]]:
    """Stop or delete up to 100 executions with one request, where ``/lm/meta`` lists `bulkUpdates`.

    Source: operation ``execution.batch_modify``, ``PATCH /lm/executions``. The answer is a success as a
    whole; each verdict is in its item's `error`.

    :param targets: ``STOPPED`` or ``DELETED`` by execution id.
    """
    check_range("number of executions", len(targets), 1, MAX_BATCH)
    body = [
        {"id": check_id("execution_id", execution_id), "targetStatus": _target(target)}
        for execution_id, target in targets.items()
    ]
    return Call(
        "PATCH",
        "/lm/executions",
        _BATCH_MODIFIED,
        json={"executions": body},
        content_type="application/merge-patch+json",
        repeatable=True,
    )


def delete(execution_id: str) -> Call[ExecutionModified]:
    """Ask for a deletion, which takes effect later; its artifacts and their files stay.

    Source: operation ``execution.delete``, ``DELETE /lm/executions/{executionId}``.

    :raises BadRequestError: it is still running (or :exc:`PreconditionFailedError`).
    """
    return Call("DELETE", _path(execution_id), _MODIFIED, repeatable=True)


def logs(
    execution_id: str,
    *,
    start: datetime,
    end: datetime | None = None,
    top: int = 1000,
    order: Literal["asc", "desc"] = "asc",
) -> Call[list[LogLine]]:
    """Read up to `top` lines; AI Core cuts there without a sign.

    Before the runtime knows the execution there are none.

    Source: operation ``kubesubmit.v4.executions.get_logs``, ``GET /lm/executions/{executionId}/logs``.

    :param start: begin of the window. AI Core would take the last hour, which hides the lines of longer
        executions, so it is needed here.
    :param end: end of the window, now if not given.
    :param top: 1 to 5000.
    """
    params = {
        "start": instant("start", start),
        "$top": str(check_range("top", top, 1, MAX_LOG_LINES)),
        "$order": order,
    }
    if end is not None:
        params["end"] = instant("end", end)
    return Call("GET", f"{_path(execution_id)}/logs", _LOG_LINES, params, repeatable=True)


def _read(response: httpx.Response) -> Execution:
    return _EXECUTION(response).model_copy(update={"request_id": request_id_of(response)})


def _path(execution_id: str) -> str:
    return f"/lm/executions/{check_id('execution_id', execution_id)}"


def _target(target: str) -> str:
    if target not in {"STOPPED", "DELETED"}:
        raise ValueError(
            f"target status is {target!r}, but an execution can be set to STOPPED or DELETED only."
        )
    return target


def _status(status: str) -> str:
    known = [one.value for one in ExecutionStatus]
    if status not in known:
        raise ValueError(f"status is {status!r}, but an execution is one of {', '.join(known)}.")
    return str(status)


def _filters(
    configuration_id: str | None,
    scenario_id: str | None,
    executable_ids: Sequence[str] | None,
    execution_schedule_id: str | None,
    status: ExecutionStatus | None,
) -> dict[str, str | None]:
    return {
        "configurationId": optional_id("configuration_id", configuration_id),
        "scenarioId": optional_id("scenario_id", scenario_id),
        "executableIds": id_list("executable_ids", executable_ids, most=_MAX_EXECUTABLE_IDS),
        "executionScheduleId": optional_id("execution_schedule_id", execution_schedule_id),
        "status": None if status is None else _status(status),
    }
