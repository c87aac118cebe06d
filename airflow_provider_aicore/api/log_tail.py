"""The end of an execution's log, read once the execution has ended."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.call import Flow, Sleep, once
from airflow_provider_aicore.api.errors import NotFoundError
from airflow_provider_aicore.api.log_lines import users_own
from airflow_provider_aicore.api.models import ExecutionStatus

if TYPE_CHECKING:
    from airflow_provider_aicore.api.models import Execution, LogLine
    from airflow_provider_aicore.api.retry import RetryPolicy

LATE = 4.0
"""Seconds after the end within which lines may still come; AI Core's log pipeline lags by seconds."""
_ARGO_LINES = 200
"""So many more are read, since Argo's own containers print last and are left out."""
_EARLIER = timedelta(minutes=1)
_MOST_REPEATS, _MOST_PATIENCE = 2, 10.0
"""A log is worth less than the task's time."""


def tail(execution: Execution, lines: int, retry: RetryPolicy) -> Flow[list[LogLine]]:
    """Read the last lines of an execution that has ended, in the order in which they were printed.

    If it has only just ended, and died or seems to have printed nothing, it looks once more some seconds
    later.

    :param lines: so many at most.
    """
    patience = min(retry.patience, _MOST_PATIENCE)
    retry = replace(retry, repeats=min(retry.repeats, _MOST_REPEATS), patience=patience)
    found = yield from _look(execution, lines, retry)
    if found and execution.status is not ExecutionStatus.DEAD:
        return found
    wait = LATE - _seconds_since_the_end(execution)
    if wait <= 0 or execution.submission_time is None:
        return found
    yield Sleep(min(wait, LATE))
    return (yield from _look(execution, lines, retry))


def _look(execution: Execution, lines: int, retry: RetryPolicy) -> Flow[list[LogLine]]:
    call = executions.logs(
        execution.id,
        # Without it AI Core gives those of the last hour.
        start=execution.created_at - _EARLIER,
        top=min(lines + _ARGO_LINES, executions.MAX_LOG_LINES),
        order="desc",
    )
    try:
        newest_first = yield from once(call, retry)
    except NotFoundError:  # as long as the runtime does not know the execution
        return []
    return users_own(newest_first)[:lines][::-1]


def _seconds_since_the_end(execution: Execution) -> float:
    """Say how long ago it has ended, by this machine's clock; a wrong one costs seconds or late lines."""
    return time.time() - (execution.completion_time or execution.modified_at).timestamp()
