"""Waiting for executions to end; it knows no Airflow.

Each wait looks for itself at present. Whoever waits calls :func:`until_ended` and nothing else, so that one
poll for all waits of a resource group can take its place behind the same name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.call import Flow, Sleep, once
from airflow_provider_aicore.api.errors import (
    AICoreError,
    APIConnectionError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    TokenRefusedError,
    UnexpectedResponseError,
)
from airflow_provider_aicore.api.lifecycle import has_started, outcome
from airflow_provider_aicore.api.termination import NOT_FOUND_GRACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

HEARTBEAT = 600.0
"""Seconds between two lines that say that the wait goes on, when nothing changes."""

LOOKING_FAILED = (
    APIConnectionError,
    RateLimitedError,
    ServerError,
    TokenRefusedError,
    UnexpectedResponseError,
)
"""Errors that say nothing about the execution."""

TROUBLE = (*LOOKING_FAILED, NotFoundError)
"""Errors that are waited out."""
_JITTER = 0.1


class Log(Protocol):
    """Where a wait says what it sees: a standard logger, or Airflow's."""

    def info(self, message: str, /, *args: object) -> object: ...

    def warning(self, message: str, /, *args: object) -> object: ...


@dataclass(frozen=True, slots=True)
class Wait:
    """How to wait for one execution.

    :param interval: seconds between two looks; jitter of up to a tenth spreads the looks of many waits.
    :param error_budget: seconds without one good answer before trouble in looking is given to the caller.
    :param first_look_after: seconds before the first look.
    :param seconds: how long to wait at most; ``None`` for as long as it takes.
    :param pending_timeout: seconds since its creation after which an execution that has not started is given
        to the caller as it is; ``None`` for never.
    """

    execution_id: str
    interval: float = 30.0
    error_budget: float = 1800.0
    first_look_after: float = 0.0
    seconds: float | None = None
    pending_timeout: float | None = None


def until_ended(
    wait: Wait,
    *,
    retry: RetryPolicy,
    log: Log,
    now: Callable[[], float] | None = None,
    wall: Callable[[], float] | None = None,
) -> Flow[Execution | None]:
    """Look at an execution until it has ended or the time is over.

    Trouble in looking is never an outcome: it is waited out within the error budget. Each change of the
    status is told but the last, which is the caller's to tell.

    :param now: a clock in seconds that never jumps; the system's if not given.
    :param wall: a clock in seconds since the epoch; the system's if not given.
    :return: the execution when it ended, or is overdue; when the time was over, as last seen (``None`` if it
        never was).
    :raises AICoreError: the credentials or the resource group were refused, the execution does not exist (a
        404 for a minute), or the error budget is used up.
    """
    now, wall = now or time.monotonic, wall or time.time
    begin = now()
    end = None if wait.seconds is None else begin + wait.seconds
    watch = _Watch(wait, log, begin, wall)
    yield Sleep(_until(end, wait.first_look_after, begin))
    while True:
        try:
            execution = yield from once(executions.get(wait.execution_id), retry)
        except TROUBLE as error:
            watch.bear(error, now())
            pause = max(wait.interval, getattr(error, "retry_after", None) or 0.0)
        else:
            watch.saw(execution, now())
            if outcome(execution.status) or is_overdue(wait, execution, wall):
                return execution
            pause = wait.interval
        if end is not None and now() >= end:
            return watch.seen
        yield Sleep(_until(end, pause * (1 + _JITTER * retry.jitter()), now()))


def is_overdue(wait: Wait, execution: Execution, wall: Callable[[], float] | None = None) -> bool:
    """Tell whether the execution has not started for longer than it may.

    :param wall: a clock in seconds since the epoch; the system's if not given.
    """
    if wait.pending_timeout is None or has_started(execution):
        return False
    return (wall or time.time)() - execution.created_at.timestamp() >= wait.pending_timeout


class _Watch:
    """What one wait has seen, and what it says about it."""

    def __init__(self, wait: Wait, log: Log, begin: float, wall: Callable[[], float]) -> None:
        self._wait = wait
        self._log = log
        self._wall = wall
        self._last_good = begin
        self._last_said = begin
        self._missing_since: float | None = None
        self.seen: Execution | None = None

    def saw(self, execution: Execution, now: float) -> None:
        """Note a good answer; say so when the status changed, or when nothing was said for long."""
        changed = self.seen is None or execution.status != self.seen.status
        if outcome(execution.status) is None and (changed or now - self._last_said >= HEARTBEAT):
            self._last_said = now
            self._log.info(
                "Execution %s is %s after %.0f s%s.",
                execution.id,
                execution.status,
                # AI Core's clock may be ahead of this one.
                max(0.0, self._wall() - execution.created_at.timestamp()),
                f" ({execution.status_message})" if execution.status_message else "",
            )
        self._last_good = now
        self._missing_since = None
        self.seen = execution

    def bear(self, error: AICoreError, now: float) -> None:
        """Note trouble, and raise it when it has lasted too long."""
        if isinstance(error, NotFoundError):
            self._missing_since = now if self._missing_since is None else self._missing_since
            patience, since = NOT_FOUND_GRACE, self._missing_since
        else:
            patience, since = self._wait.error_budget, self._last_good
        if now - since >= patience:
            raise error
        self._log.warning(
            "Looking at execution %s failed, which says nothing about the execution; "
            "looking again for %.0f s more. %s",
            self._wait.execution_id,
            patience - (now - since),
            error,
        )


def _until(end: float | None, pause: float, now: float) -> float:
    """Shorten a pause so that it does not reach past the end."""
    return pause if end is None else max(0.0, min(pause, end - now))
