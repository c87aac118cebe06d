"""The metrics of an execution in the log of its task, while it runs."""

from __future__ import annotations

import re

import pytest

from airflow_provider_aicore.emulator import Progress, unavailable
from airflow_provider_aicore.operators.execution import AICoreStartExecutionOperator
from tests.deferral import run_to_the_end
from tests.emulators import connect


class Training:
    """Writes the metrics of another step whenever somebody looks, with a pause in between."""

    def __init__(self, network):
        self._api = connect(network)
        self._network = network
        self.looks = 0

    def answer(self, request, proceed):
        """Train on, and let the request through."""
        self.looks += 1
        step = self.looks // 2
        if self.looks % 2:
            (execution_id,) = self._network.statuses()
            metrics = [{"name": "accuracy", "value": 0.5 + step / 100, "step": step}]
            body = {"executionId": execution_id, "metrics": metrics}
            self._api.patch("/metrics", json=body).raise_for_status()
        return proceed(request)


@pytest.fixture
def training(network):
    """Let each second look find something new."""
    network.script("text-clf-train", Progress.by_clock(unknown=5, pending=0, running=300))
    training = Training(network)
    network.faults.add(training, path="/lm/metrics", method="GET", times=None)
    return training


@pytest.fixture
def told(capfd):
    """Return a function that gives what was logged of metrics."""
    return lambda: re.findall(r"(step \d+: .*?) +\[airflow", capfd.readouterr().out)


@pytest.fixture
def make_operator(configuration_id):
    """Return a maker of the operator."""

    def make(**change):
        return AICoreStartExecutionOperator(task_id="train", configuration_id=configuration_id, **change)

    return make


def test_live_tells_of_metrics_that_change(make_operator, mode, context, training, told):
    """Each new step once, on a worker as in the triggerer, with one look in 20 to 60 s."""
    result = run_to_the_end(make_operator(logs="live", deferrable=mode), context)

    lines = told()
    assert lines == [f"step {step}: accuracy {0.5 + step / 100:.6g}" for step in range(len(lines))]
    assert 4 <= len(lines) <= training.looks <= 300 / 20 + 4
    assert result["metrics"]["accuracy"] >= 0.5 + (len(lines) - 1) / 100


@pytest.mark.parametrize("logs", ["tail", "none"])
def test_nobody_else_looks_at_metrics_before_the_end(make_operator, mode, context, training, told, logs):
    """It is for tasks that somebody watches."""
    run_to_the_end(make_operator(logs=logs, deferrable=mode), context)

    assert (told(), training.looks) == ([], 1)


def test_trouble_with_metrics_is_a_line_and_no_failure(make_operator, mode, context, network, capfd):
    """It is told once, however long it lasts."""
    network.script("text-clf-train", Progress.by_clock(unknown=5, pending=0, running=300))
    network.faults.add(unavailable(), path="/lm/metrics", times=None)

    result = run_to_the_end(make_operator(logs="live", deferrable=mode), context)

    assert (result["status"], result["metrics"]) == ("COMPLETED", None)
    assert capfd.readouterr().out.count("cannot be read; trying again") == 1
