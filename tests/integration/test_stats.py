"""What Airflow's metrics are told."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
from airflow.providers.common.compat import sdk

from airflow_provider_aicore.emulator import Progress, Step, server_error
from airflow_provider_aicore.exceptions import AICoreExecutionFailed
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from tests.deferral import first_event

OF_TEXT_CLF = {"resource_group": "default", "scenario_id": "text-clf", "executable_id": "text-clf-train"}


@pytest.fixture
def told(monkeypatch):
    """Return what was told, in place of a StatsD server."""
    told = []

    class Stats:
        @staticmethod
        def incr(stat, count=1, *, tags=None):
            told.append((stat, count, tags))

        @staticmethod
        def timing(stat, dt, *, tags=None):
            told.append((stat, dt, tags))

    monkeypatch.setattr(sdk, "Stats", Stats, raising=False)
    return told


def _operator():
    return AICoreRunExecutableOperator(
        task_id="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
        deferrable=False,
    )


def test_a_task_tells_how_long_its_execution_took_and_how_it_ended(connection, context, network, told):
    """The time in the queue is that from its creation until it ran."""
    network.script("text-clf-train", Progress.by_clock(unknown=5, pending=15, running=40))

    _operator().execute(context)

    assert told == [
        ("aicore.execution.queue_time", timedelta(seconds=20), OF_TEXT_CLF),
        ("aicore.execution.run_time", timedelta(seconds=40), OF_TEXT_CLF),
        ("aicore.execution.outcome.completed", 1, OF_TEXT_CLF),
    ]


def test_a_failure_is_an_outcome(connection, context, network, told):
    """Without ever having run it has no times."""
    network.script("text-clf-train", Progress((Step("DEAD"),)))

    with pytest.raises(AICoreExecutionFailed):
        _operator().execute(context)

    assert told == [("aicore.execution.outcome.dead", 1, OF_TEXT_CLF)]


def test_an_execution_that_is_taken_over_is_a_duplicate_prevented(connection, context, network, told):
    """A retry would have started another one."""
    network.script("text-clf-train", Progress.at_once("COMPLETED"))
    _operator().execute(context)
    assert "aicore.duplicates_prevented" not in [name for name, _, _ in told]

    again = copy.copy(context["ti"])
    again.try_number = 2
    _operator().execute({**context, "ti": again})

    assert ("aicore.duplicates_prevented", 1, {"resource_group": "default"}) in told


def test_a_triggerer_tells_of_its_requests(configuration_id, client_for_looking, network, told):
    """Bad answers are told apart; what asks for tokens is none of them."""
    from airflow_provider_aicore.api import executions

    network.script("text-clf-train", Progress.at_once("COMPLETED"))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    network.faults.add(server_error(), path=f"/lm/executions/{execution_id}", times=1)

    first_event({"execution_id": execution_id})

    assert {name for name, _, _ in told} == {"aicore.poll.requests"}
    tags = [tags for _, _, tags in told]
    assert tags[0] == {"method": "GET", "status": "500"}
    assert tags[-1] == {"method": "GET", "status": "200"}


def test_metrics_that_are_not_taken_fail_nothing(connection, context, network, monkeypatch):
    """A bad name of a host of StatsD is no reason to lose an execution."""

    class Stats:
        def __getattr__(self, name):
            raise OSError("no such host")

    monkeypatch.setattr(sdk, "Stats", Stats(), raising=False)
    network.script("text-clf-train", Progress.at_once("COMPLETED"))

    assert _operator().execute(context)["status"] == "COMPLETED"
