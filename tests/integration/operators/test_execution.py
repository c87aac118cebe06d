"""Executions of tasks, from the start over deferrals, tries and the end of their time to the result."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout, TaskDeferred
from airflow.sdk.execution_time.timeout import timeout

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.emulator import Answer, ConnectionLost, Progress, Step, unavailable
from airflow_provider_aicore.exceptions import (
    AICoreExecutionFailed,
    AICoreExecutionGone,
    AICoreExecutionStopped,
    AICoreTriggerEventError,
    AICoreUnreachable,
    AICoreWaitTimeout,
)
from airflow_provider_aicore.operators.execution import (
    AICoreRunExecutableOperator,
    AICoreStartExecutionOperator,
    AICoreStopExecutionOperator,
)
from tests.deferral import run_to_the_end

KEYS = {
    "id",
    "status",
    "configuration_id",
    "configuration_name",
    "scenario_id",
    "executable_id",
    "resource_group",
    "created_at",
    "submission_time",
    "start_time",
    "completion_time",
    "output_artifacts",
    "metrics",
}


def _run_operator(**change):
    arguments = {
        "task_id": "train",
        "scenario_id": "text-clf",
        "executable_id": "text-clf-train",
        "parameters": {"learning-rate": 0.1},
        "deferrable": False,
    }
    return AICoreRunExecutableOperator(**{**arguments, **change})


GOOD_EVENT = {
    "version": 1,
    "execution_id": "e123",
    "outcome": "ended",
    "status": None,
    "message": "",
    "deadline_at": None,
}


@contextmanager
def another_identity(ti, change):
    """Let the task instance be another one for a while."""
    kept = {name: getattr(ti, name) for name in change}
    for name, value in change.items():
        setattr(ti, name, value)
    yield
    for name, value in kept.items():
        setattr(ti, name, value)


both_kinds = pytest.mark.parametrize("kind", ["run", "start"])
"""For what each of the two operators does that wait for an execution of their own; the waiting is one."""


@pytest.fixture
def kind():
    """Return which operator a test gets."""
    return "run"


@pytest.fixture
def make_operator(request, kind, connection):
    """Return a maker of the operator."""

    def make(**change):
        if kind == "run":
            return _run_operator(**change)
        configuration_id = request.getfixturevalue("configuration_id")
        return AICoreStartExecutionOperator(task_id="train", configuration_id=configuration_id, **change)

    return make


@both_kinds
def test_the_result_is_the_same_in_every_mode(
    make_operator, mode, context, network, measuring, client_for_looking
):
    """A COMPLETED execution gives its ids, times, output artifacts by name and last metrics."""
    network.script("text-clf-train", Progress.by_clock(unknown=15, pending=30, running=60))

    result = run_to_the_end(make_operator(deferrable=mode), context)

    execution = client_for_looking.send(executions.get(result["id"]))
    assert set(result) == KEYS
    assert result["status"] == "COMPLETED"
    assert result["configuration_name"] == execution.configuration_name
    assert (result["scenario_id"], result["executable_id"]) == ("text-clf", "text-clf-train")
    assert result["resource_group"] == "default"
    assert result["completion_time"] == execution.completion_time.isoformat()
    model = execution.output_artifacts[0]
    assert result["output_artifacts"] == {
        "text-model": {"id": model.id, "name": "text-model", "kind": "model", "url": model.url}
    }
    assert result["metrics"] == {"accuracy": 0.9}


@both_kinds
def test_the_execution_s_id_is_pushed_before_the_wait(make_operator, mode, context, network):
    """A person and a later try can find the execution while it runs."""
    network.script("text-clf-train", Progress.by_clock())

    result = run_to_the_end(make_operator(deferrable=mode), context)

    assert context["ti"].xcoms["execution_id"] == result["id"]


@both_kinds
def test_a_dead_execution_fails_the_task_with_its_cause(make_operator, mode, context, network):
    """The exception names the execution, the message of AI Core and the container that failed."""
    details = {"details": [{"container_name": "main", "exit_code": 3, "last_log_messages": "NameError: x"}]}
    network.script("text-clf-train", Progress.by_clock(outcome="DEAD", message="boom", details=details))

    with pytest.raises(AICoreExecutionFailed) as caught:
        run_to_the_end(make_operator(deferrable=mode), context)

    assert type(caught.value) is AICoreExecutionFailed
    assert caught.value.execution_id == context["ti"].xcoms["execution_id"]
    for part in (caught.value.execution_id, "DEAD", "boom", "'main'", "exit code 3", "NameError: x"):
        assert part in str(caught.value)


def test_the_end_is_told_once(make_operator, mode, context, network, capfd):
    """One line says how it ended, after how long and with which metrics, whoever has waited."""
    network.script("text-clf-train", Progress.by_clock(unknown=15, pending=30, running=60))

    run_to_the_end(make_operator(deferrable=mode), context)

    told = [line for line in capfd.readouterr().out.splitlines() if "is COMPLETED" in line]
    assert len(told) == 1
    assert "is COMPLETED after 105 s; metrics: {}." in told[0]


def test_an_end_that_is_expected_is_seen_soon(make_operator, mode, context, network, clock):
    """Not up to an interval late: about then, looks come closer and closer."""
    network.script("text-clf-train", Progress.by_clock(unknown=1, pending=1, running=3600))
    network.requests.clear()
    begin = clock.now()

    run_to_the_end(
        make_operator(
            deferrable=mode, poll_interval=timedelta(minutes=10), expected_duration=timedelta(hours=1)
        ),
        context,
    )

    assert clock.now() - begin - 3602 <= 10
    # The intervals alone make 7 looks.
    assert 10 <= len([each for each in network.requests if "/lm/executions/" in each.path]) <= 50


def test_a_stopped_execution_fails_the_task_as_stopped(make_operator, mode, context, network):
    """Someone else's stop has an exception of its own, and is not undone by a retry."""
    network.script("text-clf-train", Progress.by_clock(outcome="STOPPED"))

    with pytest.raises(AICoreExecutionStopped, match="was stopped") as caught:
        run_to_the_end(make_operator(deferrable=mode), context)
    assert isinstance(caught.value, AirflowFailException)


def test_trouble_in_looking_does_not_fail_the_task(make_operator, mode, context, network):
    """Minutes of 503 and lost connections leave the result as it is."""
    network.script("text-clf-train", Progress.by_clock())
    network.faults.add(unavailable(), path="/lm/executions/", nth=2, times=10)
    network.faults.add(ConnectionLost(), path="/lm/executions/", nth=3, times=10)

    assert run_to_the_end(make_operator(deferrable=mode), context)["status"] == "COMPLETED"


def test_trouble_from_the_first_look_on_does_not_fail_the_task(make_operator, mode, context, network):
    """What was started is waited for, even if AI Core is away right after the start."""
    network.script("text-clf-train", Progress.by_clock())
    network.faults.add(Answer(404), path="/lm/executions/", times=2)
    network.faults.add(unavailable(), path="/lm/executions/", times=10)

    assert run_to_the_end(make_operator(deferrable=mode), context)["status"] == "COMPLETED"


def test_trouble_beyond_the_error_budget_is_told_as_such(make_operator, mode, context, network):
    """Without one good answer for the whole budget the task is retried, and its execution goes on."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    network.faults.add(unavailable(), path="/lm/executions/", times=None)

    with pytest.raises(AICoreUnreachable) as caught:
        run_to_the_end(make_operator(deferrable=mode, poll_error_budget=60), context)

    execution_id = context["ti"].xcoms["execution_id"]
    for part in (
        execution_id,
        "'default' is unreachable",
        "lives on",
        "next try of this task finds it",
        "503",
    ):
        assert part in str(caught.value)
    assert caught.value.execution_id == execution_id
    assert not isinstance(caught.value, AirflowFailException)
    assert network.statuses() == {execution_id: "RUNNING"}


def test_an_execution_that_is_deleted_while_waiting_is_gone(make_operator, mode, context, network):
    """The task fails with AI Core's 404 and the resource group, and no retry brings the execution back."""
    network.script("text-clf-train", Progress.stuck("UNKNOWN"))
    network.faults.add(
        Answer(404, json={"error": {"code": "01010020", "message": "gone"}}),
        path="/lm/executions/",
        nth=2,
        times=None,
    )

    with pytest.raises(AICoreExecutionGone, match=r"is not there.*clear the task.*01010020") as caught:
        run_to_the_end(make_operator(deferrable=mode), context)
    assert "group 'default'" in str(caught.value)
    assert isinstance(caught.value, AirflowFailException)


@both_kinds
def test_the_deadline_stops_the_execution_and_fails_the_task(make_operator, mode, context, network):
    """When `execution_timeout` has passed, also over a deferral, the execution is told to stop."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    context["ti"].start_date = datetime.now(UTC) - timedelta(seconds=3600)

    with pytest.raises(
        AICoreWaitTimeout, match=r"within the task's execution_timeout of 1:00:00. It was told to stop."
    ):
        run_to_the_end(make_operator(deferrable=mode, execution_timeout=timedelta(hours=1)), context)

    assert set(network.statuses().values()) <= {"STOPPING", "STOPPED"}


def test_an_execution_that_has_not_begun_is_deleted_at_the_deadline(make_operator, mode, context, network):
    """AI Core cannot stop what is UNKNOWN; a deleted one does not begin."""
    network.script("text-clf-train", Progress.stuck("UNKNOWN"))
    context["ti"].start_date = datetime.now(UTC) - timedelta(seconds=3600)

    with pytest.raises(AICoreWaitTimeout, match="It was told to stop"):
        run_to_the_end(make_operator(deferrable=mode, execution_timeout=timedelta(hours=1)), context)

    assert [request.method for request in network.requests][-1] == "DELETE"


def test_a_stop_that_is_refused_at_the_deadline_is_told(make_operator, mode, context, network):
    """The message says that the execution lives on, and why."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    network.faults.add(Answer(403, "RBAC: access denied"), method="PATCH", path="/lm/executions", times=None)
    context["ti"].start_date = datetime.now(UTC) - timedelta(seconds=3600)

    with pytest.raises(AICoreWaitTimeout, match=r"could not be stopped, so look after it in AI Core: .*RBAC"):
        run_to_the_end(make_operator(deferrable=mode, execution_timeout=timedelta(hours=1)), context)


class Alarm:
    """Rings in place of the answer, as Airflow's clock does for `execution_timeout`."""

    def answer(self, request, proceed):
        """Ring."""
        signal.raise_signal(signal.SIGALRM)


def test_the_alarm_while_waiting_stops_the_execution(make_operator, mode, context, network):
    """It may ring during any look: on a worker that waits, and in the only look before a deferral."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    network.faults.add(Alarm(), method="GET", path="/lm/executions/", nth=1 if mode else 2)

    with timeout(3600), pytest.raises(AICoreWaitTimeout, match="It was told to stop"):
        make_operator(deferrable=mode, execution_timeout=timedelta(hours=1)).execute(context)

    assert set(network.statuses().values()) <= {"STOPPING", "STOPPED"}


def test_the_alarm_in_the_middle_of_the_stop_repeats_it(make_operator, context, network):
    """An execution does not go on because the stop at its deadline was interrupted."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    network.faults.add(Alarm(), method="PATCH", path="/lm/executions/")
    context["ti"].start_date = datetime.now(UTC) - timedelta(seconds=3600)

    with timeout(3600), pytest.raises(AICoreWaitTimeout, match="It was told to stop"):
        make_operator(deferrable=False, execution_timeout=timedelta(hours=1)).execute(context)

    assert set(network.statuses().values()) <= {"STOPPING", "STOPPED"}


@both_kinds
def test_the_alarm_after_a_deferral_stops_the_execution(make_operator, context, network):
    """Airflow sets it anew when a task is resumed."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    operator = make_operator(deferrable=True)
    with pytest.raises(TaskDeferred):
        operator.execute(context)
    event = {**GOOD_EVENT, "execution_id": context["ti"].xcoms["execution_id"], "outcome": "unreachable"}
    network.faults.add(Alarm(), method="GET", path="/lm/executions/")

    with timeout(3600), pytest.raises(AICoreWaitTimeout, match="It was told to stop"):
        operator.execute_complete(context, event)

    assert set(network.statuses().values()) <= {"STOPPING", "STOPPED"}


@both_kinds
def test_a_wait_stays_in_the_resource_group_of_the_start(make_operator, context, network, monkeypatch):
    """A connection whose resource group is edited while a task is deferred does not lead it elsewhere."""
    network.script("text-clf-train", Progress.by_clock())

    def edit_connection(_execution_id):
        extra = {"secret_service_key": json.dumps(network.service_key), "resource_group": "team-a"}
        edited = json.dumps({"conn_type": "aicore", "extra": extra})
        monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", edited)

    result = run_to_the_end(make_operator(deferrable=True), context, meanwhile=edit_connection)

    assert (result["status"], result["resource_group"]) == ("COMPLETED", "default")


def test_an_execution_that_ended_in_time_counts_when_the_task_is_resumed_late(
    make_operator, context, network, configuration_id, client_for_looking
):
    """A late worker slot, and an AI Core that is away just then, turn no success into a timeout."""
    network.script("text-clf-train", Progress((Step("COMPLETED"),)))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    network.faults.add(unavailable(), path="/lm/executions/", times=20)
    passed = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    event = {
        **GOOD_EVENT,
        "execution_id": execution_id,
        "outcome": "ended",
        "status": "COMPLETED",
        "deadline_at": passed,
    }
    operator = make_operator(deferrable=True, execution_timeout=timedelta(hours=1))

    assert operator.execute_complete(context, event)["status"] == "COMPLETED"


def test_a_deadline_stops_the_execution_even_if_it_cannot_be_seen(
    make_operator, context, network, configuration_id, client_for_looking
):
    """A failed look at the end of the time does not leave the execution behind."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    network.faults.add(unavailable(), method="GET", path="/lm/executions/", times=None)
    passed = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    event = {
        **GOOD_EVENT,
        "execution_id": execution_id,
        "outcome": "deadline",
        "status": "RUNNING",
        "deadline_at": passed,
    }

    with pytest.raises(AICoreWaitTimeout, match="told to stop"):
        make_operator(deferrable=True).execute_complete(context, event)
    assert set(network.statuses().values()) <= {"STOPPING", "STOPPED"}


def test_metrics_that_cannot_be_read_do_not_fail_the_task(make_operator, mode, context, network):
    """A COMPLETED execution is a success; its metrics are `None` then, which differs from having none."""
    network.script("text-clf-train", Progress((Step("COMPLETED"),)))
    network.faults.add(unavailable(), path="/lm/metrics", times=None)

    result = run_to_the_end(make_operator(deferrable=mode), context)

    assert (result["status"], result["metrics"]) == ("COMPLETED", None)


def test_a_trigger_that_was_refused_alone_is_told(
    make_operator, context, network, configuration_id, client_for_looking
):
    """If the worker sees the execution but the triggerer is refused, the task does not go in circles."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    event = {
        **GOOD_EVENT,
        "execution_id": execution_id,
        "outcome": "refused",
        "status": None,
        "message": "403",
        "deadline_at": None,
    }

    with pytest.raises(
        AICoreTriggerEventError, match=r"403.*triggerer and workers have the same connection 'aicore_default'"
    ):
        make_operator(deferrable=True).execute_complete(context, event)


def test_a_retry_of_a_run_takes_the_execution_of_the_first_try(connection, mode, context, network):
    """The second try waits for what the first has started."""
    network.script("text-clf-train", Progress.by_clock())

    first = run_to_the_end(_run_operator(deferrable=mode), context)
    context["ti"].try_number = 2
    second = run_to_the_end(_run_operator(deferrable=mode), context)

    assert second == first
    assert len(network.statuses()) == 1


def test_a_cleared_run_starts_anew(connection, mode, context, network):
    """Airflow raises `max_tries` when a user clears a task, who wants a new execution then."""
    network.script("text-clf-train", Progress.by_clock())

    first = run_to_the_end(_run_operator(deferrable=mode), context)
    context["ti"].max_tries, context["ti"].try_number = 5, 2

    assert run_to_the_end(_run_operator(deferrable=mode), context)["id"] != first["id"]


@pytest.mark.parametrize("dedupe", ["window", "clone"])
def test_a_retry_of_a_start_takes_the_execution_of_the_first_try(
    configuration_id, mode, dedupe, context, network
):
    """Also of a configuration that others may start, and without Airflow's task state store."""
    network.script("text-clf-train", Progress.by_clock())
    started = {"task_id": "start", "configuration_id": configuration_id, "dedupe": dedupe, "retries": 2}

    first = run_to_the_end(AICoreStartExecutionOperator(deferrable=mode, **started), context)
    context["ti"].try_number = 2
    second = run_to_the_end(AICoreStartExecutionOperator(deferrable=mode, **started), context)

    assert second == first
    assert len(network.statuses()) == 1


def test_a_task_whose_time_is_over_while_it_starts_leaves_nothing_behind(connection, context, network):
    """Airflow's alarm rings anywhere, here when the start has taken effect but its answer is lost."""

    class Alarm:
        def answer(self, request, proceed):
            proceed(request)
            raise AirflowTaskTimeout

    network.script("text-clf-train", Progress.stuck("RUNNING"))
    network.faults.add(Alarm(), method="POST", path="/lm/executions$")

    with pytest.raises(AICoreWaitTimeout, match=r"while it started an execution. Ended: e"):
        _run_operator(deferrable=False).execute(context)
    assert list(network.statuses().values()) == ["STOPPED"]


def test_what_a_task_has_left_behind_is_stopped(connection, context, network, client_for_looking):
    """All of its map indexes and tries in this DAG run, and nothing of other tasks and runs."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    ti = context["ti"]
    started = {}
    for change in (
        {},
        {"map_index": 0},
        {"map_index": 11},
        {"task_id": "train2"},
        {"run_id": "manual__2027"},
    ):
        with another_identity(ti, change), pytest.raises(TaskDeferred):
            _run_operator(deferrable=True).execute(context)
        started[str(change)] = ti.xcoms["execution_id"]

    result = AICoreStopExecutionOperator(task_id="clean_up", of_task_id="train").execute(context)

    mine = [started["{}"], started["{'map_index': 0}"], started["{'map_index': 11}"]]
    assert sorted(result["ended"]) == sorted(mine)
    statuses = network.statuses()
    assert {one for one in statuses if statuses[one] == "STOPPED"} == set(mine)


def test_a_start_without_waiting_has_the_same_keys(configuration_id, context, network):
    """What is not known at the start is None or empty, so that a template does not break."""
    operator = AICoreStartExecutionOperator(
        task_id="start", configuration_id=configuration_id, wait_for_completion=False
    )

    result = operator.execute(context)

    assert set(result) == KEYS
    assert (result["status"], result["configuration_id"]) == ("UNKNOWN", configuration_id)
