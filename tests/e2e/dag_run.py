"""One DAG run: what a user does to it through Airflow's REST API, and what AI Core has of it."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from demo.airflow_processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from demo.airflow_processes import Airflow
    from demo.emulator_process import EmulatorProcess

LIVE = {"UNKNOWN", "PENDING", "RUNNING"}
"""Statuses of an execution that nobody has stopped and that has not ended."""


@dataclass(frozen=True)
class DAGRun:
    """A run of a DAG.

    :param executable_id: what its executions run.
    """

    airflow: Airflow
    emulator: EmulatorProcess
    dag_id: str
    run_id: str
    executable_id: str

    @classmethod
    def start(
        cls,
        airflow: Airflow,
        emulator: EmulatorProcess,
        dag_id: str,
        conf: dict[str, Any] | None = None,
        *,
        executable_id: str = "sleep-and-exit",
    ) -> Self:
        """Start one, with values of the DAG's params."""
        airflow.wait_for_dag(dag_id)
        airflow.rest.unpause(dag_id)
        return cls(airflow, emulator, dag_id, airflow.rest.trigger(dag_id, conf), executable_id)

    @property
    def path(self) -> str:
        """Where the REST API has it."""
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"

    def tasks(self) -> list[dict[str, Any]]:
        """Read its task instances, those of a mapped task one by one."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.airflow.rest.call(
                "GET", f"{self.path}/taskInstances", params={"limit": 100, "offset": len(found)}
            )
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def states(self) -> set[str | None]:
        """Read the states of its task instances."""
        return {task["state"] for task in self.tasks()}

    def mark(self, state: str) -> None:
        """Mark the run, as a user does."""
        self.airflow.rest.call("PATCH", self.path, json={"state": state})

    def mark_task(self, state: str, task_id: str = "run") -> None:
        """Mark a task, as a user does; all of its instances if it is mapped."""
        self.airflow.rest.call("PATCH", f"{self.path}/taskInstances/{task_id}", json={"new_state": state})

    def clear(self, task_id: str = "run") -> None:
        """Clear a task, as a user does who wants it to run anew."""
        body = {"dry_run": False, "dag_run_id": self.run_id, "task_ids": [task_id], "only_failed": False}
        self.airflow.rest.call("POST", f"/dags/{self.dag_id}/clearTaskInstances", json=body)

    def age(self, seconds: int) -> None:
        """Have the scheduler believe that the run began so much earlier: its clock cannot be turned."""
        with sqlite3.connect(self.airflow.home / "airflow.db", timeout=30) as database:
            key = (self.dag_id, self.run_id)
            where = "where dag_id = ? and run_id = ?"
            (text,) = database.execute(f"select start_date from dag_run {where}", key).fetchone()
            earlier = datetime.fromisoformat(text) - timedelta(seconds=seconds)
            database.execute(f"update dag_run set start_date = ? {where}", (str(earlier), *key))

    def age_heartbeat(self, triggerers: Collection[int], seconds: int) -> None:
        """Have Airflow believe that triggerers gave their last heartbeat so much earlier."""
        with sqlite3.connect(self.airflow.home / "airflow.db", timeout=30) as database:
            for triggerer in set(triggerers):
                key = (triggerer,)
                (text,) = database.execute("select latest_heartbeat from job where id = ?", key).fetchone()
                earlier = datetime.fromisoformat(text) - timedelta(seconds=seconds)
                database.execute("update job set latest_heartbeat = ? where id = ?", (str(earlier), *key))

    def executions(self) -> list[dict[str, Any]]:
        """Read the executions that it has started, the oldest first."""
        found = self.emulator.executions(self.executable_id)
        own = [each for each in found if self.run_id in each["configurationName"]]
        return sorted(own, key=lambda each: str(each["createdAt"]))

    def statuses(self) -> list[str]:
        """Read the statuses of its executions, the oldest first."""
        return [each["status"] for each in self.executions()]

    def triggerers(self) -> list[int]:
        """Read the ids of the triggerers that have its deferred tasks, one for each of these."""
        waiting = [task["trigger"] or {} for task in self.tasks() if task["state"] == "deferred"]
        return [trigger["triggerer_id"] for trigger in waiting if trigger.get("triggerer_id")]

    def wait_for_waits(
        self, count: int = 1, *, but_of: Sequence[int] = (), seconds: float = PATIENCE
    ) -> None:
        """Wait until its tasks are deferred and a triggerer has them, and their executions run.

        :param count: how many there are.
        :param but_of: triggerers that must not have them any more.
        """

        def all_wait() -> bool:
            now = self.triggerers()
            return len(now) == count == self.statuses().count("RUNNING") and not set(now) & set(but_of)

        what = f"{count} deferred tasks of {self.dag_id} in a triggerer"
        self.airflow.wait_until(all_wait, seconds=seconds, interval=interval(count), what=what)

    def wait_for_state(self, state: str, *, seconds: float = PATIENCE) -> None:
        """Wait until all its task instances are in a state."""
        self.airflow.wait_until(
            lambda: self.states() == {state},
            seconds=seconds,
            interval=interval(len(self.tasks())),
            what=f"all tasks of {self.dag_id} to be {state}",
        )

    def wait_for_statuses(self, statuses: list[str]) -> None:
        """Wait until its executions have these statuses, the oldest first.

        :raises AssertionError: they have others when the time is over.
        """
        with suppress(TimeoutError):
            self.airflow.wait_until(lambda: self.statuses() == statuses, what="executions")
        assert self.statuses() == statuses, f"logs: {self.airflow.home}"


def interval(count: int) -> float:
    """Say how many seconds to leave between two looks at so many tasks: looks cost Airflow, too."""
    return max(0.2, count * 0.02)
