"""What a task fails with.

::

    AICoreTaskError(AirflowException)
    ├─ AICoreInvalidInput         bad argument; nothing was sent, and a retry would not help
    ├─ AICoreExecutionFailed      the execution is DEAD
    │    └─ AICoreExecutionStopped    someone stopped it
    ├─ AICoreAmbiguousStart       an earlier try may have started one of several executions; none was started
    ├─ AICoreSuperseded           the task was cleared and has begun anew; this try starts nothing
    ├─ AICoreWaitTimeout          our deadline passed
    └─ AICoreTriggerEventError    the trigger gave up although the execution can be seen, or sent a bad event

What AI Core refuses by itself is raised as it comes: see :mod:`airflow_provider_aicore.api.errors`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aicore.api import Execution


class AICoreTaskError(AirflowException):
    """The base of what a task of this provider fails with."""


class AICoreInvalidInput(AICoreTaskError, AirflowFailException):
    """An argument is bad. Nothing was sent, and the task is not retried."""


class AICoreAmbiguousStart(AICoreTaskError, AirflowFailException):
    """Several executions can be that of an earlier try. Nothing was started, and the task is not retried."""


class AICoreSuperseded(AICoreTaskError, AirflowFailException):
    """The task was cleared and has begun anew: this try starts nothing, and is not retried."""


class AICoreExecutionFailed(AICoreTaskError):
    """The execution is DEAD.

    :param execution_id: which one.
    """

    def __init__(self, message: str, execution_id: str = "") -> None:
        super().__init__(message)
        self.execution_id = execution_id


class AICoreExecutionStopped(AICoreExecutionFailed):
    """Someone stopped the execution."""


class AICoreWaitTimeout(AICoreTaskError):
    """The task's deadline passed before the execution ended."""


class AICoreTriggerEventError(AICoreTaskError):
    """The trigger resumed the task with an event that cannot be used."""


@contextmanager
def refusing_bad_input() -> Iterator[None]:
    """Turn the client's complaint about an argument into a failure without retries."""
    try:
        yield
    except ValueError as error:
        raise AICoreInvalidInput(str(error)) from error


def failure(execution: Execution) -> AICoreExecutionFailed:
    """Make the exception for an execution that ended without success."""
    from airflow_provider_aicore.api.lifecycle import Outcome, outcome
    from airflow_provider_aicore.api.status_details import cause_of_death

    configuration = execution.configuration_name or execution.configuration_id
    which = f"Execution {execution.id} of configuration {configuration!r}"
    parts = (execution.status_message, cause_of_death(execution.status_details))
    why = "; ".join(part.rstrip(" .") for part in parts if part)
    if outcome(execution.status) is Outcome.STOPPED:
        return AICoreExecutionStopped(
            f"{which} was stopped{f': {why}' if why else ''}. Someone stopped it in AI Core; "
            "clear the task to start a new one.",
            execution.id,
        )
    return AICoreExecutionFailed(
        f"{which} is {execution.status}: {why or 'AI Core gives no reason'}. "
        "Look at its logs in AI Core for more.",
        execution.id,
    )
