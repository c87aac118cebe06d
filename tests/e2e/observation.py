"""Watches a DAG run from outside: Airflow's REST API, its processes, its database, and AI Core."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.e2e.secret_search import decrypted, fernet_of

if TYPE_CHECKING:
    from demo.airflow_processes import Airflow
    from demo.emulator_process import EmulatorProcess

PATIENCE = 1200
"""Seconds; the demo's pipeline takes a minute on a machine that does nothing else."""


@dataclass(frozen=True)
class Sight:
    """What could be seen of one task at one moment.

    :param workers: the processes that run it.
    :param execution_status: of the newest execution of the DAG's executable, if there is one.
    """

    at: float
    task_id: str
    state: str | None
    workers: list[int]
    execution_status: str | None


@dataclass
class Observation:
    """All that was seen of a DAG run.

    :param state: how the run ended.
    :param tasks: its task instances at the end, by task id.
    :param execution_id: of the execution that it started.
    :param links: of tasks that were seen deferred, as they were then.
    :param trigger_rows: class and decrypted arguments of the triggers that the database has held meanwhile.
    """

    run_id: str
    state: str = ""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    execution_id: str | None = None
    sights: list[Sight] = field(default_factory=list)
    links: dict[str, dict[str, str | None]] = field(default_factory=dict)
    trigger_rows: set[tuple[str, str]] = field(default_factory=set)

    def of(self, task_id: str, state: str) -> list[Sight]:
        """Choose what was seen of a task while it was in a state."""
        return [sight for sight in self.sights if (sight.task_id, sight.state) == (task_id, state)]


def observe(
    airflow: Airflow,
    emulator: EmulatorProcess,
    dag_id: str,
    *,
    executable_id: str,
    conf: dict[str, Any] | None = None,
) -> Observation:
    """Run a DAG and watch it until it ends.

    :param conf: values of its params.
    :param executable_id: what its execution runs; executions of earlier runs are ignored.
    :raises TimeoutError: it does not end.
    """
    earlier = {execution["id"] for execution in emulator.executions(executable_id)}
    airflow.wait_for_dag(dag_id)
    airflow.rest.unpause(dag_id)
    seen = Observation(run_id=airflow.rest.trigger(dag_id, conf))
    deadline = time.monotonic() + PATIENCE
    while seen.state not in {"success", "failed"}:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{dag_id} did not end in {PATIENCE} s: {seen.tasks}. Logs: {airflow.home}")
        seen.state = airflow.rest.dag_run_state(dag_id, seen.run_id)
        executions = [each for each in emulator.executions(executable_id) if each["id"] not in earlier]
        status = executions[0]["status"] if executions else None
        seen.execution_id = executions[0]["id"] if executions else None
        seen.trigger_rows |= trigger_rows(airflow)
        look_at_tasks(airflow, dag_id, seen, status)
        time.sleep(0.2)
    return seen


def look_at_tasks(airflow: Airflow, dag_id: str, seen: Observation, execution_status: str | None) -> None:
    """Add a sight of each task whose state did not change while its processes were looked for."""
    before = airflow.rest.task_instances(dag_id, seen.run_id)
    workers = {task_id: airflow.worker_processes(task["id"]) for task_id, task in before.items()}
    seen.tasks = airflow.rest.task_instances(dag_id, seen.run_id)
    for task_id, task in seen.tasks.items():
        if before.get(task_id, {}).get("state") == task["state"]:
            sight = Sight(time.monotonic(), task_id, task["state"], workers[task_id], execution_status)
            seen.sights.append(sight)
        if task["state"] == "deferred" and task_id not in seen.links:
            seen.links[task_id] = airflow.rest.links(dag_id, seen.run_id, task_id)


def trigger_rows(airflow: Airflow) -> set[tuple[str, str]]:
    """Read the class and the arguments of each trigger; Airflow stores the arguments encrypted."""
    fernet = fernet_of(airflow)
    with sqlite3.connect(f"file:{airflow.home / 'airflow.db'}?mode=ro", uri=True, timeout=30) as database:
        rows = database.execute("select classpath, kwargs from trigger")
        return {(classpath, decrypted(fernet, kwargs)) for classpath, kwargs in rows}
