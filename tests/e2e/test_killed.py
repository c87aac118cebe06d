"""A killed task leaves no execution behind, whichever way it is killed; a cleared one runs anew."""

from __future__ import annotations

import pytest

from tests.e2e.dag_run import DAGRun
from tests.e2e.emulator_record import changes, is_start_of, is_stop_of, requests

MANY = 8
"""How many tasks `many_executions` has."""
FEW = 3
"""With so many requests they are stopped: their stops are merged, though not all come at once."""
HOUR = 3600
"""The `dagrun_timeout` of `too_long_execution`, in seconds."""
ONE = "one_execution"
LONG = {"seconds": 600}
RUNS = {
    "too long": ("too_long_execution", None),
    "blocking": ("blocking_execution", None),
    "finished": (ONE, {"seconds": 1}),
    "marked success": (ONE, LONG),
    "cleared": (ONE, LONG),
    "run failed": (ONE, LONG),
    "many": ("many_executions", None),
}


@pytest.fixture(scope="module")
def runs(airflow, emulator):
    """All runs of these tests at once: most of their time is waiting."""
    return {name: DAGRun.start(airflow, emulator, *dag) for name, dag in RUNS.items()}


def test_blocking_task_marked_failed(runs, airflow):
    """Marking a task failed that waits on a worker stops its execution."""
    run = runs["blocking"]
    airflow.wait_until(lambda: run.statuses() == ["RUNNING"], what="the execution to run")
    run.mark_task("failed")
    run.wait_for_statuses(["STOPPED"])


def test_marked_success_while_deferred(runs):
    """Marking a deferred task success stops its execution: nobody waits for it any more."""
    run = runs["marked success"]
    run.wait_for_waits()
    run.mark_task("success")
    run.wait_for_statuses(["STOPPED"])


def test_run_marked_failed(runs):
    """Marking a DAG run failed stops the execution of its deferred task."""
    run = runs["run failed"]
    run.wait_for_waits()
    run.mark("failed")
    run.wait_for_statuses(["STOPPED"])


def test_cleared_while_deferred(runs, emulator):
    """Clearing a deferred task stops its execution first, and then starts another one, which goes on."""
    run = runs["cleared"]
    run.wait_for_waits()
    (first,) = run.executions()
    run.clear()
    run.wait_for_statuses(["STOPPED", "RUNNING"])
    _, second = run.executions()
    asked = requests(emulator)
    stops = [at for at, each in enumerate(asked) if is_stop_of(each, first["id"])]
    (start,) = [at for at, each in enumerate(asked) if is_start_of(each, second["configurationId"])]
    assert stops
    assert stops[0] < start
    run.wait_for_waits()
    run.mark_task("failed")
    run.wait_for_statuses(["STOPPED", "STOPPED"])


def test_cleared_after_success(runs):
    """Clearing a task that has succeeded runs it again."""
    run = runs["finished"]
    run.wait_for_state("success")
    run.clear()
    run.wait_for_statuses(["COMPLETED", "COMPLETED"])
    run.wait_for_state("success")


def test_dagrun_timeout(runs):
    """A DAG run that takes longer than `dagrun_timeout` stops the execution of its deferred task."""
    run = runs["too long"]
    run.wait_for_waits()
    run.age(HOUR)
    run.wait_for_statuses(["STOPPED"])
    assert run.states() == {"skipped"}


def test_many_marked_failed(runs, emulator):
    """Tasks that are marked failed at once stop all their executions, with few requests."""
    run = runs["many"]
    run.wait_for_waits(MANY)
    earlier = len(changes(emulator))
    run.mark_task("failed")
    run.wait_for_statuses(["STOPPED"] * MANY)
    assert len(changes(emulator)) - earlier <= FEW
