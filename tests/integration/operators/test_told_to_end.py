"""A task on its worker when Airflow wants its process to end: killed, or evicted with its worker."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any

import httpx
import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.sdk.execution_time.context import set_current_context
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.timeout import timeout

from airflow_provider_aicore.emulator import ConnectionLost, Options, Progress
from airflow_provider_aicore.exceptions import AICoreWaitTimeout, AICoreWorkerTerminated
from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution import (
    AICoreRunExecutableOperator,
    AICoreStartExecutionOperator,
)
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor

EXECUTABLE: dict[str, Any] = {
    "scenario_id": "text-clf",
    "executable_id": "text-clf-train",
    "parameters": {"learning-rate": 0.1},
}
ONE = "/lm/executions/"


class Told:
    """Does something before an answer arrives, as a signal that comes in the middle of a request does.

    :param lost: whether the answer is lost then.
    """

    def __init__(self, tell, *, lost=False):
        self._tell = tell
        self._lost = lost

    def answer(self, request, proceed):
        """Let the request through, and tell."""
        answer = proceed(request)
        self._tell()
        if self._lost:
            raise httpx.ReadError("lost", request=request)
        return answer


@pytest.fixture
def server(monkeypatch):
    """Stand in for Airflow's server: the state of the task, and the execution of its present try."""
    server: dict[str, Any] = {"state": "running", "owner": None, "questions": []}

    def states(*, dag_id, task_ids, run_ids):
        server["questions"].append((dag_id, task_ids, run_ids))
        if isinstance(server["state"], Exception):
            raise server["state"]
        return {run_id: {"train": server["state"]} for run_id in run_ids}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", states)
    monkeypatch.setattr("airflow.sdk.execution_time.xcom.XCom.get_one", lambda **_: server["owner"])
    return server


@pytest.fixture
def run(connection, context, network, server):
    """Return a function that runs a task, tells it to end at some request, and returns what it raised."""
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=1e6))

    def run(operator, *, fault=None, **at):
        network.faults.add(fault or Told(operator.on_kill), **({"method": "GET", "path": ONE, "nth": 2} | at))
        with set_current_context(context), pytest.raises(AICoreWorkerTerminated) as raised:
            operator.execute(context)
        return str(raised.value)

    return run


def _operator(**change):
    return AICoreRunExecutableOperator(task_id="train", **{**EXECUTABLE, "deferrable": False, **change})


def _statuses(network):
    return set(network.statuses().values())


ENDING = {"STOPPING", "STOPPED"}


@pytest.mark.parametrize("state", ["failed", "success", "skipped", "restarting", "removed"])
def test_a_killed_task_stops_its_execution(run, network, server, state):
    """It is marked, or cleared, which shows as restarting."""
    server["state"] = state

    said = run(_operator())

    assert _statuses(network) <= ENDING
    assert "It was told to stop" in said


@pytest.mark.parametrize("answer", ["running", RuntimeError("no supervisor")], ids=["evicted", "no answer"])
def test_a_worker_that_has_to_go_leaves_the_execution_to_the_next_try(run, network, server, answer):
    """The task fails such that it is retried, and its execution goes on."""
    server["state"] = answer

    said = run(_operator())

    assert _statuses(network) == {"RUNNING"}
    assert "left alone" in said


def test_without_a_next_try_the_execution_is_stopped(run, network, context):
    """Nobody would look after it."""
    context["ti"].try_number = context["ti"].max_tries + 1

    run(_operator())

    assert _statuses(network) <= ENDING


def test_a_later_try_with_an_execution_of_its_own_ends_this_one(run, network, server):
    """A process that Airflow had given up for lost may come back."""
    server["owner"] = "e0123456789abcde"

    run(_operator())

    assert _statuses(network) <= ENDING


def test_stop_on_kill_can_be_turned_off(run, network, server):
    """The execution goes on, and Airflow is not asked."""
    server["state"] = "failed"

    run(_operator(stop_on_kill=False))

    assert _statuses(network) == {"RUNNING"}
    assert server["questions"] == []


def test_a_pause_ends_at_once(run, clock, server):
    """Airflow kills the process 5 s later."""
    server["state"] = "failed"
    operator = _operator(poll_interval=3600)
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if seconds > 60:
            operator.on_kill()
        clock.time += seconds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_provider_aicore.interruption.time.sleep", sleep)
        run(operator, nth=99)

    assert len([seconds for seconds in pauses if seconds > 60]) == 1


@pytest.mark.parametrize(
    "at",
    [
        {"method": "POST", "path": "/lm/executions", "nth": 1},
        {"method": "GET", "path": ONE, "nth": 1},
    ],
    ids=["start", "first look"],
)
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_request_is_finished_first(run, network, server, context, at, deferrable):
    """What the POST started is known then, and stopped; and a killed task does not defer."""
    server["state"] = "failed"

    run(_operator(deferrable=deferrable), **at)

    assert len(network.statuses()) == 1
    assert _statuses(network) <= ENDING
    assert set(network.statuses()) == {context["ti"].xcoms["execution_id"]}


@pytest.mark.parametrize("state", ["failed", "restarting"])
def test_a_task_that_was_killed_unnoticed_does_not_defer(context, network, connection, server, state):
    """Airflow tells of a kill with its next heartbeat only, and refuses the deferral without a word."""
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=1e6))
    server["state"] = state

    with set_current_context(context), pytest.raises(AICoreWorkerTerminated, match="It was told to stop"):
        _operator(deferrable=True).execute(context)

    assert _statuses(network) <= ENDING


@pytest.mark.parametrize("answer", ["running", RuntimeError("no supervisor")], ids=["running", "no answer"])
@pytest.mark.parametrize("stop_on_kill", [True, False])
def test_a_task_that_was_not_killed_defers(context, network, connection, server, answer, stop_on_kill):
    """Its trigger knows whether to end the execution."""
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=1e6))
    server["state"] = answer

    with set_current_context(context), pytest.raises(TaskDeferred) as deferred:
        _operator(deferrable=True, stop_on_kill=stop_on_kill).execute(context)

    assert deferred.value.trigger.serialize()[1]["stop_on_kill"] is stop_on_kill


def test_a_sensor_s_trigger_stops_nothing(context, network, run, client_for_looking):
    """The execution is not the sensor's."""
    run(_operator(stop_on_kill=False))
    (execution_id,) = network.statuses()

    with pytest.raises(TaskDeferred) as deferred:
        AICoreExecutionSensor(task_id="sense", execution_id=execution_id, deferrable=True).execute(context)

    assert deferred.value.trigger.serialize()[1]["stop_on_kill"] is False


def test_a_second_notice_does_not_interrupt_the_stop(run, network, server):
    """Airflow sends one signal after another."""
    server["state"] = "failed"
    operator = _operator()
    network.faults.add(Told(operator.on_kill), method="PATCH", path=ONE)
    network.faults.add(ConnectionLost(), method="PATCH", path=ONE)

    run(operator)

    assert _statuses(network) <= ENDING


def test_a_start_that_is_not_waited_for_is_stopped_too(run, network, server, context):
    """The task was killed, so nobody wants what it has started."""
    server["state"] = "failed"
    configure = AICoreCreateConfigurationOperator(task_id="configure", name="train", **EXECUTABLE)
    operator = AICoreStartExecutionOperator(
        task_id="train", configuration_id=configure.execute(context)["id"], wait_for_completion=False
    )

    run(operator, method="POST", path="/lm/executions", nth=1)

    assert _statuses(network) <= ENDING


@pytest.mark.parametrize("emulator_options", [Options(list_lag=10)], ids=["lists lag behind"])
@pytest.mark.parametrize(("state", "statuses"), [("failed", ENDING), ("running", {"RUNNING"})])
def test_a_start_whose_answer_was_lost_is_not_lost(run, network, server, state, statuses):
    """It is told to end while it looks for what it has started: killed it ends that, evicted it leaves it."""
    server["state"] = state
    operator = _operator()
    lost = Told(operator.on_kill, lost=True)

    said = run(operator, fault=lost, method="POST", path="/lm/executions", nth=1)

    assert "while it started an execution" in said
    assert _statuses(network) <= statuses


@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_sensor_fails_and_stops_nothing(run, network, server, context, client_for_looking, soft_fail):
    """It says nothing about the execution, so that the sensor is not skipped either."""
    server["state"] = "failed"
    run(_operator(stop_on_kill=False))
    (execution_id,) = network.statuses()
    sensor = AICoreExecutionSensor(
        task_id="sense", execution_id=execution_id, deferrable=False, soft_fail=soft_fail
    )

    said = run(sensor)

    assert _statuses(network) == {"RUNNING"}
    assert "left alone" in said


def _ring():
    signal.raise_signal(signal.SIGALRM)


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("after", ["POST", "XCom"])
def test_the_alarm_between_start_and_wait_orphans_nothing(context, network, connection, deferrable, after):
    """Airflow raises at its alarm wherever the task is: also when nobody has noted yet what was started."""
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=1e6))
    ti = context["ti"]
    if after == "XCom":
        push = ti.xcom_push
        ti.xcom_push = lambda key, value: (push(key, value), _ring())
    else:
        network.faults.add(Told(_ring), method="POST", path="/lm/executions")

    with timeout(3600), pytest.raises(AICoreWaitTimeout):
        _operator(deferrable=deferrable, execution_timeout=timedelta(hours=1)).execute(context)

    assert _statuses(network) <= ENDING


def test_the_alarm_before_a_resumed_task_looks_stops_its_execution(context, network, connection, monkeypatch):
    """It is put off while the connection is looked up."""
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=1e6))
    operator = _operator(execution_timeout=timedelta(hours=1), stop_on_kill=False)
    network.faults.add(Told(operator.on_kill), method="GET", path=ONE)
    with pytest.raises(AICoreWorkerTerminated):
        operator.execute(context)
    event = {"version": 1, "outcome": "unreachable", "execution_id": context["ti"].xcoms["execution_id"]}
    event |= {"status": None, "message": "", "deadline_at": None, "resource_group": "default"}
    network.faults.add(Told(_ring), path="/oauth/token", times=None)

    with timeout(3600), pytest.raises(AICoreWaitTimeout):
        _operator(execution_timeout=timedelta(hours=1)).resume_execution(
            "execute_complete", {"event": event}, context
        )

    assert _statuses(network) <= ENDING
