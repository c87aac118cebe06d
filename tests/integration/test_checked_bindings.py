"""The example whose bindings are checked, inside Airflow."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Progress
from tests.emulators import connect
from tests.integration.test_dags import EXAMPLES, dag_bag


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("dataset", {"check": "success", "train": "success"}),
        ("model", {"check": "failed", "train": "upstream_failed"}),
    ],
)
def test_what_the_template_names_is_started_if_the_artifact_fits(
    airflow_database, example_bundle, server, kind, states
):
    """What only AI Core knows is found out by a task that creates nothing."""
    server.emulator.add_executable(
        "digits-classifier",
        "digits-classifier-train",
        parameters={"epochs": "30", "hidden-units": "256", "learning-rate": "0.001"},
        input_artifacts={"digits": "dataset"},
        progress=Progress.at_once(),
    )
    artifact_id = connect(server.emulator).register(scenarioId="digits-classifier", kind=kind)
    dag = dag_bag(EXAMPLES[0].with_name("checked_bindings.py")).dags["checked_bindings"]

    run = dag.test(run_conf={"digits_artifact_id": artifact_id})

    assert {ti.task_id: ti.state for ti in run.get_task_instances()} == states
    assert len(server.emulator.statuses()) == (1 if kind == "dataset" else 0)
