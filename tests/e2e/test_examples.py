"""The example DAGs that the demo does not run."""

from __future__ import annotations


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
