"""An Airflow in process, with a database of its own, and an emulator that listens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aicore.emulator import Options, Progress
from airflow_provider_aicore.emulator.server import EmulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Make the tables of the database that Airflow uses here."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def example_bundle(monkeypatch) -> None:
    """Let Airflow find the examples: it runs no DAG that is in none of its bundles."""
    folder = Path(__file__).parents[2] / "example_dags"
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundle = {"name": "examples", "classpath": local, "kwargs": {"path": str(folder)}}
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))


@pytest.fixture
def server(monkeypatch) -> Iterator[EmulatorServer]:
    """Return an emulator that listens, with two executables, and a connection with links that leads there."""
    with EmulatorServer(options=Options(deletion_seconds=0)) as server:
        for executable_id, inputs in (("text-clf-train", {}), ("text-clf-read", {"text-data": "dataset"})):
            server.emulator.add_executable(
                "text-clf",
                executable_id,
                parameters={"epochs": "10"},
                input_artifacts=inputs,
                output_artifacts={"text-model": "model"},
                progress=Progress.by_clock(unknown=0.2, pending=0.2, running=0.5),
            )
        page = "https://launchpad.test/{resource_group}/{execution_id}"
        extra = {"secret_service_key": server.emulator.service_key, "launchpad_url_template": page}
        monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps({"conn_type": "aicore", "extra": extra}))
        monkeypatch.setenv("NO_PROXY", f"127.0.0.1,{os.environ.get('NO_PROXY', '')}")
        yield server


@pytest.fixture
def measuring(network, api):
    """Let each execution write a metric as soon as it is started."""

    def measure(request, proceed):
        answer = proceed(request)
        body = {"executionId": answer.json()["id"], "metrics": [{"name": "accuracy", "value": 0.9}]}
        api.patch("/metrics", json=body).raise_for_status()
        return answer

    network.faults.add(SimpleNamespace(answer=measure), method="POST", path="/lm/executions$", times=None)
