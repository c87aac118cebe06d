"""What a task fails with.

::

    AICoreTaskError(AirflowException)
    ├─ AICoreInvalidInput *           bad argument; nothing was changed
    ├─ AICoreRefused *                AI Core or its identity service refused, and will again
    ├─ AICoreAmbiguousStart *         an earlier try may have started one of several; none was started
    ├─ AICoreSuperseded *             the task was cleared and has begun anew; this try starts nothing
    ├─ AICoreExecutionFailed          the execution is DEAD
    │    ├─ AICoreExecutionCannotRun *    and another one would be
    │    ├─ AICoreExecutionStopped *      not dead: someone stopped it
    │    └─ AICoreExecutionGone *         not dead: AI Core does not know it, or no longer
    ├─ AICoreOutputMissing *          the execution is COMPLETED, but without what the task needs of it
    ├─ AICoreExecutionNotStarted      `pending_timeout` passed before it ran; it was told to stop
    │    └─ AICoreExecutionCannotStart *  and another one would not either
    ├─ AICoreScheduledExecutionMissing *  an execution schedule has not started it, and will not
    ├─ AICoreMetricGateClosed *       a condition on metrics does not hold
    │    └─ AICoreMetricMissing *         or cannot be judged: there is no such metric
    ├─ AICoreWaitTimeout              our deadline passed
    ├─ AICoreDeletionIncomplete       some of many executions were not deleted; a retry goes on
    ├─ AICoreWorkerTerminated         Airflow ended the task's process, for good or until its next try
    ├─ AICoreUnreachable              nobody can look at the execution; it lives on as far as is known
    └─ AICoreTriggerEventError        triggers do not work here although the execution can be seen

Those with a star are an `AirflowFailException` as well: a retry would meet the same, so there is none. All
others are retried as the task's `retries` say. So is what comes of trouble on the way, which is raised as it
is: see :mod:`airflow_provider_aicore.api.errors`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_aicore.api import AICoreError, Execution
    from airflow_provider_aicore.api.diagnosis import Finding
    from airflow_provider_aicore.api.failure_report import FailureReport


class AICoreTaskError(AirflowException):
    """The base of what a task of this provider fails with."""


class AICoreInvalidInput(AICoreTaskError, AirflowFailException):
    """An argument is bad. Nothing was changed in AI Core, and the task is not retried."""


class AICoreRefused(AICoreTaskError, AirflowFailException):
    """AI Core refused what was asked for, or the credentials, and the task is not retried.

    The client's own error, with status code and request id, is its `__cause__`.
    """


class AICoreAmbiguousStart(AICoreTaskError, AirflowFailException):
    """Several executions can be that of an earlier try. Nothing was started, and the task is not retried."""


class AICoreSuperseded(AICoreTaskError, AirflowFailException):
    """The task was cleared and has begun anew: this try starts nothing, and is not retried."""


class AICoreExecutionError(AICoreTaskError):
    """The base of what is about one execution.

    :param execution_id: which one.
    """

    def __init__(self, message: str, execution_id: str = "") -> None:
        super().__init__(message)
        self.execution_id = execution_id


class AICoreExecutionFailed(AICoreExecutionError):
    """The execution is DEAD."""


class AICoreExecutionCannotRun(AICoreExecutionFailed, AirflowFailException):
    """The execution is DEAD of a cause that another one would die of too, so the task is not retried."""


class AICoreExecutionStopped(AICoreExecutionFailed, AirflowFailException):
    """Someone stopped the execution, who would not want a retry to start another one."""


class AICoreExecutionGone(AICoreExecutionFailed, AirflowFailException):
    """AI Core does not know the execution: someone deleted it, or its id is wrong. Not retried, either."""


class AICoreOutputMissing(AICoreExecutionError, AirflowFailException):
    """The execution is COMPLETED without one of `expected_outputs`. A retry would find the same execution."""


class AICoreExecutionNotStarted(AICoreExecutionError):
    """The execution had not started within `pending_timeout`; it was told to stop."""


class AICoreExecutionCannotStart(AICoreExecutionNotStarted, AirflowFailException):
    """The same, and what keeps it from starting was found and stays until someone mends it."""


class AICoreScheduledExecutionMissing(AICoreTaskError, AirflowFailException):
    """The execution that a schedule was to start is not there, and will not be. Not retried."""


class AICoreMetricGateClosed(AICoreExecutionError, AirflowFailException):
    """A condition on the metrics of an execution does not hold. They stay as they are: no retry."""


class AICoreMetricMissing(AICoreMetricGateClosed):
    """A condition cannot be judged, since the execution has no such metric."""


class AICoreWaitTimeout(AICoreTaskError):
    """The task's deadline passed before the execution ended."""


class AICoreUnreachable(AICoreExecutionError):
    """Nobody could look at the execution for too long. As far as is known it lives on."""


class AICoreDeletionIncomplete(AICoreTaskError):
    """Some of the executions that filters chose were not deleted. A retry goes on with what is left."""


class AICoreWorkerTerminated(AICoreTaskError):
    """Airflow ended the task's process: the task was killed, or its worker has to go and a retry goes on."""


class AICoreTriggerEventError(AICoreTaskError):
    """The trigger resumed the task with an event that cannot be used, or triggers do not work at all."""


@contextmanager
def refusing_bad_input() -> Iterator[None]:
    """Turn the client's complaint about an argument into a failure without retries."""
    try:
        yield
    except ValueError as error:
        raise AICoreInvalidInput(str(error)) from error


@contextmanager
def refusing_for_good(aicore_conn_id: str) -> Iterator[None]:
    """Turn a refusal that a retry would meet as well into a failure without retries.

    :param aicore_conn_id: the connection that it is about where no token was issued.
    """
    from airflow_provider_aicore.api.errors import AICoreError, may_heal

    try:
        yield
    except AICoreError as error:
        if may_heal(error):
            raise
        raise AICoreRefused(_told(error, aicore_conn_id)) from error


def _told(error: AICoreError, aicore_conn_id: str) -> str:
    """Put an error in words, with the connection if it is about its credentials."""
    from airflow_provider_aicore.api.errors import AuthenticationError

    return f"Connection {aicore_conn_id!r}: {error}" if isinstance(error, AuthenticationError) else str(error)


def failure(report: FailureReport) -> AICoreExecutionFailed:
    """Make the exception for an execution that ended without success."""
    from airflow_provider_aicore.api.lifecycle import Outcome, outcome

    execution, cause = report.execution, report.cause
    kind = AICoreExecutionFailed
    if outcome(execution.status) is Outcome.STOPPED:
        kind = AICoreExecutionStopped
    elif cause is not None and not cause.cause.may_heal:
        kind = AICoreExecutionCannotRun
    return kind(str(report), execution.id)


def output_missing(execution: Execution, lacking: str) -> AICoreOutputMissing:
    """Make the exception for an execution that has COMPLETED without what is needed of it."""
    from airflow_provider_aicore.api.failure_report import which

    return AICoreOutputMissing(
        f"{which(execution)} is COMPLETED, but {lacking} Then clear the task to run it anew.", execution.id
    )


def outputs_unseen(execution: Execution, error: AICoreError, aicore_conn_id: str) -> AICoreUnreachable:
    """Make the exception for an execution that has COMPLETED, but whose outputs cannot be looked at again."""
    from airflow_provider_aicore.api.failure_report import which

    return AICoreUnreachable(
        f"{which(execution)} is COMPLETED, but did not have all of expected_outputs at first, and could not "
        f"be looked at again. The next try of this task looks. {_told(error, aicore_conn_id)}",
        execution.id,
    )


def not_started(
    execution: Execution, seconds: float, findings: Sequence[Finding], what_now: str
) -> AICoreExecutionNotStarted:
    """Make the exception for an execution that has been waiting to start for too long.

    :param seconds: how long it was given.
    :param what_now: a sentence: what became of it.
    """
    from airflow_provider_aicore.api.diagnosis import meaning
    from airflow_provider_aicore.api.failure_report import for_support, which

    kind = (
        AICoreExecutionCannotStart
        if any(finding.is_the_cause for finding in findings)
        else AICoreExecutionNotStarted
    )
    said = (
        f"{which(execution)} is still {execution.status} and has not started within {seconds:.0f} s of its "
        f"creation (pending_timeout). {execution.status}: {meaning(execution)}."
    )
    parts = (
        said,
        *(finding.text for finding in findings),
        what_now,
        for_support(execution),
    )
    return kind(" ".join(part for part in parts if part), execution.id)


def lost_sight(
    execution_id: str, resource_group: str | None, error: AICoreError, aicore_conn_id: str, *, owned: bool
) -> AICoreTaskError:
    """Make the exception for an execution that cannot be looked at, as far as the last look says.

    :param error: what the last look came to.
    :param aicore_conn_id: the connection that it was made with.
    :param owned: the next try finds the execution, which is worth a retry even where AI Core refuses now.
    """
    from airflow_provider_aicore.api.errors import NotFoundError, may_heal

    # An event of an older trigger does not say the group.
    where = f" in resource group {resource_group!r}" if resource_group else ""
    which = f"Execution {execution_id}{where}"
    if isinstance(error, NotFoundError):
        return AICoreExecutionGone(
            f"{which} is not there: its id or its resource group is wrong, or someone deleted it"
            f"{'; clear the task to start a new one' if owned else ''}. {error}",
            execution_id,
        )
    if not owned and not may_heal(error):
        return AICoreRefused(_told(error, aicore_conn_id))
    what_next = (
        "finds it and waits for it; after the last one stop it in AI Core or with AICoreStopExecutionOperator"
        if owned
        else "looks again"
    )
    return AICoreUnreachable(
        f"{which} is unreachable, which says nothing about it: it lives on as far as is known, and nothing "
        f"was stopped. The next try of this task {what_next}. The last look came to: "
        f"{_told(error, aicore_conn_id)}",
        execution_id,
    )


def lost_schedule(
    which: str, resource_group: str | None, error: AICoreError, aicore_conn_id: str
) -> AICoreTaskError:
    """Make the exception for an execution schedule that cannot be looked at, as far as the last look says."""
    from airflow_provider_aicore.api.errors import NotFoundError, may_heal

    where = f"Execution schedule {which} in resource group {resource_group!r}"
    if isinstance(error, NotFoundError):
        return AICoreScheduledExecutionMissing(
            f"{where} is not there: its id or its resource group is wrong, or someone deleted it. Executions "
            f"that it has started stay; AICoreExecutionSensor waits for one of them. {error}"
        )
    if not may_heal(error):
        return AICoreRefused(_told(error, aicore_conn_id))
    return AICoreUnreachable(
        f"{where} is unreachable, which says nothing about its executions. The next try of this task looks "
        f"again. The last look came to: {_told(error, aicore_conn_id)}"
    )


def __getattr__(name: str) -> Any:
    """Give `AICoreRetryPolicy` to whoever asks for it: older Airflow lacks what it is made of."""
    if name == "AICoreRetryPolicy":
        from airflow_provider_aicore.retry_policy import AICoreRetryPolicy

        return AICoreRetryPolicy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
