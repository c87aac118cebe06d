"""What a status means. This is the only place that judges one."""

from __future__ import annotations

from enum import StrEnum

from airflow_provider_aicore.api.models import Execution, ExecutionStatus


class Outcome(StrEnum):
    """How an execution ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


_ENDED = {
    ExecutionStatus.COMPLETED: Outcome.SUCCEEDED,
    ExecutionStatus.DEAD: Outcome.FAILED,
    ExecutionStatus.STOPPED: Outcome.STOPPED,
}

LIVE = tuple(status for status in ExecutionStatus if status not in _ENDED)
"""The statuses in which an execution has not ended, in the order of a life."""


def outcome(status: ExecutionStatus) -> Outcome | None:
    """Return how it ended, or ``None`` while it has not.

    Be ready for any order and for steps back until then.
    """
    return _ENDED.get(status)


def has_not_begun(status: ExecutionStatus) -> bool:
    """Tell whether the runtime has not reported yet: such an execution cannot be stopped, only deleted."""
    return status is ExecutionStatus.UNKNOWN


def has_started(execution: Execution) -> bool:
    """Tell whether it has ever been RUNNING.

    The status may go back from there, or be UNKNOWN when AI Core has lost contact; the start time stays.
    Source: description of `startTime`, "Timestamp of job status changed to RUNNING".
    """
    waits = execution.status in {ExecutionStatus.UNKNOWN, ExecutionStatus.PENDING}
    return not waits or execution.start_time is not None


def can_be_deleted(status: ExecutionStatus) -> bool:
    """Tell whether AI Core accepts a deletion now: before the start and after the end."""
    return has_not_begun(status) or outcome(status) is not None


def is_on_its_way_out(execution: Execution) -> bool:
    """Tell whether a stop or a deletion was asked for; lists may leave the target status out."""
    return execution.status is ExecutionStatus.STOPPING or execution.target_status in {"STOPPED", "DELETED"}
