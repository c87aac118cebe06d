"""Waiting goes on when the process that waits is lost."""

from __future__ import annotations

import signal

DAG_ID = "one_execution"


def test_wait_outlives_the_triggerer(airflow, emulator):
    """After a SIGKILL of the triggerer the next one goes on waiting, for the same and only execution."""
    earlier = {execution["id"] for execution in emulator.executions("sleep-and-exit")}
    airflow.wait_for_dag(DAG_ID)
    airflow.rest.unpause(DAG_ID)
    run_id = airflow.rest.trigger(DAG_ID, {"seconds": 10})

    def task_state():
        return airflow.rest.task_instances(DAG_ID, run_id)["run"]["state"]

    airflow.wait_until(lambda: task_state() == "deferred", seconds=60, what="the task to be deferred")
    airflow.stop_component("triggerer", signal.SIGKILL)
    airflow.start_component("triggerer")
    airflow.wait_until(lambda: task_state() in {"success", "failed"}, seconds=120, what="the task to end")
    assert task_state() == "success"
    started = [each for each in emulator.executions("sleep-and-exit") if each["id"] not in earlier]
    assert [execution["status"] for execution in started] == ["COMPLETED"]
