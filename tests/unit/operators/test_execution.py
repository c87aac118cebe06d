"""Running, starting, stopping and deleting executions."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_aicore.api import configurations, executions
from airflow_provider_aicore.emulator import (
    Answer,
    Progress,
    Step,
    credentials_refused,
    server_error,
    token_refused,
    unavailable,
)
from airflow_provider_aicore.exceptions import (
    AICoreAmbiguousStart,
    AICoreExecutionCannotRun,
    AICoreExecutionFailed,
    AICoreInvalidInput,
    AICoreRefused,
    AICoreTriggerEventError,
    AICoreWaitTimeout,
)
from airflow_provider_aicore.operators.execution import (
    AICoreDeleteExecutionOperator,
    AICoreRunExecutableOperator,
    AICoreStartExecutionOperator,
    AICoreStopExecutionOperator,
)


def _run_operator(**change):
    arguments = {
        "task_id": "train",
        "scenario_id": "text-clf",
        "executable_id": "text-clf-train",
        "parameters": {"learning-rate": 0.1},
        "deferrable": False,
    }
    return AICoreRunExecutableOperator(**{**arguments, **change})


@pytest.mark.parametrize("exit_code", [126, 127])
def test_a_command_that_is_not_there_is_not_tried_again(connection, context, network, exit_code):
    """The next execution would be of the same image and the same template."""
    details = {"details": [{"container_name": "main", "exit_code": exit_code}]}
    network.script("text-clf-train", Progress.at_once("DEAD", details=details))

    with pytest.raises(
        AICoreExecutionCannotRun, match=rf"exit code {exit_code}(?s:.*)Correct command and args"
    ) as caught:
        _run_operator().execute(context)
    assert isinstance(caught.value, AirflowFailException)


def test_a_failure_s_parts_end_in_one_full_stop(connection, context, network):
    """AI Core's own texts end in full stops as well."""
    details = {"details": [{"container_name": "main", "exit_code": 3, "last_log_messages": "It broke."}]}
    network.script("text-clf-train", Progress.at_once("DEAD", message="Boom.", details=details))

    with pytest.raises(AICoreExecutionFailed, match=r"is DEAD: Boom; .* exit code 3\.\nNone of the"):
        _run_operator().execute(context)


def test_the_start_names_what_runs_and_where(connection, context, network, capfd):
    """A reader of the log finds the execution in AI Core."""
    network.script("text-clf-train", Progress((Step("COMPLETED"),)))

    result = _run_operator().execute(context)

    assert (
        f"Started execution {result['id']} of executable text-clf-train of scenario text-clf "
        f"in resource group default; configuration {result['configuration_id']}."
    ) in capfd.readouterr().out


def test_a_deferred_task_keeps_connection_group_and_deadline(connection, context, network):
    """What waits for it looks with the same connection in the same resource group, until the same instant."""
    operator = _run_operator(deferrable=True, resource_group="default", execution_timeout=timedelta(hours=1))

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


def test_an_execution_that_has_ended_at_once_is_not_deferred(connection, context, network):
    """A task that is already over is not sent to the triggerer."""
    network.script("text-clf-train", Progress((Step("COMPLETED"),)))

    assert _run_operator(deferrable=True).execute(context)["status"] == "COMPLETED"


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
def test_a_bad_event_is_refused(connection, context, network, event):
    """The task does not believe an event that is not one of ours."""
    with pytest.raises(AICoreTriggerEventError, match="is no event of AICoreExecutionTrigger"):
        _run_operator().execute_complete(context, event)


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
    [
        {"poll_interval": 0},
        {"poll_interval": timedelta(0)},
        {"poll_interval": -1},
        {"poll_error_budget": -1},
        {"expected_duration": 0},
        {"expected_duration": timedelta(seconds=-1)},
        {"expected_duration": math.inf},
        {"expected_duration": "an hour"},
        {"pending_timeout": -1},
        {"execution_timeout": timedelta(0)},
        {"execution_timeout": timedelta(seconds=-1)},
    ],
    ids=str,
)
def test_a_bad_duration_is_refused_when_the_dag_is_read(change):
    """It would be a flood of requests, or start what is ended at once."""
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


@pytest.mark.parametrize(
    ("fault", "path", "is_retried"),
    [
        (Answer(400), "/lm/executions$", False),
        (Answer(403, "RBAC: access denied"), "/lm/configurations", False),
        (Answer(404), "/lm/configurations", False),
        (credentials_refused(), "/oauth/token", False),
        (token_refused(), "/lm/configurations", True),
        (server_error(500), "/lm/configurations", True),
        (unavailable(), "/oauth/token", True),
    ],
    ids=["400", "403", "404", "credentials", "401", "500", "token 503"],
)
def test_what_a_start_is_refused_for_is_retried_only_if_it_may_heal(
    connection, context, network, fault, path, is_retried
):
    """Airflow retries any exception but its `AirflowFailException`."""
    network.faults.add(fault, path=path, times=None)

    with pytest.raises(Exception, match=r"4|5") as caught:
        _run_operator(deferrable=True).execute(context)

    assert isinstance(caught.value, AICoreRefused) is not is_retried
    assert isinstance(caught.value, AirflowFailException) is not is_retried


def test_a_task_whose_resource_group_was_changed_leaves_nothing_in_the_former(connection, context, network):
    """What its earlier try has started there is ended before it starts another one here."""

    class Store(dict[str, Any]):
        set = dict.__setitem__

        def delete(self, key):
            self.pop(key, None)

    context["task_state_store"] = Store()
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    with pytest.raises(TaskDeferred):
        _run_operator(deferrable=True, resource_group="team-a").execute(context)
    former = context["ti"].xcoms["execution_id"]
    context["ti"].try_number = 2
    with pytest.raises(TaskDeferred):
        _run_operator(deferrable=True, resource_group="default").execute(context)

    assert network.statuses("team-a") == {former: "STOPPED"}
    assert list(network.statuses("default").values()) == ["RUNNING"]
