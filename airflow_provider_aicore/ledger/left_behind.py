"""What tasks have left behind: a worker that dies in its last try cannot end its execution any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api import configurations
from airflow_provider_aicore.api.call import Flow, pages
from airflow_provider_aicore.api.validation import MAX_SEARCH
from airflow_provider_aicore.ledger.found import end_all, executions_of
from airflow_provider_aicore.ledger.logical_run import LogicalRun, map_index, task_name

if TYPE_CHECKING:
    from airflow_provider_aicore.api.models import Configuration
    from airflow_provider_aicore.api.termination import Patience


def end_those_of(dag_id: str, run_id: str, task_id: str, patience: Patience) -> Flow[tuple[str, ...]]:
    """End all live executions that a task has started with configurations of its own in a DAG run.

    Those of all map indexes, tries and generations.

    :return: the ids of what was ended.
    :raises TimeoutError: one does not end in time.
    """
    name = task_name(dag_id, task_id)

    def is_of_it(configuration: Configuration) -> bool:
        index = map_index(configuration.name, name)
        return LogicalRun(dag_id, run_id, task_id, index, 0).mark(configuration.name) is not None

    found = yield from pages(
        lambda top, skip: configurations.query(search=name[:MAX_SEARCH], top=top, skip=skip), patience.retry
    )
    ended: tuple[str, ...] = ()
    for one in {one.id: one for one in found if is_of_it(one)}.values():
        ended += yield from end_all((yield from executions_of(one.id, patience.retry)), patience)
    return ended
