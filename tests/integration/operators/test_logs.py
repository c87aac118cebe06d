"""The log of an execution in the log of its task."""

from __future__ import annotations

import re
import signal
from collections import Counter
from contextlib import nullcontext
from datetime import timedelta

import pytest
from airflow.sdk.execution_time.timeout import timeout

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.emulator import Progress, unavailable
from airflow_provider_aicore.exceptions import AICoreExecutionFailed, AICoreInvalidInput
from airflow_provider_aicore.operators.execution import AICoreStartExecutionOperator
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor
from tests.deferral import run_to_the_end

SAID = ("epoch 1", "WARNING slow", "ERROR no more memory")
SHOWN = [("info", "epoch 1"), ("warning", "WARNING slow"), ("error", "ERROR no more memory")]


@pytest.fixture
def make_operator(configuration_id):
    """Return a maker of the operator."""

    def make(**change):
        return AICoreStartExecutionOperator(task_id="train", configuration_id=configuration_id, **change)

    return make


@pytest.fixture
def shown(capfd):
    """Return a function that gives what was logged of an execution's own lines, with their levels."""
    return lambda: re.findall(r"\[(\w+) *\] \S+Z \| (.*?) +\[airflow", capfd.readouterr().out)


@pytest.mark.parametrize("outcome", ["COMPLETED", "DEAD"])
def test_the_tail_is_shown_however_it_ended(make_operator, mode, context, network, shown, outcome):
    """Line by line, each at its own level, and once."""
    network.script("text-clf-train", Progress.by_clock(outcome=outcome, log=SAID))

    try:
        run_to_the_end(make_operator(deferrable=mode), context)
    except AICoreExecutionFailed:
        assert outcome == "DEAD"

    assert shown() == SHOWN


def test_as_many_lines_are_shown_as_asked_for(make_operator, context, network, shown):
    """The newest ones."""
    network.script("text-clf-train", Progress.by_clock(log=SAID))

    run_to_the_end(make_operator(log_lines=1), context)

    assert shown() == SHOWN[-1:]


def test_none_is_asked_for_none(make_operator, context, network, shown):
    """Neither shown nor read."""
    network.script("text-clf-train", Progress.by_clock(log=SAID))

    run_to_the_end(make_operator(logs="none"), context)

    assert shown() == []
    assert not [one for one in network.requests if one.path.endswith("/logs")]


def test_trouble_with_the_log_is_a_warning(make_operator, mode, context, network, capfd):
    """The execution has COMPLETED, whatever becomes of its log."""
    network.script("text-clf-train", Progress.by_clock(log=SAID))
    network.faults.add(unavailable(), path="/logs", times=99)

    assert run_to_the_end(make_operator(deferrable=mode), context)["status"] == "COMPLETED"

    (told,) = [each for each in capfd.readouterr().out.splitlines() if "could not be read" in each]
    assert "[warning  ]" in told


def test_an_execution_without_a_log_is_told(make_operator, mode, context, network, capfd):
    """Nobody looks for lines that are not there."""
    network.script("text-clf-train", Progress.by_clock())

    run_to_the_end(make_operator(deferrable=mode), context)

    assert "has no log: it printed nothing, or has never started" in capfd.readouterr().out


def test_a_sensor_shows_it_as_well(make_operator, context, network, shown):
    """Whoever waits shows it; who only starts does not."""
    network.script("text-clf-train", Progress.by_clock(log=SAID))
    execution_id = run_to_the_end(make_operator(wait_for_completion=False), context)["id"]
    assert shown() == []

    run_to_the_end(AICoreExecutionSensor(task_id="wait", execution_id=execution_id), context)

    assert shown() == SHOWN


@pytest.mark.parametrize("bad", [{"logs": "all"}, {"log_lines": 0}, {"log_lines": 1001}, {"log_lines": True}])
def test_what_cannot_be_shown_is_refused(make_operator, bad):
    """When the DAG is read, before anything starts."""
    with pytest.raises(AICoreInvalidInput):
        make_operator(**bad)


@pytest.fixture
def print_in_time(network, clock):
    """Let each execution print as the clock goes on, whatever asks for it."""

    def write(execution_id):
        begin = clock.now()
        for number in range(280):
            network.write_log(execution_id, f"epoch {number}", at=begin + 10 + number)

    return write


@pytest.mark.parametrize("outcome", ["COMPLETED", "DEAD"])
def test_live_shows_each_line_once(
    configuration_id, client_for_looking, mode, context, network, shown, print_in_time, outcome
):
    """On the worker as in the triggerer, and whoever wakes up afterwards repeats none."""
    network.script("text-clf-train", Progress.by_clock(unknown=5, running=300, outcome=outcome, log=("bye",)))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    print_in_time(execution_id)
    sensor = AICoreExecutionSensor(task_id="wait", execution_id=execution_id, logs="live", deferrable=mode)

    with nullcontext() if outcome == "COMPLETED" else pytest.raises(AICoreExecutionFailed, match="epoch 279"):
        run_to_the_end(sensor, context)

    assert [text for _, text in shown()] == [*(f"epoch {number}" for number in range(280)), "bye"]
    # Only a failure's report needs the end once more.
    again = [one for one in network.requests if one.query.get("$order") == "desc"]
    assert bool(again) == (outcome == "DEAD")


def test_live_looks_at_the_log_in_its_own_time(make_operator, context, network):
    """On a worker, too: once in a minute if it is quiet, however seldom the status is looked at."""
    # It ends before the third of the looks, which are up to a tenth further apart, and after the second.
    network.script("text-clf-train", Progress.by_clock(unknown=5, pending=0, running=2900))
    operator = make_operator(logs="live", deferrable=False, poll_interval=1000)

    run_to_the_end(operator, context)

    paths = Counter(one.path.rpartition("/")[2] for one in network.requests if one.method == "GET")
    assert 3000 / 60 <= paths["logs"] <= 3000 / 60 + 8
    assert abs(paths["metrics"] - paths["logs"]) <= 4
    assert len(network.requests) - paths["logs"] - paths["metrics"] <= 12


class AlarmAfterTheEnd:
    """Rings as Airflow's clock does for `execution_timeout`, when the log of what has ended is read."""

    def __init__(self, network):
        self._network = network

    def answer(self, request, proceed):
        """Ring at each look."""
        if set(self._network.statuses().values()) == {"COMPLETED"}:
            signal.raise_signal(signal.SIGALRM)
        return proceed(request)


def test_the_time_that_the_end_of_a_log_takes_is_not_the_execution_s(make_operator, context, network):
    """It has COMPLETED in time; Airflow's alarm while its last lines are read changes nothing."""
    network.script("text-clf-train", Progress.by_clock(log=SAID))
    network.faults.add(AlarmAfterTheEnd(network), path="/logs", times=None)
    operator = make_operator(logs="live", deferrable=False, execution_timeout=timedelta(hours=1))

    with timeout(3600):
        assert operator.execute(context)["status"] == "COMPLETED"


def test_live_shows_the_tail_of_what_had_ended(make_operator, mode, context, network, shown):
    """There was no time to show it live."""
    network.script("text-clf-train", Progress.at_once(log=SAID))

    run_to_the_end(make_operator(deferrable=mode, logs="live"), context)

    assert shown() == SHOWN
