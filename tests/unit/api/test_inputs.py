"""Where the inputs of an execution are."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import artifacts, configurations, executions
from airflow_provider_aicore.api.inputs import input_urls
from airflow_provider_aicore.emulator import unavailable


@pytest.fixture
def execution(client):
    """Return an execution with an input artifact."""
    made = artifacts.create(name="d", kind="dataset", url="ai://default/d", scenario_id="text-clf")
    artifact_id = client.send(made).id
    configuration = configurations.create(
        name="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
        input_artifacts={"text-data": artifact_id},
    )
    started = executions.create(client.send(configuration).id)
    return client.send(executions.get(client.send(started).id))


@pytest.mark.parametrize(
    ("away", "urls"), [("", {"text-data": "ai://default/d"}), ("/artifacts/", {}), ("/configurations/", {})]
)
def test_the_urls_are_read_as_far_as_they_can_be(execution, client, emulator, retry, away, urls):
    """Trouble in reading them is none of the execution's."""
    if away:
        emulator.faults.add(unavailable(), path=away, times=None)

    assert client.run(input_urls(execution, retry)) == urls
