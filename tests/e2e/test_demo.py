"""The demo's pipeline on a real Airflow."""

from __future__ import annotations

from itertools import dropwhile

import joblib
import numpy as np
import pytest


@pytest.mark.smoke
def test_pipeline_succeeds_and_defers(demo_run):
    """All tasks succeed, and the training task was deferred while its execution was RUNNING."""
    assert demo_run.state == "success"
    assert {task["state"] for task in demo_run.tasks.values()} == {"success"}
    assert "RUNNING" in {sight.execution_status for sight in demo_run.of("train", "deferred")}


@pytest.mark.smoke
def test_a_task_has_its_link_while_it_waits_and_at_its_end(demo_run, airflow, emulator):
    """The button leads to the execution as the connection's template says."""
    link = {"Execution in SAP AI Launchpad": f"{emulator.url}/emulator/statuses#{demo_run.execution_id}"}
    assert demo_run.links["train"] == link
    assert airflow.rest.links("demo_pipeline", demo_run.run_id, "train") == link


@pytest.mark.smoke
def test_a_task_without_a_link_has_no_button(refused_run, airflow):
    """Its connection has no template, and it never had an execution."""
    links = airflow.rest.links("wrong_secret", refused_run.run_id, "run")
    assert links == {"Execution in SAP AI Launchpad": None}


def test_running_task_has_a_worker(demo_run):
    """A task that runs has a process, so that the next test would notice one."""
    assert any(sight.workers for sight in demo_run.of("train", "running"))


def test_deferred_task_has_no_worker(demo_run):
    """A deferred task occupies no process while its execution goes on."""
    # The process that deferred it takes its time to end; no other may come.
    settled = [*dropwhile(lambda sight: sight.workers, demo_run.of("train", "deferred"))]
    assert len(settled) >= 5
    assert [sight for sight in settled if sight.workers] == []


def test_one_execution_for_one_task(demo_run, airflow, emulator):
    """The task has started exactly one execution, and its result names it."""
    executions = [
        execution
        for execution in emulator.executions("digits-classifier-train")
        if execution["configurationName"].startswith("demo_pipeline.train")
    ]
    result = airflow.rest.xcom("demo_pipeline", demo_run.run_id, "train")
    assert [(execution["id"], execution["status"]) for execution in executions] == [
        (result["id"], "COMPLETED")
    ]


def test_metric_is_what_the_model_scores(demo_run, airflow, emulator):
    """The registered model loads, and scores on the held-out images what the metric says."""
    url = {"executionId": demo_run.execution_id, "kind": "model"}
    (model_artifact,) = emulator.get("/lm/artifacts", url)["resources"]
    model = joblib.load(emulator.stored(model_artifact["url"]) / "model.joblib")
    digits_url = airflow.rest.xcom("demo_pipeline", demo_run.run_id, "store_digits")
    held_out = np.loadtxt(emulator.stored(digits_url) / "test.csv", delimiter=",")
    score = model.score(held_out[:, 1:] / 16, held_out[:, 0])
    assert score == pytest.approx(emulator.metrics(demo_run.execution_id)["accuracy"], abs=1e-9)
    assert score > 0.9


def test_training_reports_each_epoch(demo_run, emulator):
    """The execution's metrics hold a point for each epoch."""
    (resource,) = emulator.get("/lm/metrics", {"executionIds": demo_run.execution_id})["resources"]
    steps = [point["step"] for point in resource["metrics"] if point["name"] == "validation_loss"]
    assert sorted(steps) == list(range(1, 31))


def test_next_task_uses_the_model(demo_run, airflow, emulator):
    """The task after the training gets the model's URL and predicts as well as the metric promises."""
    predicted = airflow.rest.xcom("demo_pipeline", demo_run.run_id, "predict")
    assert predicted["accuracy"] == pytest.approx(
        emulator.metrics(demo_run.execution_id)["accuracy"], abs=1e-9
    )


def test_failed_execution_fails_its_task(failed_run, airflow):
    """A task whose execution ends DEAD fails, and its log shows what the execution wrote."""
    assert failed_run.state == "failed"
    log = "\n".join(airflow.rest.log("one_execution", failed_run.run_id, "run"))
    assert "ends as told" in log
