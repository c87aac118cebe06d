"""What a task does before it fails: look at the execution; and what it fails with if it cannot."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_aicore.emulator import (
    Answer,
    Progress,
    unavailable,
)
from airflow_provider_aicore.exceptions import (
    AICoreExecutionFailed,
    AICoreExecutionGone,
    AICoreExecutionNotStarted,
    AICoreRefused,
    AICoreTriggerEventError,
    AICoreUnreachable,
    AICoreWaitTimeout,
)
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor
from tests.deferral import first_event, run_to_the_end

CRASH = {"error": "Trigger failure", "traceback": ["Traceback (most recent call last):\n", "boom\n"]}
TIMEOUT = {"error": "Trigger timeout"}


def _operator(**change):
    return AICoreRunExecutableOperator(
        task_id="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
        **change,
    )


@pytest.fixture
def deferred(connection, context):
    """Return a function that defers a task, a second one to wait for the same execution being a sensor."""

    def defer(**change):
        operator = _operator(deferrable=True, **change)
        with pytest.raises(TaskDeferred) as caught:
            operator.execute(context)
        return operator, caught.value

    return defer


@pytest.fixture
def sensor(deferred, context):
    """Return a maker of sensors that wait for an execution, and are deferred."""

    def make(**change):
        deferred()
        execution_id = context["ti"].xcoms["execution_id"]
        sensor = AICoreExecutionSensor(task_id="train", execution_id=execution_id, deferrable=True, **change)
        with pytest.raises(TaskDeferred):
            sensor.execute(context)
        return sensor

    return make


def _fail(task, context, failed=CRASH):
    """Resume a task as Airflow does after its trigger crashed, or was not heard of in time."""
    return task.resume_execution("__fail__", dict(failed), context)


@pytest.mark.parametrize("failed", [CRASH, TIMEOUT], ids=["crash", "timeout"])
def test_a_lost_trigger_does_not_lose_the_result(deferred, context, network, clock, failed):
    """The execution has COMPLETED while nobody looked."""
    network.script("text-clf-train", Progress.by_clock())
    operator, _ = deferred()
    clock.sleep(3600)

    assert _fail(operator, context, failed)["status"] == "COMPLETED"


def test_a_lost_trigger_hides_no_failure(deferred, context, network, clock):
    """What fails the task is the execution's own end, not the trigger's."""
    network.script("text-clf-train", Progress.by_clock(outcome="DEAD", message="boom"))
    operator, _ = deferred()
    clock.sleep(3600)

    with pytest.raises(AICoreExecutionFailed, match="is DEAD: boom"):
        _fail(operator, context)


def test_a_live_execution_is_waited_for_again(deferred, context, network, monkeypatch):
    """Deadline and resource group are what they were, although Airflow has dropped all arguments.

    Airflow 3.1 tells another start date after a deferral, and the connection may name another group.
    """
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    _, first = deferred(execution_timeout=timedelta(hours=1))
    context["ti"].start_date = datetime.now(UTC) + timedelta(minutes=30)
    extra = {"secret_service_key": json.dumps(network.service_key), "resource_group": "team-a"}
    monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps({"conn_type": "aicore", "extra": extra}))

    with pytest.raises(TaskDeferred) as again:
        _fail(_operator(deferrable=True, execution_timeout=timedelta(hours=1)), context)

    assert again.value.trigger.serialize() == first.trigger.serialize()
    assert again.value.method_name == first.method_name


def test_trouble_in_the_look_after_a_lost_trigger_is_waited_out(deferred, context, network):
    """A trigger that crashes while AI Core is away for a moment fails no task."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    operator, _ = deferred()
    network.faults.add(unavailable(), path="/lm/executions/", times=None)

    with pytest.raises(TaskDeferred):
        _fail(operator, context)


def test_triggers_that_are_lost_again_and_again_fail_the_task(deferred, context, network, capfd):
    """A triggerer without this provider would have the task go in circles; the next try may adopt."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    operator, _ = deferred()
    for _ in range(5):
        with pytest.raises(TaskDeferred):
            _fail(operator, context)

    with pytest.raises(AICoreTriggerEventError, match=r"6 triggers were lost.*Trigger failure") as caught:
        _fail(operator, context)

    assert not isinstance(caught.value, AirflowFailException)
    assert set(network.statuses().values()) == {"RUNNING"}
    assert "boom" in capfd.readouterr().out


def test_a_lost_trigger_that_was_never_heard_of_ends_at_the_deadline(deferred, context, network):
    """The triggerer may have been dead for hours; then the worker stops the execution."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    context["ti"].start_date = datetime.now(UTC) - timedelta(seconds=3600)
    operator, _ = deferred(execution_timeout=timedelta(hours=1))

    with pytest.raises(AICoreWaitTimeout, match="It was told to stop"):
        _fail(operator, context, TIMEOUT)

    assert set(network.statuses().values()) <= {"STOPPING", "STOPPED"}


def test_airflow_gives_a_dead_triggerer_up_after_the_deadline(deferred, network):
    """The trigger has its time to tell of the deadline itself, and Airflow is told of none without one."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))

    _, with_deadline = deferred(execution_timeout=timedelta(hours=1))
    _, without = deferred()

    assert timedelta(minutes=69) < with_deadline.timeout <= timedelta(minutes=70)
    assert without.timeout is None


def test_a_task_that_was_deferred_by_another_version_fails_as_airflow_has_it(deferred, context):
    """Without what is kept nothing is known about the execution; a retry finds it."""
    operator, _ = deferred()
    context["ti"].xcoms.clear()

    with pytest.raises(Exception, match="Trigger failure") as caught:
        _fail(operator, context)
    assert type(caught.value).__name__ == "TaskDeferralError"  # It lives elsewhere on Airflow 3.1.


class Interrupt:
    """Ends the process in place of an answer, as a signal's handler does."""

    def answer(self, request, proceed):
        """Exit."""
        raise SystemExit(143)


def test_the_end_of_the_process_is_not_swallowed(deferred, context, network):
    """Looking again before failing is for failures."""
    operator, _ = deferred()
    network.faults.add(Interrupt(), path="/lm/executions/")

    with pytest.raises(SystemExit):
        _fail(operator, context)


def test_a_sensor_looks_again_too(sensor, context, network, clock):
    """A sensor whose trigger was lost goes on as an operator does."""
    network.script("text-clf-train", Progress.by_clock())
    waiting = sensor()
    with pytest.raises(TaskDeferred):
        _fail(waiting, context)
    clock.sleep(3600)

    assert _fail(waiting, context, TIMEOUT)["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("soft_fail", "end"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)], ids=["fail", "skip"]
)
def test_a_sensor_whose_trigger_is_given_up_stops_nothing(sensor, context, network, soft_fail, end):
    """It fails as a sensor whose time is over, and the execution goes on."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    context["ti"].start_date = datetime.now(UTC) - timedelta(seconds=3600)

    with pytest.raises(end):
        _fail(sensor(timeout=600, soft_fail=soft_fail), context, TIMEOUT)

    assert set(network.statuses().values()) == {"RUNNING"}


def test_an_unreachable_execution_is_looked_at_once_more(deferred, context, network):
    """What the triggerer cannot reach the worker may, and the wait goes on."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    operator, first = deferred(poll_error_budget=60)
    network.faults.add(unavailable(), path="/lm/executions/", times=None)
    event = first_event(json.loads(json.dumps(first.trigger.serialize()[1])))
    network.faults.clear()

    assert event["outcome"] == "unreachable"
    with pytest.raises(TaskDeferred):
        operator.execute_complete(context, event)


@pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "deferrable"])
class TestPendingTimeout:
    """`pending_timeout`."""

    @pytest.mark.parametrize("status", ["UNKNOWN", "PENDING"])
    def test_an_execution_that_does_not_start_is_given_up(
        self, connection, context, network, deferrable, status
    ):
        """The error says why, as far as can be found out, and the execution ends."""
        network.script("text-clf-train", Progress.stuck(status))

        with pytest.raises(AICoreExecutionNotStarted) as caught:
            run_to_the_end(_operator(deferrable=deferrable, pending_timeout=timedelta(minutes=10)), context)

        for part in (
            context["ti"].xcoms["execution_id"],
            f"is still {status} and has not started within 600 s",
            "no object store secret 'default'",
            "no docker registry secret",
            "It was told to stop.",
        ):
            assert part in str(caught.value)
        assert isinstance(caught.value, AirflowFailException)
        # AI Core does not stop what is UNKNOWN.
        assert network.requests[-1].method == ("DELETE" if status == "UNKNOWN" else "PATCH")

    def test_without_a_sure_cause_it_is_retried(self, connection, context, network, deferrable):
        """What is not known to be wrong may be right the next time."""
        network.script("text-clf-train", Progress.stuck("PENDING"))
        network.faults.add(Answer(403, "RBAC: access denied"), path="/admin/", times=None)

        with pytest.raises(AICoreExecutionNotStarted, match="object store secrets could not") as caught:
            run_to_the_end(_operator(deferrable=deferrable, pending_timeout=600), context)

        assert not isinstance(caught.value, AirflowFailException)

    def test_an_execution_that_starts_in_time_is_waited_for(self, connection, context, network, deferrable):
        """The time counts until the start, not until the end."""
        network.script("text-clf-train", Progress.by_clock(unknown=100, pending=300, running=7200))

        result = run_to_the_end(_operator(deferrable=deferrable, pending_timeout=600), context)

        assert result["status"] == "COMPLETED"


def test_an_execution_that_starts_while_the_worker_comes_is_kept(deferred, context, network, clock):
    """The worker believes AI Core and not the trigger."""
    network.script("text-clf-train", Progress.by_clock(unknown=1, pending=700, running=7200))
    operator, first = deferred(pending_timeout=600)
    event = first_event(json.loads(json.dumps(first.trigger.serialize()[1])))
    clock.sleep(200)

    assert event["outcome"] == "pending"
    with pytest.raises(TaskDeferred):
        operator.execute_complete(context, event)


@pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "deferrable"])
def test_a_refusal_while_waiting_is_retried_by_the_owner_alone(
    connection, context, network, client_for_looking, deferrable
):
    """The owner's next try finds its execution, that of a sensor would be refused as this one is."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    network.faults.add(Answer(403, "RBAC: access denied"), path="/lm/executions/", nth=2, times=None)

    with pytest.raises(AICoreUnreachable, match=r"lives on.*RBAC"):
        run_to_the_end(_operator(deferrable=deferrable), context)

    sensor = AICoreExecutionSensor(
        task_id="train", execution_id=context["ti"].xcoms["execution_id"], deferrable=deferrable
    )
    with pytest.raises(AICoreRefused, match="RBAC"):
        run_to_the_end(sensor, context)
    assert set(network.statuses().values()) == {"RUNNING"}


def test_a_single_404_after_a_long_outage_is_not_believed(deferred, context, network):
    """The trigger looks for a minute more, and only then the execution is gone."""
    operator, _ = deferred()
    event = {
        "version": 1,
        "outcome": "unreachable",
        "execution_id": context["ti"].xcoms["execution_id"],
        "message": "503",
        "deadline_at": None,
    }
    network.faults.add(Answer(404), path="/lm/executions/", times=None)

    with pytest.raises(TaskDeferred):
        operator.execute_complete(context, event)
    with pytest.raises(AICoreExecutionGone):
        operator.execute_complete(context, {**event, "outcome": "refused"})
