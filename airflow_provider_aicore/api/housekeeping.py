"""Deleting what is over: AI Core keeps executions for ever, and its lists grow with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.errors import APIConnectionError, RateLimitedError, ServerError
from airflow_provider_aicore.api.lifecycle import LIVE
from airflow_provider_aicore.api.models import ExecutionStatus
from airflow_provider_aicore.api.paging import Walk
from airflow_provider_aicore.api.query import optional_id
from airflow_provider_aicore.api.termination import ask_all
from airflow_provider_aicore.api.validation import check_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from airflow_provider_aicore.api.call import Call, Flow
    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

ENDED = tuple(status for status in ExecutionStatus if status not in LIVE)
"""The statuses of what may be deleted by a filter."""

_DELETED: Final = "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which executions to delete: those that pass all filters.

    :param statuses: none in which an execution is live.
    :param ended_before: when they ended, at the latest.
    :param keep_last: of each executable, spare so many of those that pass the other filters, the ones that
        were created last, whatever their age.
    :raises ValueError: a filter is malformed, or there is none that narrows: neither an id nor an age.
    """

    scenario_id: str | None = None
    executable_id: str | None = None
    configuration_id: str | None = None
    execution_schedule_id: str | None = None
    statuses: tuple[ExecutionStatus, ...] = ENDED
    ended_before: datetime | None = None
    keep_last: int = 0

    def __post_init__(self) -> None:
        for name in self.ids():
            optional_id(name, getattr(self, name))
        check_count("keep_last", self.keep_last)
        if not self.statuses or not set(self.statuses) <= set(ENDED):
            raise ValueError(f"statuses is {self.statuses!r}, but what is live is never deleted by a filter.")
        if self.ended_before is None and not any(self.ids().values()):
            raise ValueError(
                "Nothing narrows down what is to be deleted: give an age, or the id of a scenario, an "
                "executable, a configuration or an execution schedule."
            )

    def ids(self) -> dict[str, str | None]:
        """Return the filters by id, by name of the attribute, which executions have as well."""
        names = ("scenario_id", "executable_id", "configuration_id", "execution_schedule_id")
        return {name: getattr(self, name) for name in names}

    def covers(self, execution: Execution) -> bool:
        """Tell whether AI Core has listed what was asked for: a filter that it ignores deletes nothing."""
        return (
            execution.status in self.statuses
            and execution.target_status != _DELETED
            and all(wanted in {None, getattr(execution, name)} for name, wanted in self.ids().items())
        )


class Choice(NamedTuple):
    """What a selection chooses.

    :param doomed: ids of executions to delete, the oldest first.
    :param spared: how many pass the filters by id and status but are too young, or among the last.
    """

    doomed: list[str]
    spared: int


class Deletion(NamedTuple):
    """What became of a deletion.

    :param deleted: ids of executions whose deletion AI Core has accepted, or that were gone.
    :param refusals: by id why another one may stay.
    """

    deleted: list[str]
    refusals: dict[str, str]


class _Seen(NamedTuple):
    created_at: datetime
    id: str
    ended_at: datetime
    executable_id: str | None


def choose(selection: Selection, retry: RetryPolicy) -> Flow[Choice]:
    """List what a selection chooses, and change nothing.

    Each status is a list of its own, for AI Core takes one. What is being deleted already is left out, so
    that whoever does this again chooses the rest.
    """
    found: list[_Seen] = []
    for status in dict.fromkeys(selection.statuses):
        walk = Walk(_pages(selection, status), retry)
        while not walk.is_over:
            found += [_seen(each) for each in (yield from walk.turn()) if selection.covers(each)]
    doomed = []
    newer: Counter[str | None] = Counter()
    for one in sorted(set(found), reverse=True):
        newer[one.executable_id] += 1
        is_young = selection.ended_before is not None and one.ended_at > selection.ended_before
        if newer[one.executable_id] > selection.keep_last and not is_young:
            doomed.append(one.id)
    return Choice(doomed[::-1], len(set(found)) - len(doomed))


def delete(execution_ids: Sequence[str], retry: RetryPolicy, *, bulk: bool) -> Flow[Deletion]:
    """Ask for the deletion of executions that have ended, without waiting until they are gone.

    :param bulk: delete up to 100 with one request, where ``/lm/meta`` lists `bulkUpdates`.
    """
    deleted: list[str] = []
    refusals: dict[str, str] = {}
    size = executions.MAX_BATCH if bulk else 1
    for begin in range(0, len(execution_ids), size):
        some = execution_ids[begin : begin + size]
        try:
            refused = yield from ask_all(some, _DELETED, retry, bulk=bulk)
        except (APIConnectionError, RateLimitedError, ServerError) as error:
            # Whoever comes next would fare no better.
            left = execution_ids[begin:]
            return Deletion(deleted, refusals | dict.fromkeys(left, f"AI Core was not to be asked: {error}"))
        refusals |= refused
        deleted += [each for each in some if each not in refused]
    return Deletion(deleted, refusals)


def _pages(selection: Selection, status: ExecutionStatus) -> Callable[[int, int], Call[list[Execution]]]:
    def page(top: int, skip: int) -> Call[list[Execution]]:
        return executions.query(
            configuration_id=selection.configuration_id,
            scenario_id=selection.scenario_id,
            executable_ids=None if selection.executable_id is None else [selection.executable_id],
            execution_schedule_id=selection.execution_schedule_id,
            status=status,
            top=top,
            skip=skip,
        )

    return page


def _seen(execution: Execution) -> _Seen:
    ended_at = execution.completion_time or execution.modified_at
    return _Seen(execution.created_at, execution.id, ended_at, execution.executable_id)
