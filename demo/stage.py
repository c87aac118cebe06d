"""The demo's stage (Airflow, the emulator, what they must know of each other) and the play on it."""

from __future__ import annotations

import json
import shlex
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.airflow_processes import RESTARTED, USER, Airflow
from demo.emulator_process import EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
EXAMPLE_DAGS = HERE.parent / "example_dags"
TEMPLATES = HERE / "templates"
IMAGES = {"registry.example.com/digits-classifier:1.0.0": HERE / "image"}
DAG_ID = "demo_pipeline"
CONNECTION_ID = "aicore_default"
FINISHED = ("success", "failed")
PATIENCE = 600
"""Seconds that the pipeline may take; it needs about one minute."""
SETTINGS = {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
"""What a person who looks around may want to try: the button of a connection's form."""
SECONDS_LOST = 5
"""How long a component of Airflow that somebody has ended stays away."""


def introduce(airflow: Airflow, emulator: EmulatorProcess) -> None:
    """Tell Airflow about AI Core and its object store, through its REST API as a user would."""
    extra = {
        "secret_service_key": json.dumps(emulator.service_key),
        # It has no Launchpad, but can tell how its executions went on.
        "launchpad_url_template": f"{emulator.url}/emulator/statuses#{{execution_id}}",
    }
    airflow.rest.create_connection(
        CONNECTION_ID, "aicore", json.dumps(extra), description="The local AI Core of the demo"
    )
    airflow.rest.create_variable(
        "aicore_object_store", f"file://{emulator.object_store}", "What AI Core calls ai://default"
    )


@contextmanager
def stage(folder: Path, port: int | None) -> Iterator[Play]:
    """Start everything, and end it afterwards whatever happens.

    :param folder: an empty folder for all state.
    :param port: port of Airflow's UI; a free one by default.
    """
    clock = Clock()
    clock.say("starting a local AI Core and Airflow, about half a minute")
    emulator_folder = folder / "aicore"
    with (
        EmulatorProcess(emulator_folder, templates=TEMPLATES, images=IMAGES) as emulator,
        Airflow(folder / "airflow", EXAMPLE_DAGS, port=port, settings=SETTINGS) as airflow,
    ):
        clock.say(f"AI Core emulator at {emulator.url}, Airflow {airflow.rest.version()} at {airflow.url}")
        introduce(airflow, emulator)
        airflow.wait_for_dag(DAG_ID)
        yield Play(airflow, emulator, clock)


def seconds_between(start: str, end: str) -> str:
    """Say how long a task took; Airflow's own figure for one that was deferred differs between versions."""
    if not (start and end):
        return ""
    return f"{(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds():.1f}"


class Clock:
    """Prints lines with the seconds since it was made."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def say(self, line: str) -> None:
        """Print a line."""
        print(f"{time.monotonic() - self.began:6.1f} s  {line}", flush=True)


class Play:
    """One run of the pipeline, watched through Airflow's REST API.

    :param airflow: a running Airflow which knows the pipeline.
    :param emulator: the AI Core to which Airflow's connection leads.
    """

    def __init__(self, airflow: Airflow, emulator: EmulatorProcess, clock: Clock) -> None:
        self.airflow = airflow
        self.emulator = emulator
        self.clock = clock

    def perform(self) -> bool:
        """Run the pipeline to its end and tell what happened; say whether it succeeded."""
        rest = self.airflow.rest
        rest.unpause(DAG_ID)
        run_id = rest.trigger(DAG_ID)
        self.clock.say(f"started {DAG_ID}, run {run_id}")
        state = self._watch(run_id)
        self.clock.say(f"run {run_id} ended: {state}\n")
        tasks = rest.task_instances(DAG_ID, run_id)
        self._print_tasks(tasks)
        self._print_failures(run_id, [name for name, task in tasks.items() if task["state"] == "failed"])
        self._print_execution()
        return state == "success"

    def print_addresses(self) -> None:
        """Tell a person where to look around."""
        print(f"\nAirflow's UI: {self.airflow.url}   user: {USER}   password: {self.airflow.password}")
        print(f"AI Core emulator: {self.emulator.url}   object store: {self.emulator.object_store}")
        connection = {"conn_type": "aicore", "extra": {"secret_service_key": self.emulator.service_key}}
        print(f"From a shell, for {Path(sys.executable).with_name('airflow')}:")
        print(f"  export AIRFLOW_CONN_AICORE_DEFAULT={shlex.quote(json.dumps(connection))}")
        print(f"DAGs, also your own: {self.airflow.dags}; all but {DAG_ID} are paused at first")
        for artifact in self.emulator.get("/lm/artifacts", {"kind": "dataset"})["resources"]:
            print(f"For the other example DAGs: digits_artifact_id {artifact['id']}")
            print(f"                            digits_url {artifact['url']}")
        print("Running until Ctrl-C.", flush=True)

    def check_processes(self) -> None:
        """Start again what somebody has ended of Airflow; complain about anything else that has ended.

        :raises RuntimeError: with its last lines.
        """
        for component in RESTARTED:
            if self.airflow.processes[component].was_ended():
                self.clock.say(f"{component} was ended: it starts again in {SECONDS_LOST} s")
                time.sleep(SECONDS_LOST)
                self.airflow.restart_component(component)
        for process in (*self.airflow.processes.values(), self.emulator.process):
            process.check()

    def _watch(self, run_id: str) -> str:
        """Say each change of a task's state until the run has ended; return the run's state.

        :raises TimeoutError: it has not ended after PATIENCE seconds.
        """
        rest = self.airflow.rest
        known: dict[str, str | None] = {}
        deadline = time.monotonic() + PATIENCE
        while True:
            run_state = rest.dag_run_state(DAG_ID, run_id)
            for task_id, task in rest.task_instances(DAG_ID, run_id).items():
                if task["state"] != known.get(task_id):
                    note = "  (AI Core works, no worker waits)" if task["state"] == "deferred" else ""
                    self.clock.say(f"{task_id}: {task['state']}{note}")
                known[task_id] = task["state"]
            if run_state in FINISHED:
                return run_state
            self.check_processes()
            if time.monotonic() > deadline:
                raise self._too_late(run_id, run_state, known)
            time.sleep(0.3)

    def _too_late(self, run_id: str, run_state: str, tasks: dict[str, str | None]) -> TimeoutError:
        home = self.airflow.home
        states = ", ".join(f"{task_id} {state or 'not scheduled'}" for task_id, state in tasks.items())
        return TimeoutError(
            f"Run {run_id} of {DAG_ID} is still {run_state} after {PATIENCE} s. Tasks: {states}. "
            f"Look into the logs: tasks in {home / 'logs'}, Airflow in {home}, AI Core in "
            f"{self.emulator.folder}. KEEP=1 leaves everything running."
        )

    @staticmethod
    def _print_tasks(tasks: dict[str, dict[str, Any]]) -> None:
        print(f"{'task':<14} {'state':<16} {'start':<9} {'end':<9} {'seconds':>7}")
        for task in sorted(tasks.values(), key=lambda task: task["start_date"] or "~"):
            name, state = task["task_id"], task["state"] or ""
            start, end = task["start_date"] or "", task["end_date"] or ""
            print(
                f"{name:<14} {state:<16} {start[11:19]:<9} {end[11:19]:<9} {seconds_between(start, end):>7}"
            )

    def _print_failures(self, run_id: str, task_ids: list[str]) -> None:
        for task_id in task_ids:
            print(f"\nLast lines of the log of {task_id}:")
            for line in self.airflow.rest.log(DAG_ID, run_id, task_id)[-10:]:
                print(f"  | {line}")

    def _print_execution(self) -> None:
        """Print what AI Core itself says about the execution, whether the task succeeded or not."""
        executions = self.emulator.executions("digits-classifier-train")
        if not executions:
            print(f"\nNo execution was started. Task logs: {self.airflow.home / 'logs'}")
            return
        newest = max(executions, key=lambda execution: str(execution["createdAt"]))
        execution = self.emulator.execution(newest["id"])
        print(f"\nExecution {execution['id']}: {execution['status']}")
        for line in self.emulator.last_log_lines(execution["id"], 5):
            print(f"  | {line}")
        for name, value in self.emulator.metrics(execution["id"]).items():
            print(f"  metric {name}: {value:.4f}")
        for artifact in execution.get("outputArtifacts") or []:
            print(f"  {artifact['kind']} {artifact['name']}, artifact {artifact['id']}: {artifact['url']}")
            print(f"    in {self.emulator.stored(artifact['url'])}")
        print(flush=True)
