"""The sensor for what an execution schedule has started: what its first look decides."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_aicore.emulator import Options, Progress
from airflow_provider_aicore.exceptions import AICoreInvalidInput, AICoreScheduledExecutionMissing
from airflow_provider_aicore.sensors.aicore import AICoreScheduledExecutionSensor

MIDNIGHT = datetime(2027, 1, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = MIDNIGHT + 2.5 * HOUR


@pytest.fixture
def emulator_options():
    """Let executions start ten minutes late at most."""
    return Options(schedule_jitter=600)


@pytest.fixture
def schedule(connection, network, clock, api):
    """Return the id of a schedule of each night, made the day before; its executions take a minute."""
    clock.time = (MIDNIGHT - 12 * HOUR).timestamp()
    network.script("text-clf-train", Progress.by_clock(unknown=10, pending=10, running=40))
    return api.schedule(name="nightly", cron="30 2 * * *", configurationId=api.configure())


@pytest.fixture
def execute(schedule, context, clock):
    """Return what executes a sensor at an instant, with a day as its data interval."""

    def execute(at, start=MIDNIGHT, end=MIDNIGHT + 24 * HOUR, **change):
        clock.time = at.timestamp()
        context["ti"].start_date = at
        context["dag_run"].data_interval_start = start
        context["dag_run"].data_interval_end = end
        arguments = {"task_id": "wait", "execution_schedule_id": schedule, "deferrable": True, **change}
        return AICoreScheduledExecutionSensor(**arguments).execute(context)

    return execute


@pytest.mark.parametrize("interval", [{}, {"pick": "newest"}, {"start": TICK, "end": TICK}])
def test_what_has_ended_already_needs_no_trigger(execute, interval):
    """The execution of the interval, the newest one, and that of the last tick until an instant."""
    result = execute(TICK + HOUR, **interval)

    assert TICK <= datetime.fromisoformat(result["created_at"]) < TICK + timedelta(minutes=10)
    assert (result["status"], list(result["output_artifacts"])) == ("COMPLETED", ["text-model"])


@pytest.mark.parametrize("pick", ["data_interval", "next", "newest"])
def test_a_paused_schedule_fails_the_sensor_at_once(execute, api, schedule, pick):
    """Nothing comes of it, so nobody waits for days."""
    api.patch(f"/executionSchedules/{schedule}", json={"status": "INACTIVE"}).raise_for_status()

    with pytest.raises(AICoreScheduledExecutionMissing, match="INACTIVE"):
        execute(MIDNIGHT, pick=pick)


def test_an_interval_without_tick_fails_at_once(execute):
    """The cron expression says that there is nothing to wait for."""
    with pytest.raises(AICoreScheduledExecutionMissing, match=r"no tick .* cron '30 2 \* \* \*'"):
        execute(TICK + HOUR, TICK + HOUR, TICK + 2 * HOUR)


def test_before_the_tick_no_execution_is_listed(execute, network):
    """A history of years would be read at each look, for nothing."""
    with pytest.raises(TaskDeferred):
        execute(MIDNIGHT)

    assert not [one for one in network.requests if one.path == "/v2/lm/executions"]


def test_a_run_without_data_interval_needs_another_pick(execute, network):
    """A manual run may have none: it is refused without a request."""
    network.requests.clear()

    with pytest.raises(AICoreInvalidInput, match="manual runs"):
        execute(MIDNIGHT, None, None)

    assert network.requests == []


@pytest.mark.parametrize(
    "change", [{"name": "nightly"}, {"execution_schedule_id": None}, {"pick": "last"}, {"slack": 0}]
)
def test_bad_arguments_are_refused(execute, change):
    """Exactly one of id and name, a pick that there is, and time in which an execution can be created."""
    with pytest.raises(AICoreInvalidInput):
        execute(MIDNIGHT, **change)


def test_the_trigger_s_arguments_are_json_and_complete(execute):
    """What a worker stores makes the same trigger again in the triggerer."""
    with pytest.raises(TaskDeferred) as deferred:
        execute(MIDNIGHT, expected_duration=HOUR)
    classpath, arguments = deferred.value.trigger.serialize()

    again = type(deferred.value.trigger)(**json.loads(json.dumps(arguments)))

    assert classpath == "airflow_provider_aicore.triggers.aicore.AICoreScheduledExecutionTrigger"
    assert again.serialize() == (classpath, arguments)
    assert arguments["expected_duration"] == 3600
