"""What the calls send, and what they refuse to send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_aicore.api import (
    ExecutionStatus,
    UnexpectedResponseError,
    artifacts,
    configurations,
    execution_schedules,
    executions,
    metrics,
    scenarios,
)
from airflow_provider_aicore.emulator import Answer
from airflow_provider_aicore.signature import parameter_value

BAD_IDS = ["", "abc", "a" * 65, "with space", "a/b/c/d", "../../x", "äöüß", None, 1234]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(executions.get, id="executions.get"),
        pytest.param(executions.create, id="executions.create"),
        pytest.param(executions.stop, id="executions.stop"),
        pytest.param(executions.delete, id="executions.delete"),
        pytest.param(lambda bad: executions.batch_modify({bad: "STOPPED"}), id="executions.batch_modify"),
        pytest.param(lambda bad: executions.logs(bad, start=datetime.now(UTC)), id="executions.logs"),
        pytest.param(artifacts.get, id="artifacts.get"),
        pytest.param(configurations.get, id="configurations.get"),
        pytest.param(
            lambda bad: configurations.create(name="n", scenario_id=bad, executable_id="text-clf-train"),
            id="configurations.create",
        ),
        pytest.param(
            lambda bad: configurations.create(
                name="n", scenario_id="text-clf", executable_id="train", input_artifacts={"text": bad}
            ),
            id="input artifact",
        ),
        pytest.param(execution_schedules.get, id="execution_schedules.get"),
        pytest.param(execution_schedules.delete, id="execution_schedules.delete"),
        pytest.param(
            lambda bad: execution_schedules.modify(bad, status="ACTIVE"), id="execution_schedules.modify"
        ),
        pytest.param(
            lambda bad: execution_schedules.create(name="n", cron="0 0 * * *", configuration_id=bad),
            id="execution_schedules.create",
        ),
        pytest.param(scenarios.get, id="scenarios.get"),
        pytest.param(scenarios.query_executables, id="scenarios.query_executables"),
        pytest.param(lambda bad: scenarios.get_executable("text-clf", bad), id="scenarios.get_executable"),
        pytest.param(metrics.delete, id="metrics.delete"),
        pytest.param(lambda bad: metrics.query([bad]), id="metrics.query"),
        pytest.param(lambda bad: metrics.modify(bad, tags={"a": "b"}), id="metrics.modify"),
    ],
)
def test_a_malformed_id_is_refused_before_anything_is_sent(make):
    """No call can be made with an id that is empty, too short, too long or of other characters."""
    for bad in BAD_IDS:
        with pytest.raises(ValueError, match="an id has 4 to 64 characters"):
            make(bad)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": ""}, "name is empty"),
        ({"name": "n" * 257}, "name has 257 characters, but AI Core takes at most 256"),
        ({"name": "naïve · name"}, "characters that AI Core refuses in names: '·ï'"),
        ({"name": None}, "name is None of type NoneType"),
        ({"kind": "banana"}, "kind is 'banana', but an artifact is one of model, dataset, resultset, other"),
        ({"url": "data/x"}, "a URL such as ai://"),
        ({"url": "ai://" + "x" * 1024}, "url has 1029 characters"),
        ({"description": "d" * 5001}, "description has 5001 characters"),
        ({"labels": {"mine": "x"}}, "must look like ext.ai.sap.com/my-label"),
        ({"labels": {"ext.ai.sap.com/x": 1}}, "value of label 'ext.ai.sap.com/x' is 1 of type int"),
    ],
)
def test_a_bad_artifact_is_refused_with_the_reason(change, complaint):
    """Names, kinds, URLs and labels are held to AI Core's limits."""
    good = {"name": "travel data", "kind": "dataset", "url": "ai://default/data", "scenario_id": "text-clf"}

    with pytest.raises(ValueError, match=complaint):
        artifacts.create(**{**good, **change})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is ", "as it is "),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (20, "20"),
        (0.001, "0.001"),
        (1e-7, "1e-07"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        ([1, "x"], '[1, "x"]'),
        ((1, 2), "[1, 2]"),
    ],
    ids=repr,
)
def test_parameter_values_become_text_by_fixed_rules(value, text):
    """AI Core knows text only; each type has one way to become it."""
    assert parameter_value("p", value) == text


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (None, "parameter 'p' is None"),
        (object(), "parameter 'p' is of type object"),
        ({"a": object()}, "parameter 'p' cannot be written as JSON"),
        (datetime.now(UTC), "parameter 'p' is of type datetime"),
        ("x" * 5001, "parameter 'p' has 5001 characters, but AI Core takes at most 5000"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_parameter_that_cannot_be_meant_is_refused(value, complaint):
    """`None` and types without a rule are refused with the parameter's name."""
    with pytest.raises(ValueError, match=complaint):
        parameter_value("p", value)


def test_too_many_parameters_are_refused():
    """AI Core takes 1000 bindings."""
    with pytest.raises(ValueError, match="number of parameters is 1001"):
        configurations.create(
            name="n",
            scenario_id="text-clf",
            executable_id="text-clf-train",
            parameters={f"p{number}": 1 for number in range(1001)},
        )


def test_a_batch_has_one_to_a_hundred_executions():
    """The bulk change is held to its limits, and to the two states that can be asked for."""
    with pytest.raises(ValueError, match="number of executions is 0"):
        executions.batch_modify({})
    with pytest.raises(ValueError, match="number of executions is 101"):
        executions.batch_modify({f"e{number:04}": "STOPPED" for number in range(101)})
    with pytest.raises(ValueError, match="STOPPED or DELETED only"):
        executions.batch_modify({"e0001": "RUNNING"})  # type: ignore[dict-item]  # that is the mistake


def test_logs_always_say_from_when():
    """The window is written in UTC with microseconds; a time without a zone is refused."""
    call = executions.logs("e0001", start=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), top=10, order="desc")

    assert call.params == {"start": "2026-01-02T03:04:05.000006Z", "$top": "10", "$order": "desc"}
    with pytest.raises(ValueError, match="without a time zone"):
        executions.logs("e0001", start=datetime(2026, 1, 2))  # noqa: DTZ001 - that is the mistake
    with pytest.raises(ValueError, match="top is 5001"):
        executions.logs("e0001", start=datetime.now(UTC), top=5001)


def test_an_id_that_is_no_text_is_told_by_its_type():
    """A number that a template made out of an id looks like one in the message."""
    with pytest.raises(ValueError, match="execution_id is 1234 of type int, but an id has"):
        executions.get(1234)  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.parametrize("search", ["", "x" * 81, "a~b"])
def test_a_search_is_held_to_its_limits(search):
    """A search has 1 to 80 characters and no tilde."""
    with pytest.raises(ValueError, match="search"):
        configurations.query(search=search)


@pytest.mark.not_as_described("a page without statuses")
def test_a_list_of_statuses_asks_for_no_more(client, emulator):
    """It has what a wait needs, and a page without that is refused."""
    call = executions.query_statuses(status=ExecutionStatus.RUNNING, top=2)
    assert call.params == {"status": "RUNNING", "$top": "2", "$select": "status"}
    assert client.send(call) == []
    page = {"resources": [{"id": "e1", "createdAt": "2026-01-01T00:00:00Z"}]}
    emulator.faults.add(Answer(200, json=page), path="/lm/executions")
    with pytest.raises(UnexpectedResponseError, match=r"resources.0.status"):
        client.send(call)


def test_paging_is_written_with_the_dollar_sign():
    """AI Core takes `$top` and `$skip`; without the sign they are ignored."""
    assert executions.query(top=5, skip=10).params == {"$top": "5", "$skip": "10"}
    with pytest.raises(ValueError, match="top is 0"):
        executions.query(top=0)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": ""}, "name of metrics.0. is '', but a letter"),
        ({"name": "n" * 257}, "name of metrics.0. has 257 characters"),
        ({"value": None}, "value of metrics.0. is None of type NoneType"),
        ({"value": True}, "value of metrics.0. is True of type bool"),
        ({"value": float("nan")}, "value of metrics.0. is nan, but a finite number"),
        ({"value": float("-inf")}, "value of metrics.0. is -inf, but a finite number"),
        ({"value": 10**400}, "but a finite number"),
        ({"step": -1}, "step of metrics.0. is -1, but a whole number from 0"),
        ({"step": 1.5}, "step of metrics.0. is 1.5"),
        ({"Step": 1}, "metrics.0. has 'Step', but only name, value, labels, step, timestamp can be given"),
        ({"timestamp": "yesterday"}, "timestamp of metrics.0. is 'yesterday', but a time such as"),
        ({"timestamp": "2026-01-01T00:00:00"}, "without a time zone"),
        ({"labels": {"name": "group"}}, "labels of metrics.0. are .*a list of dicts"),
        ({"labels": [{"name": "a", "value": ""}]}, "value of a label in labels of metrics.0. is empty"),
        ({"labels": [{"name": "a"}]}, "a label in labels of metrics.0. has no value"),
        ({"labels": [{"name": "a", "value": "b"}] * 21}, "number of labels of metrics.0. is 21"),
    ],
    ids=repr,
)
def test_a_bad_metric_is_refused_with_the_reason(change, complaint):
    """AI Core would refuse all points of a request for one of them, or not notice a misspelt key."""
    with pytest.raises(ValueError, match=complaint):
        metrics.modify("e0001", metrics=[{"name": "loss", "value": 0.5, **change}])


def test_a_metric_without_its_value_is_refused():
    """Name and value are needed, and what is missing is named."""
    with pytest.raises(ValueError, match=r"metrics\[1\] has no value: {'name': 'loss'}"):
        metrics.modify("e0001", metrics=[{"name": "loss", "value": 1}, {"name": "loss"}])


@pytest.mark.parametrize(
    ("tags", "complaint"),
    [
        ({"": "b"}, "name of tag is empty"),
        ({"a": ""}, "value of tag is empty: name is 'a'"),
        ({"a": 1}, "value of tag is 1 of type int"),
        ("a=b", "tags is 'a=b' of type str, but a dict is needed"),
        ({}, "nothing to write: give metrics, tags or custom_info"),
    ],
    ids=repr,
)
def test_bad_tags_are_refused_with_the_reason(tags, complaint):
    """Tags have names and values, and a request without tags and metrics would do nothing."""
    with pytest.raises(ValueError, match=complaint):
        metrics.modify("e0001", tags=tags)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": " "}, "name is empty"),
        ({"name": "n" * 257}, "name has 257 characters"),
        ({"cron": ""}, "cron is '', but five fields"),
        ({"cron": None}, "cron is None"),
        ({"start": "2026-01-01T00:00:00"}, "start is '2026-01-01T00:00:00' without a time zone"),
        ({"end": "tomorrow"}, "end is 'tomorrow', but a time such as"),
        ({"end": "9999-12-31T23:59:59-01:00"}, "end is .* beyond the years 1 to 9999"),
    ],
    ids=repr,
)
def test_a_bad_execution_schedule_is_refused_with_the_reason(change, complaint):
    """Name, cron expression, start and end are looked at before anything is sent."""
    good = {"name": "hourly", "cron": "0 * * * *", "configuration_id": "47b3eed9"}

    with pytest.raises(ValueError, match=complaint):
        execution_schedules.create(**{**good, **change})


def test_the_start_of_a_schedule_is_cut_to_whole_seconds_in_utc():
    """AI Core takes no fractions there."""
    berlin = timezone(timedelta(hours=1))
    call = execution_schedules.modify(
        "47b3eed9", start=datetime(2026, 1, 1, 0, 30, 0, 999_999, tzinfo=berlin), end="2026-02-01T00:00:00.9Z"
    )

    assert call.json == {"start": "2025-12-31T23:30:00Z", "end": "2026-02-01T00:00:00Z"}


def test_a_schedule_is_changed_in_something_and_to_what_there_is():
    """An empty change is refused, as is a status that schedules do not have."""
    with pytest.raises(ValueError, match="nothing to change"):
        execution_schedules.modify("47b3eed9")
    with pytest.raises(ValueError, match="'PAUSED', but an execution schedule is ACTIVE or INACTIVE"):
        execution_schedules.modify("47b3eed9", status="PAUSED")  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(ValueError, match="ACTIVE or INACTIVE"):
        execution_schedules.query(status="active")  # type: ignore[arg-type]  # that is the mistake
