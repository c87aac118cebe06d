"""Started once, with a configuration of our own: its name says whose execution it is, wherever one looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_aicore.api import configurations, termination
from airflow_provider_aicore.api.call import Flow, once, pages
from airflow_provider_aicore.api.lifecycle import outcome
from airflow_provider_aicore.ledger.found import end_all, executions_of, is_adoptable, look
from airflow_provider_aicore.ledger.memory import Record, Started
from airflow_provider_aicore.ledger.start import settle
from airflow_provider_aicore.ledger.start import start as start_execution

if TYPE_CHECKING:
    from airflow_provider_aicore.api.ensure import Bindings
    from airflow_provider_aicore.api.models import Configuration, Execution
    from airflow_provider_aicore.api.retry import RetryPolicy
    from airflow_provider_aicore.api.termination import Patience
    from airflow_provider_aicore.ledger.logical_run import LogicalRun, Mark
    from airflow_provider_aicore.ledger.memory import Memory


class SupersededError(RuntimeError):
    """The task was cleared meanwhile and has begun anew: this try is not to start anything."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What AI Core has of one task instance.

    :param incarnation: of the DAG run, see :class:`~.logical_run.Mark`.
    :param superseded_by: the mark of a run after this one.
    :param configurations: those of this generation, the oldest first.
    :param executions: those of this generation.
    :param earlier: executions of the generations and incarnations before.
    :param count: executions of all generations of this incarnation.
    """

    incarnation: int
    superseded_by: Mark | None
    configurations: tuple[Configuration, ...]
    executions: tuple[Execution, ...]
    earlier: tuple[Execution, ...]
    count: int

    @property
    def candidates(self) -> list[Execution]:
        """Those whose result can be the task's, the one to keep first: a result, else the oldest."""
        good = [one for one in self.executions if is_adoptable(one)]
        return sorted(good, key=lambda one: (outcome(one.status) is None, one.created_at, one.id))

    def accounts_for(self, tries: int) -> bool:
        """Tell whether each of so many tries has left an execution, so that none is on its way."""
        return bool(self.candidates) or self.count >= tries


def start(
    run: LogicalRun,
    bindings: Bindings,
    patience: Patience,
    memory: Memory,
    *,
    before_creation: Flow[None] | None = None,
) -> Flow[Started]:
    """Find the execution that an earlier try of this run has started, or start one.

    One that lives or has COMPLETED is adopted; one that is DEAD or STOPPED is left alone. What earlier
    generations have left behind is ended first.

    :param patience: how long to wait for the end of what is in the way.
    :param before_creation: run before a configuration is created, so not by a try that finds one; what it
        raises keeps it from being created.
    :raises SupersededError: a later generation has begun.
    :raises TimeoutError: what is in the way does not end; nothing was started.
    """
    record = memory.read()
    if record and record.generation == run.generation and record.execution_id:
        known = yield from look(record.execution_id, patience.retry)
        if known and is_adoptable(known):
            return Started(known.id, known.configuration_id, adopted=True)
    seen = yield from _settled_survey(run, record, patience.retry)
    if seen.superseded_by:
        raise SupersededError(_superseded(run, seen.superseded_by))
    candidates = yield from _confirmed(seen, patience.retry)
    in_the_way = [*seen.earlier, *(one for one in seen.executions if one.id not in candidates)]
    ended = yield from end_all(in_the_way, patience)
    if candidates:
        kept, *others = candidates.values()
        superfluous = yield from end_all(others, patience)
        memory.write(Record(run.generation, kept.configuration_id, kept.id))
        return Started(
            kept.id, kept.configuration_id, adopted=True, superfluous=superfluous, ended_before=ended
        )
    started = yield from _start_anew(run, seen, bindings, patience, memory, before_creation=before_creation)
    return replace(started, ended_before=ended)


def abandon(run: LogicalRun, patience: Patience, memory: Memory) -> Flow[tuple[str, ...]]:
    """End whatever this run may have started, also what does not show yet.

    :return: the ids of what was ended.
    """
    record = memory.read()
    in_doubt = record is not None and record.generation == run.generation and record.execution_id is None

    def is_settled(seen: Survey) -> bool:
        return not in_doubt or any(outcome(one.status) is None for one in (*seen.earlier, *seen.executions))

    seen = yield from settle(lambda: survey(run, patience.retry), is_settled)
    found = {one.id: one for one in (*seen.earlier, *seen.executions)}
    if record and record.execution_id and record.execution_id not in found:
        noted = yield from look(record.execution_id, patience.retry)
        found |= {noted.id: noted} if noted else {}
    return (yield from end_all(list(found.values()), patience))


def survey(run: LogicalRun, retry: RetryPolicy, incarnation: int | None = None) -> Flow[Survey]:
    """Look at everything that bears the run's identity.

    :param incarnation: the one to look for; if not given the latest, but on the first try of all one that
        does not exist yet: what is there then is of a DAG run that was deleted.
    """
    found = yield from pages(
        lambda top, skip: configurations.query(search=run.identity, top=top, skip=skip), retry
    )
    # A page may bring one that another has brought.
    ours = {one.id: (mark, one) for one in found if (mark := run.mark(one.name))}
    marks = {mark for mark, _ in ours.values()}
    if incarnation is None:
        latest = max((mark.incarnation for mark in marks), default=0)
        incarnation = latest + 1 if run.try_number <= 1 or not latest else latest
    runs: dict[Mark, list[Execution]] = {}
    for mark, one in ours.values():
        runs.setdefault(mark, []).extend((yield from executions_of(one.id, retry)))
    this = (incarnation, run.generation)
    later = {
        mark for mark in marks if mark[:2] != this and (mark[0], mark[2]) > (incarnation, run.try_number)
    }
    mine = sorted((one for mark, one in ours.values() if mark[:2] == this), key=lambda one: one.created_at)
    return Survey(
        incarnation,
        superseded_by=max(later, key=lambda mark: mark.try_number, default=None),
        configurations=tuple(mine),
        executions=tuple(one for mark, some in runs.items() if mark[:2] == this for one in some),
        earlier=tuple(one for mark in runs.keys() - later if mark[:2] != this for one in runs[mark]),
        count=sum(len(some) for mark, some in runs.items() if mark.incarnation == incarnation),
    )


def _confirmed(seen: Survey, retry: RetryPolicy) -> Flow[dict[str, Execution]]:
    """Read those that can be adopted one by one, since a list may lag behind; the one to keep first."""
    confirmed: dict[str, Execution] = {}
    for candidate in seen.candidates:
        now = yield from look(candidate.id, retry)
        if now and is_adoptable(now):
            confirmed[now.id] = now
    return confirmed


def _settled_survey(run: LogicalRun, record: Record | None, retry: RetryPolicy) -> Flow[Survey]:
    """Look until no earlier try can have started something that does not show."""
    intended = record is not None and record.generation == run.generation and record.execution_id is None

    def is_settled(seen: Survey) -> bool:
        return seen.accounts_for(run.try_number - 1) if not intended else bool(seen.candidates)

    return (yield from settle(lambda: survey(run, retry), is_settled))


def _start_anew(
    run: LogicalRun,
    seen: Survey,
    bindings: Bindings,
    patience: Patience,
    memory: Memory,
    *,
    before_creation: Flow[None] | None,
) -> Flow[Started]:
    """Start an execution, and of two that were started at the same time keep the older one."""
    retry = patience.retry
    same = [one.id for one in seen.configurations if bindings.are_those_of(one)]
    if same:
        configuration_id = same[0]
    else:
        if before_creation is not None:
            yield from before_creation
        name = run.configuration_name(seen.incarnation)
        # A second configuration does no harm: executions are looked for over all of this name.
        call = replace(bindings.configuration(name), repeatable=True)
        configuration_id = (yield from once(call, retry)).id
    before = {one.id for one in seen.executions}

    def find() -> Flow[str | None]:
        new = [one for one in (yield from executions_of(configuration_id, retry)) if one.id not in before]
        return min(new, key=lambda one: (one.created_at, one.id)).id if new else None

    record = Record(run.generation, configuration_id)
    execution_id = yield from start_execution(record, find, memory, retry)
    now = yield from survey(run, retry, seen.incarnation)
    if now.superseded_by:
        yield from termination.bring_to_end(execution_id, patience)
        raise SupersededError(_superseded(run, now.superseded_by))
    if not [one for one in now.candidates if one.id != execution_id]:
        return Started(execution_id, configuration_id, adopted=False)
    return (yield from _keep_one(run, now, execution_id, patience, memory))


def _keep_one(
    run: LogicalRun, seen: Survey, execution_id: str, patience: Patience, memory: Memory
) -> Flow[Started]:
    """Keep one of several and end the others; the one just started may not show yet."""
    mine = yield from look(execution_id, patience.retry)
    others = [one for one in seen.executions if one.id != execution_id]
    complete = replace(seen, executions=tuple([*others, mine] if mine else others))
    kept, *rest = complete.candidates
    superfluous = yield from end_all(rest, patience)
    memory.write(Record(run.generation, kept.configuration_id, kept.id))
    return Started(kept.id, kept.configuration_id, kept.id != execution_id, superfluous)


def _superseded(run: LogicalRun, later: Mark) -> str:
    return (
        f"Task {run.task_id!r} of DAG {run.dag_id!r}, run {run.run_id!r}, was cleared and has begun anew: "
        f"this is try {run.try_number}, and try {later.try_number} has been in AI Core. "
        "So this try starts nothing."
    )
