"""What is tracked for executions: read for many, by tags, in parts; written within the limits."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import APIStatusError, configurations, executions, metrics
from airflow_provider_aicore.api.models import ExecutionMetrics

SPECIAL = "a=b, c!d#e%25/ü"


@pytest.fixture
def start(client):
    """Return what starts an execution and gives its id."""
    configuration = configurations.create(
        name="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    configuration_id = client.send(configuration).id
    return lambda: client.send(executions.create(configuration_id)).id


def _loss(value, **more):
    return {"name": "loss", "value": value, **more}


def test_many_executions_are_read_ten_at_a_time(client, emulator, retry, start):
    """Twelve executions take two requests, and each comes once though it was asked for twice."""
    ids = [start() for _ in range(12)]
    for number, execution_id in enumerate(ids):
        client.send(metrics.modify(execution_id, metrics=[_loss(number)]))
    before = len(emulator.requests)

    found = client.run(metrics.find_many([*ids, *ids], retry))

    assert {key: metrics.last_values(one)["loss"] for key, one in found.items()} == {
        execution_id: number for number, execution_id in enumerate(ids)
    }
    assert len(emulator.requests) - before == 2


@pytest.mark.parametrize("is_one_missing_like_all", [False, True])
def test_who_has_no_metrics_does_not_hide_who_has(client, emulator, retry, start, is_one_missing_like_all):
    """An unknown id beside known ones may be left out or answered with 404, which AI Core does not tell."""
    ids = [start() for _ in range(3)]
    for execution_id in ids[:2]:
        client.send(metrics.modify(execution_id, metrics=[_loss(1)]))
    if is_one_missing_like_all:
        emulator.faults.add(_RefusingAll(ids[2]), path="/lm/metrics", times=None)

    assert client.run(metrics.find_many(ids, retry)).keys() == set(ids[:2])
    assert client.run(metrics.find_many(ids[2:], retry)) == {}


class _RefusingAll:
    """Answers 404 as soon as one of those asked for has no metrics."""

    def __init__(self, unknown):
        self.unknown = unknown

    def answer(self, request, proceed):
        """Leave out the others too."""
        response = proceed(request)
        if self.unknown in request.url.params.get("executionIds", ""):
            response.status_code = 404
        return response


def test_metrics_are_found_by_tags(client, retry, start):
    """All tags have to fit, one may have any value, another any but one; special characters are no matter."""
    wanted, other, third = start(), start(), start()
    client.send(metrics.modify(wanted, tags={"run": SPECIAL, SPECIAL: "x", "stage": "test"}))
    client.send(metrics.modify(other, tags={"run": SPECIAL, "stage": "prod"}))
    client.send(metrics.modify(third, tags={"run": "another"}))

    def found(tags, **more):
        return {one.execution_id for one in client.run(metrics.find_tagged(tags, retry, **more))}

    assert found({"run": SPECIAL}) == {wanted, other}
    assert found({"run": SPECIAL}, tags_not={"stage": "prod"}) == {wanted}
    assert found({SPECIAL: None}) == {wanted}
    assert found({"no-such-tag": None}) == set()


def test_only_the_parts_asked_for_are_read(client, retry, start):
    """What is not selected is not answered."""
    execution_id = start()
    client.send(
        metrics.modify(execution_id, metrics=[_loss(1)], tags={"a": "b"}, custom_info={"matrix": "[]"})
    )

    whole = client.run(metrics.find(execution_id, retry))
    part = client.run(metrics.find_many([execution_id], retry, select=["customInfo"]))[execution_id]

    assert (whole.tags, whole.custom_info) == (
        [{"name": "a", "value": "b"}],
        [{"name": "matrix", "value": "[]"}],
    )
    assert (part.metrics or [], part.tags or [], part.custom_info) == ([], [], whole.custom_info)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "Give execution_ids, tags or tags_not"),
        ({"execution_ids": []}, "number of execution_ids is 0"),
        ({"execution_ids": ["e0001"] * 11}, "number of execution_ids is 11, but must be from 1 to 10"),
        ({"tags": "run=1"}, "tags is 'run=1' of type str, but a dict is needed"),
        ({"tags": {"": None}}, "name of tags is empty"),
        ({"tags_not": {"run": None}}, "value of tags_not is None"),
        ({"tags": {f"t{n}": None for n in range(101)}}, "number of tags to filter by is 101"),
        ({"tags": {f"{n:02}": "ü" * 200 for n in range(5)}}, "once encoded, is 6019, but .* to 5000"),
        (
            {"tags": {"a": None}, "select": ["labels"]},
            "select has 'labels', but only metrics, tags, customInfo",
        ),
        ({"tags": {"a": None}, "top": 10_001}, "top is 10001, but must be from 1 to 10000"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_limit(arguments, complaint):
    """The limits of the query are told before anything is sent."""
    with pytest.raises(ValueError, match=complaint):
        metrics.query(**arguments)


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"metrics": [_loss(1)] * 1001}, "number of metrics is 1001, but must be from 0 to 1000"),
        ({"tags": {f"t{n}": "x" for n in range(101)}}, "number of tags is 101"),
        ({"tags": {"t": "x" * 257}}, "value of tag has 257 characters, but AI Core takes at most 256"),
        ({"custom_info": {f"c{n}": "x" for n in range(101)}}, "number of custom_info is 101"),
        ({"custom_info": {"c": ""}}, "value of custom_info is empty"),
        ({"custom_info": {"c": [1]}}, "value of custom_info is .1. of type list, but text is needed"),
        (
            {"custom_info": {"a": "ü" * 1_500_000, "b": "ü" * 1_000_001}},
            "bytes in the values of custom_info is 5000002, but must be from 0 to 5000000",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_over_a_limit_is_refused_with_the_limit(parts, complaint):
    """The limits of one request are told before anything is sent."""
    with pytest.raises(ValueError, match=complaint):
        metrics.modify("e0001", **parts)


def test_more_than_an_execution_keeps_is_refused_with_the_limits(client, start):
    """AI Core counts what is there already; its refusal comes with what the limits are."""
    execution_id = start()
    client.send(metrics.modify(execution_id, metrics=[_loss(1)] * 600))

    with pytest.raises(APIStatusError, match=r"keeps at most 1000 metrics, 100 tags.* 5 MB") as error:
        client.send(metrics.modify(execution_id, metrics=[_loss(1)] * 401))
    assert error.value.status_code == 413


@pytest.mark.parametrize(
    ("points", "last"),
    [
        pytest.param([(5, 2, None), (6, 1, None)], 5, id="highest step"),
        pytest.param([(5, 1, "00:02"), (6, 1, "00:01")], 5, id="latest of a step"),
        pytest.param([(5, 1, "00:02"), (6, 1, None)], 5, id="a time is later than none"),
        pytest.param([(5, 1, "00:01"), (6, 1, "00:01")], 6, id="as written"),
        pytest.param([(5, None, None), (6, None, None)], 6, id="without steps"),
        pytest.param([(5, 1, None), (6, None, None)], 5, id="no step is step 0"),
    ],
)
def test_the_last_value_is_of_the_highest_step_and_the_latest_time(points, last):
    """Equal steps go by time, and equal times by the order in which they were written."""
    zone = iter(["Z", "", "+00:00"])  # A time without a zone is taken for UTC.
    written = [
        _loss(value, step=step, timestamp=minute and f"2026-01-01T{minute}:00{next(zone)}")
        for value, step, minute in points
    ]

    resource = ExecutionMetrics.model_validate({"executionId": "e0001", "metrics": written})

    assert metrics.last_values(resource) == {"loss": last}
