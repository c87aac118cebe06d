"""Airflow loses a trigger, and a worker looks at the execution before the task fails."""

from __future__ import annotations

import signal
import sqlite3
import time

import pytest

from demo.stage import FINISHED


def crash(database, run_id):
    """Give the trigger a class that is not there.

    And an id that Airflow does not give to the next one: SQLite would, and the triggerer takes that for the
    old one.
    """
    row = "(select trigger_id from task_instance where run_id = ?)"
    database.execute(
        f"update trigger set id = 9999, classpath = 'no.such.Trigger' where id = {row}", [run_id]
    )
    database.execute("update task_instance set trigger_id = 9999 where run_id = ?", [run_id])


def give_up(database, run_id):
    """Let the time be over within which the trigger has to fire."""
    past = "2020-01-01 00:00:00"
    database.execute("update task_instance set trigger_timeout = ? where run_id = ?", [past, run_id])


@pytest.fixture
def deferred(airflow, emulator):
    """Return a function that has a task deferred without a triggerer, and changes how Airflow keeps that."""
    earlier = {execution["id"] for execution in emulator.executions("sleep-and-exit")}

    def defer(dag_id, seconds, change, *, when=lambda: True):
        airflow.wait_for_dag(dag_id)
        airflow.rest.unpause(dag_id)
        airflow.stop_component("triggerer", signal.SIGTERM)
        run_id = airflow.rest.trigger(dag_id, {"seconds": seconds})

        def task():
            return airflow.rest.task_instances(dag_id, run_id)["run"]

        airflow.wait_until(lambda: task()["state"] == "deferred", what="the task to be deferred")
        airflow.wait_until(when, what="the time of the change")
        with sqlite3.connect(airflow.home / "airflow.db", timeout=30) as database:
            change(database, run_id)
        airflow.start_component("triggerer")
        airflow.wait_until(lambda: task()["state"] in FINISHED, what="the task to end")
        started = [each for each in emulator.executions("sleep-and-exit") if each["id"] not in earlier]
        return task(), [execution["status"] for execution in started]

    return defer


@pytest.mark.parametrize("loss", [crash, give_up])
def test_a_task_outlives_its_trigger(deferred, loss):
    """It is deferred once more, in the same try and with the same execution, and ends as that does."""
    task, statuses = deferred("one_execution", 30, loss)

    assert (task["state"], task["try_number"], statuses) == ("success", 1, ["COMPLETED"])


def test_a_trigger_that_is_given_up_after_the_deadline_leaves_no_execution(deferred):
    """The worker stops what the triggerer did not tell of in time."""
    task, statuses = deferred("short_of_time", 300, give_up, when=_after(50))

    assert (task["state"], statuses) == ("failed", ["STOPPED"])


def _after(seconds):
    """Return a question that is answered with yes after some seconds."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
