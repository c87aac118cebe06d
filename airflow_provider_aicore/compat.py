"""What differs between the versions of Airflow, or stands in no public module of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.triggers.base import BaseEventTrigger

CORE_CALLS_ON_KILL = hasattr(BaseTrigger, "on_kill")
"""Whether Airflow tells a trigger that a user ended its task (3.3 and newer); before, it only cancels it."""


def store_of_watcher(trigger: BaseEventTrigger) -> Any:
    """Return what Airflow keeps for the asset that an event trigger watches for; ``None`` before 3.3."""
    store = getattr(trigger, "asset_state_store", None)
    return store if hasattr(store, "aget") else None


def task_states(dag_id: str, task_id: str, run_ids: Collection[str]) -> dict[tuple[str, int], str | None]:
    """Read the states of a task in several runs with one request, by run id and map index (-1 if not mapped).

    What does not exist is missing; the state of what was cleared is ``None``. It blocks; it works in tasks
    and, in asgiref's thread, in triggers.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    found = RuntimeTaskInstance.get_task_states(dag_id=dag_id, task_ids=[task_id], run_ids=list(run_ids))
    return {
        (run_id, _map_index(name, task_id)): state
        for run_id, states in found.items()
        for name, state in states.items()
    }


def pushed_xcom(dag_id: str, run_id: str, task_id: str, map_index: int, key: str) -> object:
    """Read what the present try of a task has pushed, ``None`` if nothing; as :func:`task_states`."""
    from airflow.providers.common.compat.sdk import XCom

    value: object = XCom.get_one(key=key, dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index)
    return value


def push_xcom(dag_id: str, run_id: str, task_id: str, map_index: int, *, key: str, value: object) -> None:
    """Store something that the present try of a task has; as :func:`task_states`."""
    from airflow.providers.common.compat.sdk import XCom

    XCom.set(key=key, value=value, dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index)


def _map_index(name: str, task_id: str) -> int:
    """Read it from Airflow's name for a mapped one, which is the task's id, a line and the index."""
    return -1 if name == task_id else int(name.removeprefix(f"{task_id}_"))
