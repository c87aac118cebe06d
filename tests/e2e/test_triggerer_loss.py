"""Waiting goes on when the process that waits is lost."""

from __future__ import annotations

import signal

from demo.stage import FINISHED

DAG_ID = "one_execution"
SECONDS = 40
"""How long the execution lasts: longer than the next triggerer needs to begin and to miss the old one."""


def test_wait_outlives_the_triggerer(airflow, emulator):
    """After a SIGKILL of the triggerer the next one goes on waiting, for the same and only execution."""
    earlier = {execution["id"] for execution in emulator.executions("sleep-and-exit")}
    airflow.wait_for_dag(DAG_ID)
    airflow.rest.unpause(DAG_ID)
    run_id = airflow.rest.trigger(DAG_ID, {"seconds": SECONDS})

    def task():
        return airflow.rest.task_instances(DAG_ID, run_id)["run"]

    def triggerer():
        return (task()["trigger"] or {}).get("triggerer_id")

    def statuses():
        started = [each for each in emulator.executions("sleep-and-exit") if each["id"] not in earlier]
        return [execution["status"] for execution in started]

    airflow.wait_until(triggerer, seconds=60, what="a triggerer to wait for the execution")
    lost = triggerer()
    airflow.stop_component("triggerer", signal.SIGKILL)
    airflow.start_component("triggerer")
    airflow.wait_until(
        lambda: triggerer() not in {lost, None}, seconds=60, what="the next triggerer to take over"
    )
    assert (task()["state"], statuses()) == ("deferred", ["RUNNING"])
    airflow.wait_until(lambda: task()["state"] in FINISHED, seconds=120, what="the task to end")
    assert (task()["state"], statuses()) == ("success", ["COMPLETED"])
