"""Flows that end executions.

AI Core allows a stop and a deletion in some statuses only, and does both later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.call import Call, Flow, Sleep, once, pages
from airflow_provider_aicore.api.errors import (
    APIStatusError,
    BadRequestError,
    NotFoundError,
    PreconditionFailedError,
)
from airflow_provider_aicore.api.lifecycle import can_be_deleted, is_on_its_way_out, outcome
from airflow_provider_aicore.api.models import ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow_provider_aicore.api.models import Execution, ExecutionModified
    from airflow_provider_aicore.api.retry import RetryPolicy

_REFUSED_TRANSITION = "01010076"

NOT_FOUND_GRACE = 60.0
"""Seconds for which a 404 is not believed: an execution that was just created can be unknown for a moment."""
_NOT_FOUND = "01010020"
_MANY = 5
"""From more than so many on a list is asked for in place of each single one."""


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
    begin = now()
    accepted = False
    while True:
        try:
            seen = yield from once(executions.get(execution_id), patience.retry)
            if outcome(seen.status):
                return
            state = seen.status.value
            accepted = accepted or (yield from end(execution_id, patience.retry))
        except NotFoundError:
            # One that was just created can be unknown for a moment.
            if accepted or now() - begin >= NOT_FOUND_GRACE:
                return
            state = "not found"
        if now() - begin >= patience.seconds:
            raise TimeoutError(
                f"Execution {execution_id} has not ended within {patience.seconds:.0f} s: "
                f"it is {state}, and its end was {'accepted' if accepted else 'refused'}. "
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


def end(execution_id: str, retry: RetryPolicy, *, seconds: float = 0.0) -> Flow[bool]:
    """Ask that an execution ends: stop it, or delete what has not begun and so cannot be stopped.

    :param seconds: how long to ask again where its status allows neither; 0 asks once.
    :return: whether AI Core accepted that, or there was nothing left to end.
    """
    return not (yield from end_all([execution_id], Patience(retry, seconds, interval=1.0)))


def end_all(
    execution_ids: Collection[str], patience: Patience, *, bulk: bool = False
) -> Flow[dict[str, str]]:
    """Ask that executions end, without waiting until they have.

    They are stopped; those that have not begun, which AI Core does not stop, are asked again, and deleted
    when half of the time is over.

    :param bulk: change many with one request, where ``/lm/meta`` lists `bulkUpdates`.
    :return: by id why it may go on; empty if none does.
    """
    now = patience.now or time.monotonic
    begin = now()
    refusals: dict[str, str] = dict.fromkeys(execution_ids, "")
    while True:
        refusals = yield from ask_all(list(refusals), "STOPPED", patience.retry, bulk=bulk)
        refusals = yield from _still_live(refusals, patience.retry)
        if refusals and now() - begin >= patience.seconds / 2:
            refusals = yield from ask_all(list(refusals), "DELETED", patience.retry, bulk=bulk)
        if not refusals or now() - begin >= patience.seconds:
            return refusals
        yield Sleep(patience.interval)


def ask_all(
    execution_ids: Sequence[str], target: executions.TargetStatus, retry: RetryPolicy, *, bulk: bool
) -> Flow[dict[str, str]]:
    """Ask once for the same change of many; return by id why it was refused."""
    refusals: dict[str, str] = {}
    if bulk:
        for begin in range(0, len(execution_ids), executions.MAX_BATCH):
            some = execution_ids[begin : begin + executions.MAX_BATCH]
            verdicts = yield from once(executions.batch_modify(dict.fromkeys(some, target)), retry)
            refusals |= _refused(some, verdicts, target)
        return refusals
    change = executions.stop if target == "STOPPED" else executions.delete
    for execution_id in execution_ids:
        try:
            accepted = yield from _ask(change(execution_id), retry)
        except NotFoundError:
            continue
        if not accepted:
            refusals[execution_id] = f"AI Core refused the target status {target} in its status."
    return refusals


def _refused(execution_ids: Sequence[str], verdicts: list[ExecutionModified], target: str) -> dict[str, str]:
    """Read the answer to a bulk request; what is not there any more has ended."""
    errors: dict[str, dict[str, Any] | None] = {each: {"message": "no verdict"} for each in execution_ids}
    errors |= {verdict.id: verdict.error for verdict in verdicts}
    return {
        execution_id: f"AI Core refused the target status {target}: "
        f"{error.get('code', 'no code')}, {error.get('message')}"
        for execution_id, error in errors.items()
        if error and error.get("code") != _NOT_FOUND
    }


def _still_live(refusals: Mapping[str, str], retry: RetryPolicy) -> Flow[dict[str, str]]:
    """Choose the executions that have neither ended nor are about to.

    Who is in no list is looked at singly, since absence says nothing.
    """
    live = set()
    if len(refusals) > _MANY:
        not_begun = yield from pages(
            lambda top, skip: executions.query(status=ExecutionStatus.UNKNOWN, top=top, skip=skip), retry
        )
        live = {one.id for one in not_begun if not is_on_its_way_out(one)}
    for execution_id in refusals.keys() - live:
        try:
            seen = yield from once(executions.get(execution_id), retry)
        except NotFoundError:
            continue
        if outcome(seen.status) is None and not is_on_its_way_out(seen):
            live.add(execution_id)
    return {execution_id: why for execution_id, why in refusals.items() if execution_id in live}


def _ask(change: Call[ExecutionModified], retry: RetryPolicy) -> Flow[bool]:
    """Ask once for a change; ``False`` if the status did not allow it."""
    try:
        yield from once(change, retry)
    except (BadRequestError, PreconditionFailedError) as error:
        if not is_refused_transition(error):
            raise
        return False
    return True
