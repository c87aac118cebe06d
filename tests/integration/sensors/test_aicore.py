"""The sensor from its first look to its end, in each mode."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, BaseSensorOperator

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.emulator import Answer, Progress, credentials_refused, unavailable
from airflow_provider_aicore.exceptions import (
    AICoreExecutionFailed,
    AICoreExecutionGone,
    AICoreRefused,
)
from airflow_provider_aicore.operators.execution import AICoreStartExecutionOperator
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor
from tests.deferral import run_to_the_end

# It stands in other places in other versions.
RESCHEDULED = sys.modules[BaseSensorOperator.__module__].AirflowRescheduleException


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


@pytest.fixture
def run(run, context):
    """Return what runs the sensor for an execution to its end, in each mode in turn."""
    return lambda execution_id: run(AICoreExecutionSensor, context, execution_id=execution_id)


def test_a_completed_execution_gives_the_result_of_the_operator_that_ran_it(
    run, network, configuration_id, context, measuring
):
    """The XCom value is the same, in each mode."""
    network.script("text-clf-train", Progress.by_clock())
    operator = AICoreStartExecutionOperator(task_id="train", configuration_id=configuration_id)

    result = run_to_the_end(operator, context)

    assert result["metrics"]
    assert run(result["id"]) == result


def test_a_dead_execution_fails_the_sensor(run, start):
    """A sensor fails as the operator does."""
    execution_id = start(Progress.by_clock(outcome="DEAD", message="boom"))

    with pytest.raises(AICoreExecutionFailed, match="boom"):
        run(execution_id)


def test_trouble_in_looking_is_waited_out(run, start, network):
    """A gateway that is away for minutes fails no sensor."""
    execution_id = start(Progress.by_clock())
    network.faults.add(unavailable(), path="/lm/executions/", times=20)

    assert run(execution_id)["status"] == "COMPLETED"


def test_refused_credentials_name_the_connection(run, start, network):
    """One of several that may be of the same client."""
    execution_id = start(Progress.by_clock())
    network.faults.add(credentials_refused(), path="/oauth/token", times=None)

    with pytest.raises(AICoreRefused, match="Connection 'aicore_default': No token for client"):
        run(execution_id)


@pytest.mark.parametrize("sooner", [{}, {"max_wait": timedelta(seconds=5)}])
def test_a_rescheduled_sensor_leaves_its_worker_time_to_go(start, context, sooner):
    """So it does with back-off, by which Airflow looks sooner than at the interval."""
    execution_id = start(Progress.stuck("RUNNING"))
    sensor = AICoreExecutionSensor(
        task_id="wait",
        execution_id=execution_id,
        mode="reschedule",
        poke_interval=15,
        exponential_backoff=True,
        **sooner,
    )
    before = datetime.now(UTC)  # Airflow goes by the real clock here; what is slow only adds.

    with pytest.raises(RESCHEDULED) as caught:
        sensor.execute(context)

    assert caught.value.reschedule_date - before >= timedelta(seconds=15)


def test_the_timeout_fails_the_sensor_and_stops_nothing(sensor, start, context, network):
    """A sensor that waited for long enough fails as any other, and leaves the execution alone."""
    execution_id = start(Progress.stuck("RUNNING"))

    with pytest.raises(AirflowSensorTimeout):
        run_to_the_end(sensor(execution_id, timeout=120), context)

    assert network.statuses() == {execution_id: "RUNNING"}


def test_an_execution_that_does_not_exist_is_told(run, connection):
    """The id and the resource group are in the error."""
    with pytest.raises(
        AICoreExecutionGone, match="e0123456789abcde in resource group 'default' is not there"
    ) as caught:
        run("e0123456789abcde")
    assert "clear the task" not in str(caught.value)


@pytest.mark.parametrize(
    "intervals",
    [
        {"poll_interval": timedelta(minutes=5)},
        {"poke_interval": 300},
        {"default_args": {"poke_interval": 300}},
        {"poll_interval": 300, "poke_interval": 7},
    ],
    ids=["poll", "poke", "default", "both"],
)
def test_looks_are_an_interval_apart_in_each_mode(
    sensor, start, context, network, clock, monkeypatch, intervals
):
    """The interval may have the name that it has in any sensor; ours wins. Jitter is a tenth at most."""
    monkeypatch.setenv("AIRFLOW__AICORE__POLL_REQUESTS_PER_MINUTE", "0.001")  # None is looked at early.
    looks = []

    def answer(request, proceed):
        looks.append(clock.now())
        return proceed(request)

    execution_id = start(Progress.by_clock(unknown=1, pending=1, running=750))
    network.faults.add(SimpleNamespace(answer=answer), path="/lm/executions/", times=None)

    run_to_the_end(sensor(execution_id, **intervals), context)

    pauses = [then - now for now, then in pairwise(looks) if then - now > 10]
    assert len(pauses) == 3
    assert all(285 <= pause <= 331 for pause in pauses)


def test_a_rescheduled_sensor_looks_again_whatever_the_budget(start, rescheduled, context, network):
    """No look knows of the one before."""
    execution_id = start(Progress.by_clock())
    network.faults.add(unavailable(), path="/lm/executions/", times=20)
    sensor = AICoreExecutionSensor(
        task_id="wait", execution_id=execution_id, mode="reschedule", poll_error_budget=1
    )

    assert rescheduled(sensor, context)["status"] == "COMPLETED"


def test_a_rescheduled_sensor_believes_a_404_after_a_minute(start, context, network, clock):
    """An execution that was just created may be unknown for a moment; one that is gone fails the sensor."""
    execution_id = start(Progress.by_clock())
    sensor = AICoreExecutionSensor(task_id="wait", execution_id=execution_id, mode="reschedule")
    network.faults.add(Answer(404), path="/lm/executions/", times=3)
    clock.sleep(60)

    assert sensor.execute(context)["status"] == "COMPLETED"

    network.faults.add(Answer(404), path="/lm/executions/", times=None)
    begin = clock.time
    with pytest.raises(AICoreExecutionGone):
        sensor.execute(context)
    assert 60 <= clock.time - begin <= 70
