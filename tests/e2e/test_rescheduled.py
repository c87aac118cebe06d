"""A sensor that comes back for each look, in a real Airflow."""

from __future__ import annotations

from tests.e2e.dag_run import DAGRun


def test_a_rescheduled_sensor_holds_no_worker_and_ends_as_its_execution(airflow, emulator, tmp_path):
    """Between its looks no process runs it, and Airflow takes no coming or going for a failure."""
    until = tmp_path / "seen twice"
    run = DAGRun.start(airflow, emulator, "rescheduled", {"seconds": 0, "until": str(until)})

    def wait():
        return next(task for task in run.tasks() if task["task_id"] == "wait")

    def is_away():
        return wait()["state"] == "up_for_reschedule" and not airflow.worker_processes(wait()["id"])

    airflow.wait_until(is_away, what="the sensor to have looked and gone")
    airflow.wait_until(lambda: airflow.worker_processes(wait()["id"]), what="the sensor to look again")
    airflow.wait_until(is_away, what="the sensor to have gone again")
    execution_id = airflow.rest.xcom(run.dag_id, run.run_id, "start", "id")
    assert emulator.get(f"/lm/executions/{execution_id}")["status"] == "RUNNING"
    until.touch()
    run.wait_for_state("success")
    result = {key: airflow.rest.xcom(run.dag_id, run.run_id, "wait", key) for key in ("id", "status")}
    assert result == {"id": execution_id, "status": "COMPLETED"}
