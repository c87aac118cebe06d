"""Waiting goes on when the process that waits is lost."""

from __future__ import annotations

import signal

from tests.e2e.dag_run import DAGRun


def test_wait_outlives_the_triggerer(airflow, emulator, tmp_path):
    """After a SIGKILL of the triggerer the next one goes on waiting, for the same and only execution."""
    until = tmp_path / "taken over"
    run = DAGRun.start(airflow, emulator, "one_execution", {"seconds": 0, "until": str(until)})
    run.wait_for_waits()
    lost = run.triggerers()
    airflow.stop_component("triggerer", signal.SIGKILL)
    airflow.start_component("triggerer")
    run.wait_for_waits(but_of=lost)
    assert (run.states(), run.statuses()) == ({"deferred"}, ["RUNNING"])
    until.touch()
    run.wait_for_state("success")
    assert run.statuses() == ["COMPLETED"]
