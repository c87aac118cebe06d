"""AI Core's clock and Airflow follows: a run for each execution, whatever becomes of the triggerer."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import datetime

import pytest

from demo.emulator_process import EmulatorProcess
from demo.stage import IMAGES, TEMPLATES
from tests.contract.judged_program import JUDGED_PROGRAM
from tests.e2e.scheduled_executions import OPTIONS, Scheduled, write_scripts

ROUNDS = int(os.environ.get("FOLLOWED_ROUNDS", "1"))
"""`make kills` takes four, which makes twenty runs."""
ENDS = ROUNDS * ["COMPLETED", "COMPLETED", "DEAD", "COMPLETED", "COMPLETED", "STOPPED", "COMPLETED"]
COMPLETED = ENDS.count("COMPLETED")


@pytest.fixture(scope="module")
def by_hand(airflow, tmp_path_factory):
    """An AI Core whose clock is turned by hand, and Airflow's connection to it."""
    folder = tmp_path_factory.mktemp("by_hand")
    write_scripts(folder / "scripts.json", {"followed": ENDS, "handed-on": ["COMPLETED"]})
    violations = folder / "violations"
    with EmulatorProcess(
        folder,
        templates=TEMPLATES,
        images=IMAGES,
        options=(*OPTIONS, "--scripts", str(folder / "scripts.json")),
        program=(JUDGED_PROGRAM, str(violations)),
    ) as running:
        extra = json.dumps({"secret_service_key": json.dumps(running.service_key)})
        airflow.rest.create_connection("aicore_by_hand", "aicore", extra)
        yield running
    assert not violations.read_text(), "The emulator left the vendor's description"


@pytest.fixture
def followed(airflow, by_hand):
    """Return a function that makes a schedule, and has a DAG follow it."""
    unpaused = []

    def follow(dag_id, name, executable_id):
        scheduled = Scheduled(by_hand, name, executable_id)
        scheduled.create()
        airflow.wait_for_dag(dag_id)
        before = scheduled.looks()
        airflow.rest.unpause(dag_id)
        unpaused.append(dag_id)
        # Airflow makes the watcher of an unpaused DAG when it reads its file, which may take half a minute.
        token = airflow.rest.call("GET", f"/dags/{dag_id}")["file_token"]
        airflow.rest.call("PUT", f"/parseDagFile/{token}")
        airflow.wait_until(lambda: scheduled.looks() > before, what="the watcher's first look")
        return scheduled

    yield follow
    for dag_id in unpaused:
        airflow.rest.call("PATCH", f"/dags/{dag_id}", json={"is_paused": True})


def _rows(airflow, query, *arguments):
    """Read Airflow's database."""
    path = f"file:{airflow.home / 'airflow.db'}?mode=ro"
    with closing(sqlite3.connect(path, uri=True, timeout=30)) as database:
        return database.execute(query, arguments).fetchall()


def _noted(airflow, asset):
    """Read the ids of the executions whose telling the watcher has noted."""
    query = "select value from asset_state_store s join asset a on a.id = s.asset_id where a.name = ?"
    return {each for (value,) in _rows(airflow, query, asset) for each in json.loads(value)["told"]}


def _wait_until_told(airflow, count):
    """Wait until so many executions are told, and noted as told: a kill makes none of them be told again."""
    airflow.wait_until(
        lambda: len(_noted(airflow, "followed")) >= count, what=f"{count} executions to be told"
    )


def _events(airflow, asset):
    """Read of each event the ids of the executions that it tells."""
    query = "select e.extra from asset_event e join asset a on a.id = e.asset_id where a.name = ?"
    payloads = [json.loads(extra)["payload"] for (extra,) in _rows(airflow, query, asset)]
    return [[execution["id"] for execution in payload["executions"]] for payload in payloads]


def _kill_triggerer(airflow, asset):
    """Kill it, and give the ids of the executions that it has told and not noted: they are told again."""
    airflow.stop_component("triggerer", signal.SIGKILL)
    return {each for told in _events(airflow, asset) for each in told} - _noted(airflow, asset)


def _runs(airflow, dag_id):
    """Read all runs of a DAG."""
    answer = airflow.rest.call("GET", f"/dags/{dag_id}/dagRuns", params={"limit": 100})
    return answer["dag_runs"]


def _all_succeed(airflow, dag_id, count):
    """Wait until a DAG has so many runs and all of them have succeeded."""
    airflow.wait_until(
        lambda: [run["state"] for run in _runs(airflow, dag_id)] == ["success"] * count,
        interval=1,
        what=f"{count} runs of {dag_id} to succeed",
    )


def test_each_completed_execution_has_one_run_though_the_triggerer_is_killed_twice(airflow, followed):
    """Each time executions end while none is there; what has not COMPLETED makes no run.

    What was told and is not noted yet when the triggerer is killed makes two, as the documentation says.
    """
    scheduled = followed("follow", "followed", "followed")
    again: list[str] = []

    scheduled.let_pass(2 * ROUNDS)
    for told, hours in ((max(1, ROUNDS // 2), 3 * ROUNDS), (2 * ROUNDS + 1, 2 * ROUNDS)):
        _wait_until_told(airflow, told)
        again += _kill_triggerer(airflow, "followed")
        scheduled.let_pass(hours)
        airflow.start_component("triggerer")
    _wait_until_told(airflow, COMPLETED)
    looks = scheduled.looks()
    airflow.wait_until(lambda: scheduled.looks() > looks, what="one more look")

    _all_succeed(airflow, "follow", COMPLETED + len(again))
    payloads = [airflow.rest.xcom("follow", run["dag_run_id"], "told") for run in _runs(airflow, "follow")]
    assert [len(executions) for executions in payloads] == [1] * (COMPLETED + len(again))
    completed = scheduled.completed()
    assert len(completed) == COMPLETED
    assert sorted(execution["id"] for (execution,) in payloads) == sorted([*completed, *again])
    for (execution,) in payloads:
        _is_what_ai_core_has(execution, completed[execution["id"]], scheduled)


def test_a_run_with_the_execution_s_id_is_the_only_one_though_it_is_told_twice(airflow, followed):
    """The triggerer is killed after an event, before it has noted that; one more ends meanwhile."""
    scheduled = followed("hand_on", "handed on", "handed-on")
    airflow.rest.unpause("handed_on")

    scheduled.let_pass(3)
    again = _kill_before_it_notes(airflow, scheduled)
    events = len(_events(airflow, "handed on"))
    scheduled.let_pass(1)
    airflow.start_component("triggerer")

    completed = scheduled.completed()
    _all_succeed(airflow, "handed_on", len(completed))
    _all_succeed(airflow, "hand_on", events + 1)
    runs = {run["dag_run_id"]: run["conf"] for run in _runs(airflow, "handed_on")}
    assert sorted(runs) == sorted(completed)
    assert all(execution["id"] == run_id for run_id, execution in runs.items())
    tasks = [
        airflow.rest.call("GET", f"/dags/hand_on/dagRuns/{run['dag_run_id']}/taskInstances")
        for run in _runs(airflow, "hand_on")
    ]
    states = Counter(
        task["state"] for run in tasks for task in run["task_instances"] if task["task_id"] == "run"
    )
    assert (states["success"], states["skipped"]) == (len(completed), len(again))


def _kill_before_it_notes(airflow, scheduled):
    """Kill the triggerer after an event, and give the ids of the executions that it did not come to note.

    It notes them some seconds later. Where that was before the kill, one more execution ends, and so on.
    """
    told = 0
    for _ in range(5):
        airflow.wait_until(
            lambda told=told: len(_events(airflow, "handed on")) > told, interval=0.1, what="an event"
        )
        if again := _kill_triggerer(airflow, "handed on"):
            return again
        told = len(_events(airflow, "handed on"))
        scheduled.let_pass(1)
        airflow.start_component("triggerer")
    pytest.fail("The kill came too late each time")


def _is_what_ai_core_has(told, has, scheduled):
    """Compare a payload with AI Core's own answer."""
    assert (told["status"], told["execution_schedule_id"]) == ("COMPLETED", has["executionScheduleId"])
    for ours, theirs in (
        ("created_at", "createdAt"),
        ("submission_time", "submissionTime"),
        ("start_time", "startTime"),
        ("completion_time", "completionTime"),
    ):
        assert datetime.fromisoformat(told[ours]) == datetime.fromisoformat(has[theirs])
    (model,) = has["outputArtifacts"]
    assert told["output_artifacts"]["model"]["url"] == model["url"]
    assert told["metrics"] == scheduled.emulator.metrics(told["id"])
    assert told["metrics"]["accuracy"] > 0
