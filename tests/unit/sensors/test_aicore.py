"""The sensor: waits for what others have started."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.exceptions import (
    AICoreInvalidInput,
)
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor


@pytest.fixture
def start(configuration_id, network, client_for_looking):
    """Return a starter of executions that move in the given way."""

    def start(progress):
        network.script("text-clf-train", progress)
        return client_for_looking.send(executions.create(configuration_id)).id

    return start


@pytest.fixture(params=[False, True], ids=["poke", "deferrable"])
def sensor(request):
    """Return a maker of sensors, of each mode in turn."""
    return lambda execution_id, **change: AICoreExecutionSensor(
        task_id="wait", execution_id=execution_id, deferrable=request.param, **change
    )


def test_a_malformed_id_fails_without_a_request(sensor, connection, context, network):
    """An id that a template left empty is refused before anything is sent."""
    with pytest.raises(AICoreInvalidInput, match="execution_id is ''"):
        sensor("").execute(context)
    assert network.requests == []


def test_a_rescheduled_sensor_comes_back_at_the_interval(start, context):
    """Airflow reads `poke_interval` in this mode, so it is the same."""
    sensor = AICoreExecutionSensor(task_id="wait", execution_id="e1", mode="reschedule", poll_interval=300)

    assert sensor.poke_interval == 300


@pytest.mark.parametrize("name", ["poll_interval", "poke_interval"])
def test_a_bad_interval_is_refused_by_its_name(sensor, name):
    """Looks less than a second apart would be a flood of requests."""
    with pytest.raises(AICoreInvalidInput, match=f"{name} is 0.5"):
        sensor("e1", **{name: 0.5})


@pytest.mark.parametrize("name", ["poll_interval", "poke_interval"])
def test_a_rescheduled_sensor_leaves_its_worker_time_to_go(name):
    """Airflow fails a task that is queued again while the worker of its last look still exits."""

    def sensor(interval):
        given = {name: interval}
        return AICoreExecutionSensor(task_id="wait", execution_id="e1", mode="reschedule", **given)

    with pytest.raises(AICoreInvalidInput, match=f"{name} is 14 s, but with mode='reschedule' at least 15 s"):
        sensor(14)
    assert sensor(15).poke_interval == 15


def test_a_soft_fail_skips_after_a_deferral_too(start, context):
    """Airflow's own options of sensors hold over a deferral."""
    execution_id = start(Progress.by_clock(outcome="DEAD"))
    sensor = AICoreExecutionSensor(task_id="wait", execution_id=execution_id, deferrable=True, soft_fail=True)
    event = {
        "version": 1,
        "execution_id": execution_id,
        "outcome": "ended",
        "status": "DEAD",
        "message": "",
        "deadline_at": None,
    }

    with pytest.raises(AirflowSkipException):
        sensor.resume_execution("execute_complete", {"event": event}, context)


def test_never_fail_skips_whichever_look_finds_the_end(sensor, start, context):
    """A sensor that never fails skips also when the execution is dead at the first look."""
    execution_id = start(Progress.at_once("DEAD"))

    with pytest.raises(AirflowSkipException):
        sensor(execution_id, never_fail=True).execute(context)


def test_execution_timeout_ends_a_deferred_wait(start, context):
    """Airflow does not count it over a deferral, so the trigger's deadline does."""
    execution_id = start(Progress.stuck("RUNNING"))
    sensor = AICoreExecutionSensor(
        task_id="wait", execution_id=execution_id, deferrable=True, execution_timeout=timedelta(minutes=5)
    )

    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context)

    _, arguments = deferred.value.trigger.serialize()
    assert arguments["deadline_at"] == (context["ti"].start_date + timedelta(minutes=5)).isoformat()
