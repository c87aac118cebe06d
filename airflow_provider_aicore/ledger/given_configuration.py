"""Started once, with a configuration that others may start as well.

Nothing about such an execution says whose it is. So AI Core's time is noted before the start, and a try that
does not know whether the one before it has started something looks for what began in the window after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from airflow_provider_aicore.api import configurations
from airflow_provider_aicore.api.call import Call, Flow, once
from airflow_provider_aicore.ledger.found import end_all, executions_of, is_adoptable, look
from airflow_provider_aicore.ledger.memory import Record, Started
from airflow_provider_aicore.ledger.start import settle
from airflow_provider_aicore.ledger.start import start as start_execution

if TYPE_CHECKING:
    import httpx

    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy
    from airflow_provider_aicore.api.termination import Patience
    from airflow_provider_aicore.ledger.memory import Memory

START_WINDOW = timedelta(seconds=120)
"""How long after the intent an execution can have been created by it: a request is given a minute."""
_MOST_PATIENCE = 10.0
"""Seconds that are waited at AI Core's wish before a start is repeated that did nothing."""
_ROUNDING = timedelta(seconds=2)


class AmbiguousStartError(RuntimeError):
    """Several executions may be the one that an earlier try has started; none was adopted or started."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to start a given configuration.

    :param generation: of the task, see :class:`~.logical_run.Mark`.
    :param is_first_try: no try of this generation came before.
    :param not_before: when an execution of this task can have been created at the earliest; looked at only
        where nothing could be remembered.
    """

    configuration_id: str
    generation: int
    is_first_try: bool
    not_before: datetime


def start(attempt: Attempt, patience: Patience, memory: Memory) -> Flow[Started]:
    """Find the execution that an earlier try has started, or start one.

    What the generation before has left live is ended first, as far as it is remembered.

    :raises AmbiguousStartError: several can be the one that is looked for.
    :raises TimeoutError: what is in the way does not end; nothing was started.
    """
    record = memory.read()
    ended: tuple[str, ...] = ()
    if record and record.generation != attempt.generation:
        left = yield from _execution_of(record, patience.retry)
        ended = yield from end_all([left] if left else [], patience)
    else:
        known = yield from _known(attempt, record, memory, patience.retry)
        if known and is_adoptable(known):
            memory.write(Record(attempt.generation, known.configuration_id, known.id))
            return Started(known.id, known.configuration_id, adopted=True)
        ended = yield from end_all([known] if known else [], patience)
    at = yield from once(_time(attempt.configuration_id), patience.retry)
    window = _Window(attempt.configuration_id, at, at + START_WINDOW)

    def find() -> Flow[str | None]:
        found = yield from window.find(patience.retry)
        return found.id if found else None

    intent = Record(attempt.generation, attempt.configuration_id, intended_at=at)
    # It has to arrive within the window: a retry of the task notes the time anew.
    retry = replace(patience.retry, patience=_MOST_PATIENCE)
    execution_id = yield from start_execution(intent, find, memory, retry, starts=1)
    return Started(execution_id, attempt.configuration_id, adopted=False, ended_before=ended)


def abandon(patience: Patience, memory: Memory) -> Flow[tuple[str, ...]]:
    """End what this try may have started, also what does not show yet; return the ids of what was ended."""
    record = memory.read()
    if record is None:
        return ()
    known = yield from _execution_of(record, patience.retry)
    return (yield from end_all([known] if known else [], patience))


def _known(
    attempt: Attempt, record: Record | None, memory: Memory, retry: RetryPolicy
) -> Flow[Execution | None]:
    """Find what an earlier try of this generation has started."""
    if record:
        return (yield from _execution_of(record, retry))
    if memory.is_lasting or attempt.is_first_try:
        return None
    return (yield from _Window(attempt.configuration_id, attempt.not_before, None).settled(retry))


def _execution_of(record: Record, retry: RetryPolicy) -> Flow[Execution | None]:
    """Find what a start has made: by its id, or by when it was."""
    if record.execution_id:
        return (yield from look(record.execution_id, retry))
    if record.intended_at is None:
        return None
    until = record.intended_at + START_WINDOW
    return (yield from _Window(record.configuration_id, record.intended_at, until).settled(retry))


@dataclass(frozen=True, slots=True)
class _Window:
    """When an execution was created that is looked for."""

    configuration_id: str
    begin: datetime
    end: datetime | None

    def settled(self, retry: RetryPolicy) -> Flow[Execution | None]:
        """Find it, or be sure that it does not exist."""
        return settle(lambda: self.find(retry), lambda found: found is not None)

    def find(self, retry: RetryPolicy) -> Flow[Execution | None]:
        """Find the one execution that a task could take.

        :raises AmbiguousStartError: there are several; where the end is open, also if only one of them lives
            or has COMPLETED.
        """
        found = [
            one
            for one in (yield from executions_of(self.configuration_id, retry))
            if self.begin - _ROUNDING <= one.created_at and (self.end is None or one.created_at <= self.end)
        ]
        good = [one for one in found if is_adoptable(one)]
        candidates = good if self.end else found
        if good and len(candidates) > 1:
            raise AmbiguousStartError(self._ambiguity(candidates))
        return good[0] if good else None

    def _ambiguity(self, found: list[Execution]) -> str:
        names = ", ".join(f"{one.id} ({one.status}, created {one.created_at.isoformat()})" for one in found)
        return (
            f"An earlier try may have started configuration {self.configuration_id} at or after "
            f"{self.begin.isoformat()}, and {len(found)} executions can be the one: {names}. Nothing was "
            "adopted and nothing started. Stop those that are superfluous and clear the task; "
            "with dedupe='clone' this cannot happen."
        )


def _time(configuration_id: str) -> Call[datetime]:
    """Ask for AI Core's time, by a request that also fails if the configuration does not exist."""
    return Call("GET", configurations.get(configuration_id).path, _date, repeatable=True)


def _date(response: httpx.Response) -> datetime:
    try:
        return parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
