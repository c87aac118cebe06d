"""Tags that a task writes for the metrics of its execution."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest
from airflow.sdk.execution_time.timeout import timeout

from airflow_provider_aicore.api import metrics
from airflow_provider_aicore.emulator import Answer, ConnectionLost, Progress, unavailable
from airflow_provider_aicore.exceptions import AICoreInvalidInput, AICoreWaitTimeout
from airflow_provider_aicore.operators.execution import (
    AICoreRunExecutableOperator,
    AICoreStartExecutionOperator,
)

TAGS = {"airflow-dag": "training", "airflow-run": "manual__2026"}


def _run_operator(**change):
    arguments = {
        "task_id": "train",
        "scenario_id": "text-clf",
        "executable_id": "text-clf-train",
        "parameters": {"learning-rate": 0.1},
        "deferrable": False,
        "metric_tags": TAGS,
    }
    return AICoreRunExecutableOperator(**{**arguments, **change})


def _tags(client, execution_id):
    found = client.run(metrics.find(execution_id, client.retry))
    return found and {tag["name"]: tag["value"] for tag in found.tags}


def test_each_operator_that_starts_writes_tags(connection, configuration_id, context, client_for_looking):
    """They are there although nobody has waited, and metrics can be found by them."""
    run = _run_operator().execute(context)
    start = AICoreStartExecutionOperator(
        task_id="start", configuration_id=configuration_id, wait_for_completion=False, metric_tags=TAGS
    ).execute(context)

    assert run["metrics"] == {}
    for result in (run, start):
        assert _tags(client_for_looking, result["id"]) == TAGS
    found = client_for_looking.run(
        metrics.find_tagged({"airflow-run": "manual__2026"}, client_for_looking.retry)
    )
    assert {one.execution_id for one in found} == {run["id"], start["id"]}


def test_without_tags_nothing_is_written(connection, context, network):
    """An execution that has no metrics gets none."""
    _run_operator(metric_tags=None).execute(context)

    assert "PATCH" not in {one.method for one in network.requests}


@pytest.mark.parametrize(
    "fault",
    [unavailable(), ConnectionLost(), Answer(403, "RBAC: access denied"), Answer(429, "later")],
    ids=["503", "lost", "403", "429"],
)
def test_tags_that_cannot_be_written_are_a_warning(connection, context, network, capfd, fault):
    """The execution goes on, is started once and waited for; the tags are tried once."""
    network.faults.add(fault, path="/lm/metrics", method="PATCH", times=None)

    assert _run_operator().execute(context)["status"] == "COMPLETED"

    assert len(network.statuses()) == 1
    assert [one.method for one in network.requests if one.path.endswith("/metrics")].count("PATCH") == 1
    assert "goes on without metric_tags" in capfd.readouterr().out


def test_a_retry_that_finds_the_execution_writes_its_tags(connection, context, network, client_for_looking):
    """The try before may have been killed between the start and the tags."""
    network.script("text-clf-train", Progress.by_clock(running=600))
    network.faults.add(unavailable(), path="/lm/metrics", method="PATCH")
    result = _run_operator().execute(context)
    assert _tags(client_for_looking, result["id"]) is None
    context["ti"].try_number = 2

    assert _run_operator().execute(context)["id"] == result["id"]
    assert _tags(client_for_looking, result["id"]) == TAGS


@pytest.mark.parametrize(
    ("tags", "complaint"),
    [
        ({"airflow-run": ""}, "value of tag is empty"),
        ({"airflow-run": "x" * 257}, "value of tag has 257 characters, but AI Core takes at most 256"),
        ({f"t{number}": "x" for number in range(101)}, "number of tags is 101"),
        ("airflow-run=1", "tags is 'airflow-run=1' of type str, but a dict is needed"),
    ],
)
def test_bad_tags_are_refused_before_anything_is_started(connection, context, network, tags, complaint):
    """They are known before the start."""
    with pytest.raises(AICoreInvalidInput, match=complaint):
        _run_operator(metric_tags=tags).execute(context)
    assert network.requests == []


class Alarm:
    """Rings in place of the answer, as Airflow's clock does for `execution_timeout`."""

    def answer(self, request, proceed):
        """Ring."""
        signal.raise_signal(signal.SIGALRM)


def test_the_alarm_while_tags_are_written_stops_the_execution(connection, context, network):
    """The task's time may be over then as well."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    network.faults.add(Alarm(), method="PATCH", path="/lm/metrics")

    with timeout(3600), pytest.raises(AICoreWaitTimeout, match="It was told to stop"):
        _run_operator(execution_timeout=timedelta(hours=1)).execute(context)

    assert set(network.statuses().values()) <= {"STOPPING", "STOPPED"}
