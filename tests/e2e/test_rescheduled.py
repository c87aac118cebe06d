"""A sensor that comes back for each look, in a real Airflow."""

from __future__ import annotations

from tests.e2e.observation import observe


def test_a_rescheduled_sensor_holds_no_worker_and_ends_as_its_execution(airflow, emulator):
    """Between its looks no process runs it, and Airflow takes no coming or going for a failure."""
    conf = {"seconds": 20}
    run = observe(airflow, emulator, "rescheduled", executable_id="sleep-and-exit", conf=conf)

    assert run.state == "success"
    away = [sight for sight in run.of("wait", "up_for_reschedule") if sight.execution_status == "RUNNING"]
    assert any(sight.workers == [] for sight in away)
    assert airflow.rest.xcom("rescheduled", run.run_id, "wait", "id") == run.execution_id
