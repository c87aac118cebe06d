"""A task that is killed while it is deferred, on every Airflow: how its trigger learns of it differs."""

from __future__ import annotations

import pytest

from tests.e2e.dag_run import DAGRun


@pytest.mark.smoke
def test_marked_failed_while_deferred(airflow, emulator):
    """Marking a deferred task failed stops its execution."""
    run = DAGRun.start(airflow, emulator, "one_execution", {"seconds": 600})
    run.wait_for_waits()
    run.mark_task("failed")
    run.wait_for_statuses(["STOPPED"])
