"""Running, starting, stopping and deleting executions."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout, TaskDeferred
from airflow.sdk.execution_time.timeout import timeout

from airflow_provider_aicore.api import configurations, executions, metrics
from airflow_provider_aicore.emulator import Answer, ConnectionLost, Progress, Step, unavailable
from airflow_provider_aicore.exceptions import (
    AICoreAmbiguousStart,
    AICoreExecutionCannotRun,
    AICoreExecutionFailed,
    AICoreExecutionGone,
    AICoreExecutionStopped,
    AICoreInvalidInput,
    AICoreTriggerEventError,
    AICoreUnreachable,
    AICoreWaitTimeout,
)
from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution import (
    AICoreDeleteExecutionOperator,
    AICoreRunExecutableOperator,
    AICoreStartExecutionOperator,
    AICoreStopExecutionOperator,
)
from tests.unit.deferral import run_to_the_end

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


@pytest.fixture
def configuration_id(connection, context):
    """Return a configuration to start from."""
    operator = AICoreCreateConfigurationOperator(
        task_id="configure",
        name="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    return operator.execute(context)["id"]


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


@pytest.fixture(params=[False, True], ids=["blocking", "deferrable"])
def mode(request):
    """Return whether to defer."""
    return request.param


@both_kinds
def test_the_result_is_the_same_in_every_mode(make_operator, mode, context, network, client_for_looking):
    """A COMPLETED execution gives its ids, times, output artifacts by name and last metrics."""
    network.script("text-clf-train", Progress.by_clock(unknown=15, pending=30, running=60))

    def measure(execution_id):
        client_for_looking.send(metrics.modify(execution_id, metrics=[{"name": "accuracy", "value": 0.9}]))

    result = run_to_the_end(make_operator(deferrable=mode), context, meanwhile=measure)

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
    assert result["metrics"] == ({"accuracy": 0.9} if mode else {})


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


@pytest.mark.parametrize("exit_code", [126, 127])
def test_a_command_that_is_not_there_is_not_tried_again(make_operator, context, network, exit_code):
    """The next execution would be of the same image and the same template."""
    details = {"details": [{"container_name": "main", "exit_code": exit_code}]}
    network.script("text-clf-train", Progress.by_clock(outcome="DEAD", details=details))

    with pytest.raises(
        AICoreExecutionCannotRun, match=f"exit code {exit_code}.*correct the template"
    ) as caught:
        run_to_the_end(make_operator(deferrable=False), context)
    assert isinstance(caught.value, AirflowFailException)


def test_a_failure_s_parts_end_in_one_full_stop(make_operator, context, network):
    """AI Core's own texts end in full stops as well."""
    details = {"details": [{"container_name": "main", "exit_code": 3, "last_log_messages": "It broke."}]}
    network.script("text-clf-train", Progress.by_clock(outcome="DEAD", message="Boom.", details=details))

    with pytest.raises(AICoreExecutionFailed, match=r"is DEAD: Boom; .* 3: It broke\. Look at its logs"):
        run_to_the_end(make_operator(deferrable=False), context)


def test_the_start_names_what_runs_and_where(connection, context, network, capfd):
    """A reader of the log finds the execution in AI Core."""
    network.script("text-clf-train", Progress((Step("COMPLETED"),)))

    result = _run_operator().execute(context)

    assert (
        f"Started execution {result['id']} of executable text-clf-train of scenario text-clf "
        f"in resource group default; configuration {result['configuration_id']}."
    ) in capfd.readouterr().out


def test_the_end_is_told_once(make_operator, mode, context, network, capfd):
    """One line says how it ended, after how long and with which metrics, whoever has waited."""
    network.script("text-clf-train", Progress.by_clock(unknown=15, pending=30, running=60))

    run_to_the_end(make_operator(deferrable=mode), context)

    told = [line for line in capfd.readouterr().out.splitlines() if "is COMPLETED" in line]
    assert len(told) == 1
    assert "is COMPLETED after 105 s; metrics: {}." in told[0]


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

    with pytest.raises(AICoreExecutionGone, match=r"group 'default' is not there.*01010020") as caught:
        run_to_the_end(make_operator(deferrable=mode), context)
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


def test_a_deferred_task_keeps_connection_group_and_deadline(make_operator, context, network):
    """What waits for it looks with the same connection in the same resource group, until the same instant."""
    operator = make_operator(deferrable=True, resource_group="default", execution_timeout=timedelta(hours=1))

    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)

    _, arguments = deferred.value.trigger.serialize()
    assert (arguments["aicore_conn_id"], arguments["resource_group"]) == ("aicore_default", "default")
    assert arguments["deadline_at"] == (context["ti"].start_date + timedelta(hours=1)).isoformat()


@pytest.mark.parametrize("bad", ["{'a': 1}", "", [], 7], ids=repr)
def test_bindings_that_are_no_dict_are_refused(connection, context, network, bad):
    """A template gives text; taking it for "none" would start an execution with defaults."""
    for argument in ("parameters", "input_artifacts"):
        with pytest.raises(AICoreInvalidInput, match=f"{argument} is .* but a dict is needed"):
            _run_operator(**{argument: bad}).execute(context)
    assert network.requests == []


def test_an_empty_resource_group_is_refused(connection, context, network):
    """A template that came out empty does not start an execution in a group that nobody named."""
    with pytest.raises(AICoreInvalidInput, match="resource_group is ''"):
        _run_operator(resource_group="").execute(context)
    assert network.requests == []


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


def test_an_execution_that_has_ended_at_once_is_not_deferred(make_operator, context, network):
    """A task that is already over is not sent to the triggerer."""
    network.script("text-clf-train", Progress((Step("COMPLETED"),)))

    assert make_operator(deferrable=True).execute(context)["status"] == "COMPLETED"


GOOD_EVENT = {
    "version": 1,
    "execution_id": "e123",
    "outcome": "ended",
    "status": None,
    "message": "",
    "deadline_at": None,
}


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        "text",
        {"execution_id": "e123"},
        {**GOOD_EVENT, "deadline_at": "soon"},
        {**GOOD_EVENT, "outcome": "banana"},
        {**GOOD_EVENT, "version": 2},
        {name: value for name, value in GOOD_EVENT.items() if name != "message"},
    ],
    ids=repr,
)
def test_a_bad_event_is_refused(make_operator, context, network, event):
    """The task does not believe an event that is not one of ours."""
    with pytest.raises(AICoreTriggerEventError, match="is no event of AICoreExecutionTrigger"):
        make_operator().execute_complete(context, event)


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

    with pytest.raises(AICoreTriggerEventError, match=r"403.*triggerer and workers have the same connection"):
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


def test_a_cloned_configuration_binds_the_same_under_a_name_of_our_own(
    configuration_id, context, network, client_for_looking
):
    """The given one stays as it is."""
    operator = AICoreStartExecutionOperator(
        task_id="start", configuration_id=configuration_id, dedupe="clone", wait_for_completion=False
    )

    clone = client_for_looking.send(configurations.get(operator.execute(context)["configuration_id"]))
    given = client_for_looking.send(configurations.get(configuration_id))

    assert clone.id != given.id
    assert clone.parameter_bindings == given.parameter_bindings
    assert clone.name.startswith("training.train manual__2026 af-")


@pytest.mark.parametrize("expected", [{"scenario_id": "other"}, {"executable_id": "other"}], ids=str)
def test_a_configuration_of_another_scenario_is_refused_before_the_start(
    configuration_id, context, network, expected
):
    """Who says what it has to be of is told when it is not."""
    operator = AICoreStartExecutionOperator(task_id="start", configuration_id=configuration_id, **expected)

    with pytest.raises(AICoreInvalidInput, match=r"'text-clf.*but 'other' is expected. Nothing was started"):
        operator.execute(context)
    assert network.statuses() == {}


def test_an_unknown_dedupe_is_refused_at_parse_time():
    """A misspelt one would silently be the other."""
    dedupe: Any = "clones"
    with pytest.raises(AICoreInvalidInput, match="dedupe is 'clones', but it is one of window, clone"):
        AICoreStartExecutionOperator(task_id="start", configuration_id="c", dedupe=dedupe)


def test_an_ambiguous_start_fails_without_retries(configuration_id, context, network, client_for_looking):
    """Nobody can tell which of two executions is the task's, so that a person has to."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    for _ in range(2):
        client_for_looking.send(executions.create(configuration_id))
    context["ti"].try_number = 2
    operator = AICoreStartExecutionOperator(task_id="start", configuration_id=configuration_id, retries=2)
    context["dag_run"].start_date = datetime.fromtimestamp(0, UTC)

    with pytest.raises(AICoreAmbiguousStart, match="2 executions can be the one"):
        operator.execute(context)
    assert issubclass(AICoreAmbiguousStart, AirflowFailException)


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


def test_a_start_without_waiting_has_the_same_keys(configuration_id, context, network):
    """What is not known at the start is None or empty, so that a template does not break."""
    operator = AICoreStartExecutionOperator(
        task_id="start", configuration_id=configuration_id, wait_for_completion=False
    )

    result = operator.execute(context)

    assert set(result) == KEYS
    assert (result["status"], result["configuration_id"]) == ("UNKNOWN", configuration_id)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"parameters": {"p": None}}, "parameter 'p' is None"),
        ({"scenario_id": ""}, "scenario_id is ''"),
        ({"input_artifacts": {"data": "?"}}, "id of input artifact 'data'"),
        ({"resource_group": "x"}, "resource_group is 'x'"),
    ],
)
def test_bad_input_of_a_run_fails_without_a_request(connection, mode, context, network, change, complaint):
    """What cannot be right is refused before anything is sent."""
    with pytest.raises(AICoreInvalidInput, match=complaint):
        _run_operator(deferrable=mode, **change).execute(context)
    assert network.requests == []


@pytest.mark.parametrize(
    "operator",
    [AICoreStopExecutionOperator, AICoreDeleteExecutionOperator, AICoreStartExecutionOperator],
    ids=lambda operator: operator.__name__,
)
def test_a_malformed_id_fails_without_a_request(connection, context, network, operator):
    """An empty id would mean the list of all."""
    argument = "configuration_id" if operator is AICoreStartExecutionOperator else "execution_id"

    with pytest.raises(AICoreInvalidInput, match=f"{argument} is ''"):
        operator(task_id="t", **{argument: ""}).execute(context)
    assert network.requests == []


@pytest.mark.parametrize(
    "change",
    [{"poll_interval": 0}, {"poll_interval": timedelta(0)}, {"poll_interval": -1}, {"poll_error_budget": -1}],
    ids=str,
)
def test_a_bad_duration_is_refused_when_the_dag_is_read(change):
    """An interval below the floor would be a flood of requests."""
    with pytest.raises(AICoreInvalidInput, match=next(iter(change))):
        _run_operator(**change)


def test_a_running_execution_is_stopped(configuration_id, context, network, client_for_looking):
    """The operator comes back when the execution has ended."""
    network.script("text-clf-train", Progress.by_clock(unknown=20, running=9999, stopping=10))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id

    result = AICoreStopExecutionOperator(task_id="stop", execution_id=execution_id).execute(context)

    assert result == {"id": execution_id, "status": "STOPPED"}


def test_a_stop_that_takes_too_long_fails_the_task(configuration_id, context, network, client_for_looking):
    """Patience ends with the status that stood in the way."""
    network.script("text-clf-train", Progress.stuck("UNKNOWN"))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    operator = AICoreStopExecutionOperator(
        task_id="stop", execution_id=execution_id, patience=timedelta(minutes=1)
    )

    with pytest.raises(AICoreWaitTimeout, match="within 60 s: it is UNKNOWN"):
        operator.execute(context)


def test_an_execution_is_deleted_whatever_it_does(configuration_id, context, network, client_for_looking):
    """A running one is stopped first; deleting again finds nothing and is no error."""
    network.script("text-clf-train", Progress.by_clock(unknown=20, running=9999, stopping=10))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    operator = AICoreDeleteExecutionOperator(task_id="delete", execution_id=execution_id)

    assert operator.execute(context) == {"id": execution_id, "deleted": True}
    assert operator.execute(context) == {"id": execution_id, "deleted": False}
    assert network.statuses() == {}


@pytest.mark.parametrize("given", [{}, {"execution_id": "e42", "of_task_id": "train"}], ids=["none", "both"])
def test_a_stop_needs_to_know_of_what(given):
    """It is refused at parse time."""
    with pytest.raises(AICoreInvalidInput, match="exactly one is needed"):
        AICoreStopExecutionOperator(task_id="stop", **given)


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
