"""An Airflow with room for hundreds of waits, and an emulator whose clock stands until it is turned."""

from __future__ import annotations

import pytest

from demo.airflow_processes import Airflow
from demo.emulator_process import EmulatorProcess
from demo.stage import introduce
from tests.e2e.conftest import end_on_sigterm  # noqa: F401 - a fixture
from tests.kills.fire import DAGS, WORKERS

SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": str(WORKERS),
    # How long something lost counts as alive: minutes by default.
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    """An emulator without a template: all of its executions are scripted."""
    folder = tmp_path_factory.mktemp("aicore")
    (folder / "templates").mkdir()
    with EmulatorProcess(
        folder, templates=folder / "templates", images={}, options=("--clock", "manual")
    ) as running:
        yield running


@pytest.fixture(scope="session")
def airflow(tmp_path_factory, emulator):
    """An Airflow that soon notices what was killed."""
    home = tmp_path_factory.mktemp("airflow") / "home"
    with Airflow(home, DAGS, settings=SETTINGS) as running:
        introduce(running, emulator)
        yield running
