"""Flows that end executions.

AI Core allows a stop and a deletion in some statuses only, and does both later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.call import Call, Flow, Sleep, once
from airflow_provider_aicore.api.errors import (
    APIStatusError,
    BadRequestError,
    NotFoundError,
    PreconditionFailedError,
)
from airflow_provider_aicore.api.lifecycle import can_be_deleted, has_not_begun, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.api.models import Execution, ExecutionModified
    from airflow_provider_aicore.api.retry import RetryPolicy

_REFUSED_TRANSITION = "01010076"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    :param retry: when single requests are repeated.
    :param seconds: how long in all.
    :param interval: seconds between two looks.
    :param now: a clock in seconds that never jumps; the system's if not given.
    """

    retry: RetryPolicy
    seconds: float
    interval: float = 5.0
    now: Callable[[], float] | None = None


def stop(execution_id: str, patience: Patience) -> Flow[Execution]:
    """Stop an execution and wait until it has ended; one that has ended already is left as it is.

    :return: the execution, ended.
    :raises TimeoutError: it has not ended in time; the message names its status.
    """
    now = patience.now or time.monotonic
    until = now() + patience.seconds
    asked = False
    while True:
        execution = yield from once(executions.get(execution_id), patience.retry)
        if outcome(execution.status):
            return execution
        if not asked:
            asked = yield from _ask(executions.stop(execution_id), patience.retry)
        if now() >= until:
            raise TimeoutError(
                f"Execution {execution_id} has not ended within {patience.seconds:.0f} s: "
                f"it is {execution.status}, and "
                f"the stop was {'accepted' if asked else 'refused in this status'}. "
                "Try again later, or delete it if it stays UNKNOWN."
            )
        yield Sleep(patience.interval)


def delete(execution_id: str, patience: Patience) -> Flow[bool]:
    """Delete an execution, stopping it first where it still runs, and wait until it is gone.

    :return: whether it was there.
    :raises TimeoutError: it has not ended, or not gone, in time.
    """
    now = patience.now or time.monotonic
    until = now() + patience.seconds
    found = False
    while True:
        try:
            seen = yield from once(executions.get(execution_id), patience.retry)
            found = True
            if seen.target_status != "DELETED":
                if not can_be_deleted(seen.status):
                    yield from stop(execution_id, patience)
                yield from _ask(executions.delete(execution_id), patience.retry)
        except NotFoundError:
            return found
        if now() >= until:
            raise TimeoutError(
                f"Execution {execution_id} is still there {patience.seconds:.0f} s "
                "after its deletion was asked for. "
                "AI Core deletes later than it answers; look again before deleting anew."
            )
        yield Sleep(patience.interval)


def bring_to_end(execution_id: str, patience: Patience) -> Flow[None]:
    """End an execution in whatever status it is, and wait until it has ended or is gone.

    :raises TimeoutError: it has not ended in time; the message names its status.
    """
    now = patience.now or time.monotonic
    until = now() + patience.seconds
    accepted = False
    while True:
        try:
            seen = yield from once(executions.get(execution_id), patience.retry)
            if outcome(seen.status):
                return
            accepted = accepted or (yield from end(execution_id, patience.retry))
        except NotFoundError:
            return
        if now() >= until:
            raise TimeoutError(
                f"Execution {execution_id} has not ended within {patience.seconds:.0f} s: "
                f"it is {seen.status}, and its end was {'accepted' if accepted else 'refused'}. "
                "Look at it in AI Core; nothing else is started as long as it lives."
            )
        yield Sleep(patience.interval)


def is_refused_transition(error: APIStatusError) -> bool:
    """Tell whether a change was refused for the present status.

    It is not known whether AI Core says 400 or 412.
    """
    return isinstance(error, PreconditionFailedError) or (
        isinstance(error, BadRequestError) and error.code == _REFUSED_TRANSITION
    )


def end(execution_id: str, retry: RetryPolicy) -> Flow[bool]:
    """Ask once that an execution ends: stop it, or delete what has not begun and so cannot be stopped.

    :return: whether AI Core accepted that.
    """
    if (yield from _ask(executions.stop(execution_id), retry)):
        return True
    seen = yield from once(executions.get(execution_id), retry)
    return has_not_begun(seen.status) and (yield from _ask(executions.delete(execution_id), retry))


def _ask(change: Call[ExecutionModified], retry: RetryPolicy) -> Flow[bool]:
    """Ask once for a change; ``False`` if the status did not allow it."""
    try:
        yield from once(change, retry)
    except (BadRequestError, PreconditionFailedError) as error:
        if not is_refused_transition(error):
            raise
        return False
    return True
