"""Gates inside Airflow: what runs behind them, and what is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulators import connect
from tests.integration.test_dags import dag_bag

GATES = Path(__file__).parent / "dags" / "gates.py"
GOOD, BAD = 0.95, 0.85


@pytest.fixture
def run(airflow_database, server):
    """Return what runs a DAG for executions with these accuracies and gives the state of each task."""
    api = connect(server.emulator)

    def run_for(dag_id, *accuracies):
        ids = [api.start() for _ in accuracies]
        for execution_id, accuracy in zip(ids, accuracies, strict=True):
            metrics = [{"name": "accuracy", "value": accuracy, "step": 3}]
            api.patch("/metrics", json={"executionId": execution_id, "metrics": metrics}).raise_for_status()
        done = dag_bag(GATES).dags[dag_id].test(run_conf={"ids": ids})
        instances = done.get_task_instances()
        mapped = {ti.task_id for ti in instances if ti.map_index >= 0}
        states = {
            f"{ti.task_id}[{ti.map_index}]" if ti.task_id in mapped else ti.task_id: ti.state
            for ti in instances
        }
        return {name: state for name, state in states.items() if name != "given"} | {"run": done.state}

    return run_for


def test_an_open_gate_lets_all_that_follows_run(run):
    """Thresholds and the baseline come by template; a tie is enough for >=."""
    assert set(run("gate_skips", GOOD, GOOD).values()) == {"success"}


def test_a_closed_gate_fails_and_nothing_follows(run):
    """The task fails at once, and with it the run."""
    assert run("gate_fails", GOOD, 0.96) == {"gate": "failed", "after": "upstream_failed", "run": "failed"}


def test_a_closed_gate_skips_what_follows_as_its_trigger_rules_say(run):
    """What needs all to succeed is skipped all the way down; a join for which nothing failed runs."""
    assert run("gate_skips", BAD) == {
        "gate": "skipped",
        "after": "skipped",
        "later": "skipped",
        "join": "success",
        "run": "success",
    }


@pytest.mark.parametrize(
    ("accuracy", "followed"),
    [(GOOD, {"promote.a", "promote.b", "tell"}), (BAD, {"again"})],
)
def test_a_gate_branches_into_tasks_and_task_groups(run, accuracy, followed):
    """Of what is right behind it only the branch runs, and where the branches meet."""
    states = run("gate_branches", accuracy)

    ran = {name for name, state in states.items() if state == "success"}
    assert ran == followed | {"gate", "join", "run"}
    assert {state for name, state in states.items() if name not in ran} == {"skipped"}


def test_a_mapped_gate_skips_where_a_condition_does_not_hold(run):
    """Each execution is judged for itself."""
    states = run("gate_of_many", GOOD, BAD, GOOD)

    assert [states[f"gate[{index}]"] for index in range(3)] == ["success", "skipped", "success"]
    assert states["join"] == "success"


def test_a_gate_branches_in_a_mapped_task_group(run):
    """Each group goes its own way."""
    states = run("gate_in_groups", GOOD, BAD)

    ran = {name for name, state in states.items() if state == "success"}
    assert ran == {"model.gate[0]", "model.promote[0]", "model.gate[1]", "model.look[1]", "run"}
    assert states["model.promote[1]"] == states["model.look[0]"] == "skipped"


@pytest.mark.parametrize(
    ("dag_id", "complaint"),
    [
        ("gate_of_many_branches", "A mapped task cannot branch, since Airflow skips nothing behind it"),
        (
            "gate_to_nowhere",
            "if_passed has 'later', which is no task or task group right behind 'gate': after",
        ),
    ],
)
def test_a_branch_that_airflow_would_not_follow_is_refused(run, capfd, dag_id, complaint):
    """Airflow would run both branches, or none."""
    states = run(dag_id, GOOD)

    assert states["run"] == "failed"
    assert complaint in capfd.readouterr().out
