"""The example DAGs that the demo does not run."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def example_runs(airflow, demo_run):
    """Ids of a run of each example, after both have ended; they run side by side to save time."""
    known = {
        "digits_artifact_id": airflow.rest.xcom("demo_pipeline", demo_run.run_id, "register", "id"),
        "digits_url": airflow.rest.xcom("demo_pipeline", demo_run.run_id, "store_digits"),
    }
    needed = {"run_executable": "digits_artifact_id", "long_form": "digits_url"}
    runs = {}
    for dag_id, name in needed.items():
        airflow.wait_for_dag(dag_id)
        airflow.rest.unpause(dag_id)
        runs[dag_id] = airflow.rest.trigger(dag_id, {name: known[name], "epochs": 2})

    def have_ended():
        return all(airflow.rest.dag_run_state(*run) in {"success", "failed"} for run in runs.items())

    airflow.wait_until(have_ended, seconds=180, what="the examples to end")
    return runs


def test_short_form(airflow, example_runs):
    """One task runs an executable on a registered artifact."""
    run_id = example_runs["run_executable"]
    assert airflow.rest.dag_run_state("run_executable", run_id) == "success"
    assert "accuracy" in airflow.rest.xcom("run_executable", run_id, "train", "metrics")


def test_long_form(airflow, example_runs):
    """Four tasks register, configure, start and wait; the last one knows what came out of the start."""
    run_id = example_runs["long_form"]
    assert airflow.rest.dag_run_state("long_form", run_id) == "success"
    started, waited = (airflow.rest.xcom("long_form", run_id, task) for task in ("start", "wait"))
    assert (waited["id"], waited["status"]) == (started["id"], "COMPLETED")
