"""The sensor for what an execution schedule has started, in each mode."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_aicore.emulator import (
    Answer,
    Options,
    Progress,
    credentials_refused,
    token_refused,
    unavailable,
)
from airflow_provider_aicore.exceptions import (
    AICoreExecutionFailed,
    AICoreInvalidInput,
    AICoreRefused,
    AICoreScheduledExecutionMissing,
    AICoreTriggerEventError,
    AICoreUnreachable,
)
from airflow_provider_aicore.sensors.aicore import AICoreScheduledExecutionSensor
from tests.deferral import run_to_the_end

MIDNIGHT = datetime(2027, 1, 15, tzinfo=UTC)  # A Friday.
HOUR = timedelta(hours=1)
TICK = MIDNIGHT + 2.5 * HOUR


@pytest.fixture
def emulator_options():
    """Let executions start ten minutes late at most, as of most schedules on AI Core."""
    return Options(schedule_jitter=600)


@pytest.fixture
def begin(context, clock):
    """Return what begins the run of the task at an instant, with a day as its data interval."""

    def begin(at, start=MIDNIGHT, end=MIDNIGHT + 24 * HOUR):
        clock.time = at.timestamp()
        context["ti"].start_date = at
        context["ti"].get_first_reschedule_date = lambda _context: at
        context["dag_run"].data_interval_start = start
        context["dag_run"].data_interval_end = end
        return context

    return begin


@pytest.fixture
def schedule(connection, network, clock, api):
    """Return the id of a schedule of each night, made the day before."""
    clock.time = (MIDNIGHT - 12 * HOUR).timestamp()
    network.script("text-clf-train", Progress.by_clock(unknown=15, pending=30, running=3600))
    return api.schedule(name="nightly", cron="30 2 * * *", configurationId=api.configure(), start=None)


@pytest.fixture
def run(run, schedule, connection):
    """Return what runs the sensor to its end, in each mode in turn."""
    arguments = {"execution_schedule_id": schedule, "poll_interval": 1200}
    return lambda context, **change: run(AICoreScheduledExecutionSensor, context, **arguments | change)


def _created(result):
    return datetime.fromisoformat(result["created_at"])


@pytest.mark.parametrize(
    "at", [MIDNIGHT + HOUR, TICK + HOUR / 60, TICK + HOUR, MIDNIGHT + 24 * HOUR, MIDNIGHT + 240 * HOUR]
)
def test_the_execution_of_the_data_interval_is_waited_for(run, begin, at):
    """Whenever the task runs: before the tick, before the late start, meanwhile, after it, days after it."""
    result = run(begin(at))

    assert TICK <= _created(result) < TICK + timedelta(minutes=10)
    assert result["status"] == "COMPLETED"
    assert list(result["output_artifacts"]) == ["text-model"]


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_end_that_is_expected_is_seen_soon(begin, schedule, clock, deferrable):
    """Also where the execution had to be found first: not up to an interval late."""
    sensor = AICoreScheduledExecutionSensor(
        task_id="wait",
        execution_schedule_id=schedule,
        poll_interval=1200,
        expected_duration=HOUR,
        deferrable=deferrable,
    )

    result = run_to_the_end(sensor, begin(MIDNIGHT + HOUR))

    assert clock.time - datetime.fromisoformat(result["completion_time"]).timestamp() <= 15


@pytest.mark.parametrize("at", [TICK, TICK + 3 * HOUR, TICK + 23 * HOUR])
def test_an_interval_without_length_means_the_last_tick_until_then(run, begin, at):
    """Airflow's own cron timetable gives such intervals; a tick of both clocks at once is that of the run."""
    assert TICK <= _created(run(begin(at, start=at, end=at))) < TICK + timedelta(minutes=10)


def test_what_was_found_has_its_link_before_it_is_waited_for(schedule, begin, network, monkeypatch):
    """All that a template can name is known of it then."""
    extra = {
        "secret_service_key": network.service_key,
        "launchpad_url_template": "https://l.test/{scenario_id}/{configuration_id}/{execution_id}",
    }
    monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps({"conn_type": "aicore", "extra": extra}))
    context = begin(TICK + HOUR / 2)
    sensor = AICoreScheduledExecutionSensor(task_id="wait", execution_schedule_id=schedule, deferrable=True)

    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context)

    url = context["ti"].xcoms["_link_AICoreExecutionLink"]
    assert url.startswith("https://l.test/text-clf/")
    assert url.endswith(f"/{deferred.value.trigger.execution_id}")


def test_a_tick_before_the_schedule_was_made_is_none(run, begin):
    """The cron expression alone would have one."""
    with pytest.raises(AICoreScheduledExecutionMissing, match="no tick"):
        run(begin(MIDNIGHT, start=MIDNIGHT - 13 * HOUR, end=MIDNIGHT - 13 * HOUR))


def test_the_next_execution_is_the_first_after_the_task_began(run, begin):
    """What was created before it does not count, whatever its status."""
    result = run(begin(TICK + HOUR / 2), pick="next", poll_interval=7200)

    assert TICK + 24 * HOUR <= _created(result) < TICK + 25 * HOUR


def test_the_newest_execution_is_the_last_before_the_task_began(run, begin, network):
    """A younger one that is created while it is waited for does not take its place."""
    network.script("text-clf-train", Progress.by_clock(running=30 * 3600))

    result = run(begin(TICK + 24 * HOUR + HOUR / 2), pick="newest", poll_interval=7200)

    assert TICK + 24 * HOUR <= _created(result) < TICK + 25 * HOUR


def test_where_there_is_none_the_newest_is_the_next(run, begin):
    """A schedule that has not started anything yet is no failure."""
    result = run(begin(MIDNIGHT), pick="newest")

    assert TICK <= _created(result) < TICK + HOUR


def test_a_dead_execution_fails_the_sensor(run, begin, network):
    """A sensor fails as the operator does, with the reason that only the execution itself says."""
    network.script("text-clf-train", Progress.by_clock(running=60, outcome="DEAD", message="boom"))

    with pytest.raises(AICoreExecutionFailed, match="boom"):
        run(begin(MIDNIGHT))


def test_a_schedule_can_be_named(run, begin):
    """The name is looked up among all schedules."""
    assert run(begin(MIDNIGHT), execution_schedule_id=None, name="nightly")["status"] == "COMPLETED"


def test_a_name_of_several_schedules_is_refused(run, begin, api):
    """It would be chance which one is waited for."""
    api.schedule(name="nightly", cron="30 4 * * *", start=None)

    with pytest.raises(AICoreInvalidInput, match="2 execution schedules have the name 'nightly'"):
        run(begin(MIDNIGHT), execution_schedule_id=None, name="nightly")


def test_a_paused_schedule_fails_the_sensor_at_once(run, begin, api, schedule, clock):
    """Nothing comes of it, so nobody waits for days."""
    api.patch(f"/executionSchedules/{schedule}", json={"status": "INACTIVE"}).raise_for_status()
    context = begin(MIDNIGHT)

    for change in ({}, {"pick": "next"}, {"pick": "newest"}):
        with pytest.raises(AICoreScheduledExecutionMissing, match="INACTIVE"):
            run(context, **change)
    assert clock.time == MIDNIGHT.timestamp()


def test_what_was_paused_after_its_tick_is_still_waited_for(run, begin, api, schedule, network, clock):
    """Its execution may be on its way; it is when AI Core has made it before the pause."""
    clock.time = (TICK + timedelta(minutes=11)).timestamp()
    network.tick()
    api.patch(f"/executionSchedules/{schedule}", json={"status": "INACTIVE"}).raise_for_status()

    assert run(begin(TICK + timedelta(minutes=12)))["status"] == "COMPLETED"


def test_after_its_end_nothing_is_waited_for(run, begin, api, schedule, clock):
    """The message has the end, and the executions that there are."""
    end = (TICK + HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    api.patch(f"/executionSchedules/{schedule}", json={"end": end}).raise_for_status()

    with pytest.raises(AICoreScheduledExecutionMissing, match=r"none will be.* end 2027-01-15.*there: 1,"):
        run(begin(TICK + 24 * HOUR), pick="next")
    assert clock.time == (TICK + 24 * HOUR).timestamp()


@pytest.mark.parametrize("pick", ["data_interval", "next"])
def test_the_last_execution_before_the_end_is_waited_for(run, begin, api, schedule, network, pick):
    """The schedule is INACTIVE when the execution comes, but was not at its tick."""
    end = (TICK + timedelta(seconds=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    api.patch(f"/executionSchedules/{schedule}", json={"end": end}).raise_for_status()
    # Before the tick: executions start up to ten minutes late, or at once.
    context = begin(TICK - timedelta(seconds=10))

    assert run(context, pick=pick, poll_interval=60)["status"] == "COMPLETED"


def test_a_missed_tick_is_told_with_what_there_is(run, begin, api, schedule, clock):
    """It is waited for as long as it may be late, then the ticks and the executions are in the message."""
    api.patch(f"/executionSchedules/{schedule}", json={"status": "INACTIVE"}).raise_for_status()
    clock.time = (TICK + timedelta(minutes=12)).timestamp()
    api.patch(f"/executionSchedules/{schedule}", json={"status": "ACTIVE"}).raise_for_status()

    with pytest.raises(
        AICoreScheduledExecutionMissing,
        match=r"of the tick 2027-01-15 02:30.*interval: 2027-01-15 02:30.*: 0\.",
    ):
        run(begin(TICK + timedelta(minutes=12)), poll_interval=60)
    late = datetime.fromtimestamp(clock.time, UTC) - TICK
    assert timedelta(minutes=16) <= late <= timedelta(minutes=18)


def test_a_deleted_schedule_is_told_after_a_minute(run, begin, api, schedule, clock):
    """What was just created may be unknown for a moment."""
    api.delete(f"/executionSchedules/{schedule}").raise_for_status()

    with pytest.raises(
        AICoreScheduledExecutionMissing, match=rf"{schedule} in resource group 'default' is not"
    ):
        run(begin(MIDNIGHT), poll_interval=15)
    assert 60 <= clock.time - MIDNIGHT.timestamp() <= 90


def test_trouble_in_looking_is_waited_out(run, begin, network):
    """A gateway that is away for minutes fails no sensor."""
    context = begin(MIDNIGHT)
    network.faults.add(unavailable(), path="/lm/executionSchedules/", times=20)
    network.faults.add(Answer(502, "Bad Gateway"), path="/lm/executions", times=6)

    assert run(context, poll_interval=60)["status"] == "COMPLETED"


def test_refused_credentials_name_the_connection(run, begin, network):
    """One of several that may be of the same client."""
    network.faults.add(credentials_refused(), path="/oauth/token", times=None)

    with pytest.raises(AICoreRefused, match="Connection 'aicore_default': No token for client"):
        run(begin(MIDNIGHT))


def test_fresh_tokens_that_are_refused_name_the_connection(begin, schedule, network):
    """That may heal, so it is waited out, and told in the end."""
    network.faults.add(token_refused(), path="/lm/executionSchedules/", times=None)
    sensor = AICoreScheduledExecutionSensor(
        task_id="wait", execution_schedule_id=schedule, poll_error_budget=600, deferrable=False
    )

    with pytest.raises(AICoreUnreachable, match="Connection 'aicore_default': "):
        sensor.execute(begin(MIDNIGHT))


def test_nothing_is_ever_stopped(run, begin, network):
    """A sensor has started nothing."""
    run(begin(MIDNIGHT))

    sent = [one for one in network.requests if one.method in {"PATCH", "DELETE"}]
    assert sent == []


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_timeout_fails_the_sensor_as_any_other(begin, schedule, network, deferrable):
    """Also while there is no execution yet; nothing is stopped."""
    context = begin(MIDNIGHT)
    context["ti"].start_date = datetime.now(UTC)  # Deadlines are by the real clock.
    network.requests.clear()
    sensor = AICoreScheduledExecutionSensor(
        task_id="wait", execution_schedule_id=schedule, deferrable=deferrable, timeout=120
    )

    with pytest.raises(
        AirflowSensorTimeout, match=f"of execution schedule '{schedule}' had not been created"
    ):
        run_to_the_end(sensor, context)


@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
def test_a_sensor_may_skip_instead(run, begin, schedule, api, option):
    """Airflow's own options of sensors hold for an execution that does not come."""
    api.patch(f"/executionSchedules/{schedule}", json={"status": "INACTIVE"}).raise_for_status()

    with pytest.raises(AirflowSkipException):
        run(begin(MIDNIGHT), **{option: True})


@pytest.fixture
def lost(begin, schedule):
    """Return a sensor whose trigger is lost before it has found the execution, and what it had."""
    context = begin(MIDNIGHT)
    sensor = AICoreScheduledExecutionSensor(task_id="wait", execution_schedule_id=schedule, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context)

    def lose():
        fresh = AICoreScheduledExecutionSensor(
            task_id="wait", execution_schedule_id=schedule, deferrable=True
        )
        return fresh.resume_execution("__fail__", {"error": "Trigger failure"}, context)

    return lose, deferred.value.trigger, context


def test_a_lost_trigger_is_replaced_by_one_that_looks_for_the_same(lost):
    """Airflow drops the arguments of the deferral then; what is looked for was kept."""
    lose, first, _ = lost

    with pytest.raises(TaskDeferred) as again:
        lose()

    assert again.value.trigger.serialize() == first.serialize()


def test_after_a_lost_trigger_what_has_ended_meanwhile_is_the_result(lost, clock):
    """The worker looks before it fails."""
    lose, _, _ = lost
    clock.time = (TICK + 3 * HOUR).timestamp()

    assert lose()["status"] == "COMPLETED"


def test_after_a_lost_trigger_what_runs_is_waited_for(lost, clock):
    """A trigger that only waits takes over: the execution is known."""
    lose, _, _ = lost
    clock.time = (TICK + HOUR / 2).timestamp()

    with pytest.raises(TaskDeferred) as again:
        lose()

    assert again.value.trigger.serialize()[0].endswith(".AICoreExecutionTrigger")


@pytest.mark.parametrize("at", [MIDNIGHT, TICK + HOUR / 2])
def test_triggers_that_are_always_lost_fail_the_task(lost, clock, at):
    """One that cannot be loaded would be lost for ever, whether the execution is there or not."""
    lose, _, _ = lost
    clock.time = at.timestamp()

    for _ in range(5):
        with pytest.raises(TaskDeferred):
            lose()
    with pytest.raises(AICoreTriggerEventError, match="6 triggers were lost"):
        lose()
