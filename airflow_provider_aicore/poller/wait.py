"""What a wait is: how often it looks, what it bears, and what it says."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_aicore.api import deployments, executions
from airflow_provider_aicore.api.errors import (
    AICoreError,
    APIConnectionError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    TokenRefusedError,
    UnexpectedResponseError,
)
from airflow_provider_aicore.api.lifecycle import LIVE, has_started, outcome
from airflow_provider_aicore.api.models import ExecutionStatus
from airflow_provider_aicore.api.termination import NOT_FOUND_GRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from airflow_provider_aicore.api.call import Call
    from airflow_provider_aicore.api.models import Execution

MIN_INTERVAL = 1.0
"""Seconds between two looks, at least."""

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


class Log(Protocol):
    """Where a wait says what it sees: a standard logger, or Airflow's."""

    def info(self, message: str, /, *args: object) -> object: ...

    def warning(self, message: str, /, *args: object) -> object: ...


class Entity(Protocol):
    """What is waited for, as it was seen."""

    @property
    def id(self) -> str: ...

    @property
    def status(self) -> ExecutionStatus: ...

    @property
    def created_at(self) -> datetime: ...

    @property
    def status_message(self) -> str | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of thing that can be waited for, and how AI Core is asked about it.

    :param noun: its name in what is said.
    :param read: makes the call that reads one by its id.
    :param list_statuses: makes the call for one page of those that now have a status; takes `status`, `top`,
        `skip` and `status_only`.
    :param live: the statuses in which it is waited on, in the order of a life, so that one that moves on
        while they are listed one after the other is seen at least once.
    :param has_ended: tells whether a status ends a wait.
    :param ended: the statuses that end a wait and whose lists say enough of what has ended; those of which
        more is wanted are read singly.
    """

    noun: str
    read: Callable[[str], Call[Any]]
    list_statuses: Callable[..., Call[Any]]
    live: Sequence[ExecutionStatus]
    has_ended: Callable[[ExecutionStatus], bool]
    ended: Sequence[ExecutionStatus] = ()


EXECUTIONS = Kind(
    "execution",
    executions.get,
    executions.query_statuses,
    LIVE,
    lambda status: outcome(status) is not None,
    ended=tuple(status for status in ExecutionStatus if outcome(status) is not None),
)

DEPLOYMENTS_UNTIL = {
    "RUNNING": Kind(
        "deployment",
        deployments.get,
        deployments.query_statuses,
        tuple(status for status in LIVE if status is not ExecutionStatus.RUNNING),
        lambda status: status is ExecutionStatus.RUNNING or outcome(status) is not None,
    ),
    "STOPPED": Kind(
        "deployment",
        deployments.get,
        deployments.query_statuses,
        LIVE,
        lambda status: outcome(status) is not None,
    ),
}
"""By what is waited for; one that has failed ends both."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How to wait for one execution.

    :param id: the execution's.
    :param interval: seconds between two looks, at least 1; a little jitter spreads the looks of many waits.
    :param error_budget: seconds without one good answer before trouble in looking is given to the caller.
    :param first_look_after: seconds before the first look.
    :param seconds: how long to wait at most; ``None`` for as long as it takes.
    :param pending_timeout: seconds since its creation after which an execution that has not started is given
        to the caller as it is; ``None`` for never.
    :param expected_duration: seconds from creation to end that the execution will probably take; about then
        looks come before the interval is over.
    :param kind: of what has that id.
    :raises ValueError: a duration is too short, or none.
    """

    id: str
    interval: float = 30.0
    error_budget: float = 1800.0
    first_look_after: float = 0.0
    seconds: float | None = None
    pending_timeout: float | None = None
    expected_duration: float | None = None
    kind: Kind = EXECUTIONS

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before anything is asked."""
        check_interval(self.interval)
        _check("error_budget", self.error_budget, 0.0)
        _check("first_look_after", self.first_look_after, 0.0)
        _check("expected_duration", self.expected_duration or 0.0, 0.0)


def is_overdue(wait: Wait, execution: Execution, wall: Callable[[], float] | None = None) -> bool:
    """Tell whether the execution has not started for longer than it may.

    :param execution: read in full: a list may leave out that it has started.
    :param wall: a clock in seconds since the epoch; the system's if not given.
    """
    if wait.pending_timeout is None or has_started(execution):
        return False
    return (wall or time.time)() - execution.created_at.timestamp() >= wait.pending_timeout


class Looks:
    """What has come of looking at one execution, whoever waits for it."""

    __slots__ = ("last_good", "missing_since", "trouble", "trouble_at")

    def __init__(self, begin: float) -> None:
        self.last_good = begin
        self.missing_since: float | None = None
        self.trouble: Exception | None = None
        self.trouble_at = begin

    def good(self, now: float) -> None:
        """Note a good answer."""
        self.last_good = now
        self.missing_since = self.trouble = None

    def bad(self, error: Exception, now: float) -> None:
        """Note trouble."""
        self.trouble, self.trouble_at = error, now
        if isinstance(error, NotFoundError) and self.missing_since is None:
            self.missing_since = now


class Watch:
    """What one wait says about what it sees, and how long it bears not to see.

    :param looks: what comes of looking; another if the wait is handed over.
    :param wall: a clock in seconds since the epoch.
    """

    __slots__ = ("_begin", "_last_said", "_log", "_told_at", "_wait", "_wall", "looks", "seen")

    def __init__(self, wait: Wait, log: Log, looks: Looks, wall: Callable[[], float]) -> None:
        self._wait = wait
        self._log = log
        self._wall = wall
        self._begin = self._last_said = looks.last_good
        self._told_at: float | None = None
        self.looks = looks
        self.seen: Any = None

    def saw(self, entity: Entity, now: float) -> None:
        """Take in a good answer; say so when the status changed, or when nothing was said for long."""
        changed = self.seen is None or entity.status != self.seen.status
        self.seen = entity
        # How it ended is the caller's to tell.
        if not self._wait.kind.has_ended(entity.status) and (changed or self._is_silent(now)):
            self._say(now)

    def still(self, now: float) -> None:
        """Say that the wait goes on, when nothing was said for long."""
        if self.looks.trouble is None and self._is_silent(now):
            self._last_said = now  # Also where nothing was seen yet, or it would be time again at once.
            if self.seen is not None:
                self._say(now)

    def bear(self, now: float) -> Exception | None:
        """Take in trouble, if there is any; say so at first, and again when it has lasted long.

        :return: the error, when it has lasted too long.
        """
        looks, error = self.looks, self.looks.trouble
        if error is None:
            return None
        patience, lasted = self._wait.error_budget, now - max(self._begin, looks.last_good)
        if isinstance(error, NotFoundError) and looks.missing_since is not None:
            patience, lasted = NOT_FOUND_GRACE, looks.trouble_at - looks.missing_since
        if lasted >= patience:
            return error
        if self._told_at is None or self._told_at < looks.last_good or now - self._told_at >= HEARTBEAT:
            self._told_at = now
            self._log.warning(
                "Looking at %s %s failed, which says nothing about the %s; looking again for %.0f s more. %s",
                self._wait.kind.noun,
                self._wait.id,
                self._wait.kind.noun,
                patience - lasted,
                error,
            )
        return None

    def next_at(self) -> float:
        """Say when something has to be said or given up, if nothing is seen until then."""
        if self.looks.trouble is None:
            return self._last_said + HEARTBEAT
        tell_at = HEARTBEAT + (self._begin if self._told_at is None else self._told_at)
        if isinstance(self.looks.trouble, NotFoundError):
            return tell_at  # Each 404 wakes the wait.
        return min(tell_at, max(self._begin, self.looks.last_good) + self._wait.error_budget)

    def _is_silent(self, now: float) -> bool:
        return now - self._last_said >= HEARTBEAT

    def _say(self, now: float) -> None:
        self._last_said = now
        self._log.info(
            "%s %s is %s after %.0f s%s.",
            self._wait.kind.noun.capitalize(),
            self.seen.id,
            self.seen.status,
            # AI Core's clock may be ahead of this one.
            max(0.0, self._wall() - self.seen.created_at.timestamp()),
            f" ({self.seen.status_message})" if self.seen.status_message else "",
        )


def is_trouble(error: Exception) -> bool:
    """Tell whether an error is waited out.

    AI Core's refusals and bad arguments are not; whatever else goes wrong here says nothing about the
    execution.
    """
    return isinstance(error, TROUBLE) or not isinstance(error, (AICoreError, ValueError))


def own(error: Exception) -> Exception:
    """Copy an error that many raise: each would add its traceback to the one that all have."""
    try:
        return copy.copy(error)
    except Exception:  # noqa: BLE001 - not each error of others can be copied
        return error


def check_interval(interval: float) -> None:
    """Refuse an interval below the floor with a ValueError: AI Core would be asked without a pause."""
    _check("interval", interval, MIN_INTERVAL)


def _check(name: str, value: float, least: float) -> None:
    if not least <= value < math.inf:
        raise ValueError(f"{name} is {value!r}, but at least {least:g} s are needed.")
