"""What a status means. This is the only place that judges one."""

from __future__ import annotations

from enum import StrEnum

from airflow_provider_aicore.api.models import ExecutionStatus


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
_STOPPABLE = frozenset({ExecutionStatus.PENDING, ExecutionStatus.RUNNING})


def outcome(status: ExecutionStatus) -> Outcome | None:
    """Return how it ended, or ``None`` while it has not.

    Be ready for any order and for steps back until then.
    """
    return _ENDED.get(status)


def can_be_stopped(status: ExecutionStatus) -> bool:
    """Tell whether AI Core accepts a stop now.

    It refuses one for UNKNOWN, with which every execution begins.
    """
    return status in _STOPPABLE
