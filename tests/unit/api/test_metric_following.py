"""The metrics of an execution that runs, as lines for who watches it."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_aicore.api import AICoreError, configurations, executions, metrics
from airflow_provider_aicore.api.metric_following import MetricFollower, MetricNews
from airflow_provider_aicore.api.models import ExecutionMetrics
from airflow_provider_aicore.emulator import Answer, unavailable


def _found(*points):
    """Return metrics; a point is name, value, step and perhaps labels."""
    written = [
        {"name": name, "value": value, "step": step, "labels": [{"name": k, "value": v} for k, v in labels]}
        for name, value, step, *labels in points
    ]
    return ExecutionMetrics.model_validate({"executionId": "e0001", "metrics": written})


def _told(news, *points):
    return [line.text for line in news.of(_found(*points))]


def test_what_has_changed_is_told_by_step():
    """One line for a step with all its metrics; what has not changed is not told again."""
    news = MetricNews("e0001")

    assert _told(news, ("accuracy", 0.5, 1), ("loss", 0.9, 1)) == ["step 1: accuracy 0.5, loss 0.9"]
    assert _told(news, ("accuracy", 0.5, 1), ("loss", 0.9, 1)) == []
    assert _told(news, ("accuracy", 0.5, 1), ("loss", 0.9, 1), ("loss", 1 / 3, 2)) == [
        "step 2: loss 0.333333"
    ]
    assert _told(news, ("f1", 0.7, None), ("loss", 0.2, 3), ("accuracy", 0.6, 2)) == [
        "f1 0.7",
        "step 2: accuracy 0.6",
        "step 3: loss 0.2",
    ]


def test_a_new_value_of_the_same_step_is_told_and_nan_only_once():
    """NaN is unlike itself, which is no news."""
    news = MetricNews("e0001")

    assert _told(news, ("loss", 0.9, 1)) == ["step 1: loss 0.9"]
    assert _told(news, ("loss", 0.8, 1)) == ["step 1: loss 0.8"]
    assert _told(news, ("loss", float("nan"), 2)) == ["step 2: loss nan"]
    assert _told(news, ("loss", float("nan"), 2)) == []


def test_metrics_with_different_labels_are_told_apart():
    """They are written as in a condition."""
    points = [("loss", 0.9, 1, ("split", "train")), ("loss", 0.8, 1, ("split", "test"))]

    assert _told(MetricNews("e0001"), *points) == ["step 1: loss{split=train} 0.9, loss{split=test} 0.8"]


def test_what_is_told_at_once_is_bounded():
    """Five steps, twelve values of a step, and no name that fills the log or breaks its lines."""
    assert len(_told(MetricNews("e0001"), *((f"m{n}", 1.0, n) for n in range(9)))) == 5
    (line,) = _told(MetricNews("e0001"), *((f"m{n}", 1.0, 1) for n in range(20)))
    assert line.endswith("m11 1, and 8 more")
    (line,) = _told(MetricNews("e0001"), ("x" * 256, 1.0, 1), ("a\nb", 1.0, 1))
    assert line == f"step 1: {'x' * 80}… 1, 'a\\nb' 1"


def test_trouble_is_told_once():
    """It says nothing about the execution; after a good answer it is told again."""
    news = MetricNews("e0001")
    trouble = AICoreError("no answer")

    (line,) = news.of(trouble)
    assert line == (logging.WARNING, "The metrics of execution e0001 cannot be read; trying again. no answer")
    assert news.of(trouble) == []
    assert news.of(None) == []
    assert len(news.of(trouble)) == 1


@pytest.fixture
def execution_id(client):
    """Start an execution and return its id."""
    configuration = configurations.create(
        name="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    return client.send(executions.create(client.send(configuration).id)).id


def test_a_follower_looks_more_seldom_while_nothing_is_new(client, clock, execution_id):
    """After 5 s, then every 20 s; up to every 60 s without news, and as late as AI Core asks."""
    follower = MetricFollower(execution_id, now=clock.now)

    def look():
        begun = clock.now()
        clock.move(follower.due_at - begun)
        return round(clock.now() - begun), [line.text for line in client.run(follower.read())]

    assert [look() for _ in range(4)] == [(5, []), (30, []), (45, []), (60, [])]
    client.send(metrics.modify(execution_id, metrics=[{"name": "loss", "value": 0.5, "step": 1}]))
    assert look() == (60, ["step 1: loss 0.5"])
    assert [look() for _ in range(2)] == [(20, []), (30, [])]


def test_a_follower_bears_trouble(client, clock, emulator, execution_id):
    """A log is worth less than a task: it says so once and goes on."""
    client.send(metrics.modify(execution_id, metrics=[{"name": "loss", "value": 0.5, "step": 1}]))
    follower = MetricFollower(execution_id, now=clock.now)
    emulator.faults.add(unavailable(), path="/lm/metrics")

    (warning,) = client.run(follower.read())
    assert warning.level == logging.WARNING
    emulator.faults.add(Answer(429, "slow down", headers={"Retry-After": "300"}), path="/lm/metrics")
    assert client.run(follower.read()) == []
    assert follower.due_at == clock.now() + 300
    assert [line.text for line in client.run(follower.read())] == ["step 1: loss 0.5"]
