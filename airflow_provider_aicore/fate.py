"""Whether a task is still the one that an execution runs for, as Airflow's server sees it."""

from __future__ import annotations

import logging
from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Collection

log = logging.getLogger(__name__)

EXECUTION_ID_KEY = "execution_id"
"""The XCom by which a try says which execution is its own."""
_KILLED = frozenset({"success", "failed", "skipped", "removed", "upstream_failed", "restarting"})
_HAS_AN_OWNER = frozenset({"running", "deferred"})


class Fate(StrEnum):
    """What became of a task."""

    KILLED = "killed"
    """It is over, gone, cleared while it ran, or a later try of it has an execution of its own."""
    DEFERRED = "deferred"
    """It waits for this very execution."""
    BETWEEN = "between"
    """It is neither: it runs, or will run again."""
    UNCLEAR = "unclear"
    """Airflow does not say."""


class Claim(NamedTuple):
    """An execution, if it is known, and the task instance for which it runs."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    execution_id: str | None

    @classmethod
    def of(cls, ti: Any, execution_id: str | None) -> Self:
        """Take the names from Airflow's task instance, of a task or of a trigger."""
        map_index = -1 if ti.map_index is None else ti.map_index
        return cls(ti.dag_id, ti.run_id, ti.task_id, map_index, execution_id)


def fates(claims: Collection[Claim]) -> dict[Claim, Fate]:
    """Ask Airflow what became of tasks, with one request for all instances of a task; blocking.

    Only the server knows: an end by a user, a lost worker and a trigger handed over to another triggerer look
    the same to the process that is told to end.
    """
    result: dict[Claim, Fate] = {}
    tasks = defaultdict(list)
    for claim in claims:
        tasks[claim.dag_id, claim.task_id].append(claim)
    for of_one_task in tasks.values():
        result |= _fates_of_one_task(of_one_task)
    return result


def _fates_of_one_task(claims: list[Claim]) -> dict[Claim, Fate]:
    from airflow_provider_aicore import compat

    dag_id, task_id = claims[0].dag_id, claims[0].task_id
    try:
        states = compat.task_states(dag_id, task_id, {claim.run_id for claim in claims})
        return {claim: _fate(claim, states) for claim in claims}
    except Exception:  # a failed question is an answer: nothing may be concluded from it
        log.warning("Airflow did not say what became of task %s.%s.", dag_id, task_id, exc_info=True)
        return dict.fromkeys(claims, Fate.UNCLEAR)


def _fate(claim: Claim, states: dict[tuple[str, int], str | None]) -> Fate:
    from airflow_provider_aicore import compat

    instance = (claim.run_id, claim.map_index)
    if instance not in states or states[instance] in _KILLED:
        return Fate.KILLED
    if claim.execution_id is None or states[instance] not in _HAS_AN_OWNER:
        return Fate.BETWEEN
    owner = compat.pushed_xcom(*claim[:4], EXECUTION_ID_KEY)
    if owner not in {None, claim.execution_id}:
        return Fate.KILLED
    return Fate.DEFERRED if states[instance] == "deferred" else Fate.BETWEEN
