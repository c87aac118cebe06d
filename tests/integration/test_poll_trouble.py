"""A wait ends as the execution did, whatever goes wrong in looking and whatever way its status takes."""

from __future__ import annotations

import random

import pytest

from airflow_provider_aicore.emulator import (
    Progress,
    RetryAfterDate,
    SlowAnswer,
    Step,
    credentials_refused,
    token_refused,
)
from airflow_provider_aicore.exceptions import (
    AICoreExecutionFailed,
    AICoreExecutionStopped,
    AICoreUnreachable,
)
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from tests.deferral import run_to_the_end
from tests.outage import FAULTS, LOOK, TEN_MINUTES, TOKEN, Outage, as_gateways_do

ENDS = ("COMPLETED", "DEAD", "STOPPED")
STATUSES = ("UNKNOWN", "PENDING", "RUNNING", "STOPPING", "HIBERNATING", "running", "")


@pytest.fixture(params=[False, True], ids=["blocking", "deferrable"])
def run(request, connection, context):
    """Return a function that runs an execution to its end, and returns its status."""

    def run():
        operator = AICoreRunExecutableOperator(
            task_id="train",
            scenario_id="text-clf",
            executable_id="text-clf-train",
            parameters={"learning-rate": 0.1},
            deferrable=request.param,
        )
        return run_to_the_end(operator, context)["status"]

    return run


@pytest.mark.parametrize("kind", FAULTS)
@as_gateways_do
def test_ten_minutes_of_any_trouble_change_no_outcome(run, network, clock, kind):
    """The execution has COMPLETED meanwhile, and so has the task."""
    network.script("text-clf-train", Progress.by_clock(running=300))
    outage = Outage(network, clock, TEN_MINUTES)
    for path, fault in FAULTS[kind].items():
        outage.strike(path, fault)
    begin = clock.time

    assert run() == "COMPLETED"
    assert clock.time >= begin + (345 if kind == "slow answers" else TEN_MINUTES)


@pytest.mark.parametrize("seed", range(8))
@as_gateways_do
def test_ten_minutes_of_all_trouble_at_random_change_no_outcome(run, network, clock, seed):
    """The task ends as the execution has: COMPLETED, DEAD or STOPPED."""
    draw = random.Random(seed)
    end = draw.choice(ENDS)
    network.script("text-clf-train", Progress.by_clock(running=draw.uniform(0, 1200), outcome=end))
    outage = Outage(network, clock, TEN_MINUTES, draw)
    looks = [faults[LOOK] for faults in FAULTS.values()]
    tokens = [faults[TOKEN] for faults in FAULTS.values() if TOKEN in faults]
    outage.strike(LOOK, *looks, RetryAfterDate(90, clock.now))
    outage.strike(TOKEN, *tokens, SlowAnswer(0))

    assert _outcome(run) == end


@pytest.mark.parametrize("kind", ["503", "timeouts in answering", "tokens refused", "no identity service"])
@as_gateways_do
def test_trouble_beyond_the_budget_is_told_and_stops_nothing(run, network, context, clock, kind):
    """The execution lives, and the error says so; the next try takes it."""
    network.script("text-clf-train", Progress.by_clock(running=7000))
    outage = Outage(network, clock, 7200)
    for path, fault in FAULTS[kind].items():
        outage.strike(path, fault)
    begin = clock.time

    with pytest.raises(AICoreUnreachable, match="lives on as far as is known, and nothing was stopped"):
        run()

    assert 1800 <= clock.time - begin <= 2400
    (execution_id,) = network.statuses()
    assert network.statuses() == {execution_id: "RUNNING"}
    assert not [request for request in network.requests if request.method in {"PATCH", "DELETE"}]

    network.faults.clear()
    context["ti"].try_number = 2
    assert run() == "COMPLETED"
    assert list(network.statuses()) == [execution_id]


def test_refused_credentials_end_the_wait_early(run, network, clock):
    """Nobody mends them by waiting; the execution lives on."""
    network.script("text-clf-train", Progress.stuck("RUNNING"))
    outage = Outage(network, clock, 7200)
    outage.strike(LOOK, token_refused())
    outage.strike(TOKEN, credentials_refused())
    begin = clock.time

    with pytest.raises(AICoreUnreachable, match="Connection 'aicore_default': No token for client"):
        run()

    assert clock.time - begin < 60
    assert set(network.statuses().values()) == {"RUNNING"}


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.not_as_described("statuses of the future")
def test_whatever_way_a_status_takes_the_end_counts(run, network, seed):
    """Repeated, skipped, backward and unknown statuses are no outcome, and the last one always is."""
    draw = random.Random(seed)
    end = draw.choice(ENDS)
    way = draw.choices(STATUSES, k=draw.randrange(9))
    steps = [Step(status, after_seconds=draw.choice((0, 1, 45, 600))) for status in (*way, end)]
    network.script("text-clf-train", Progress(tuple(steps)))

    assert _outcome(run) == end


def _outcome(run):
    """Return how the task says that its execution has ended."""
    try:
        return run()
    except AICoreExecutionStopped:
        return "STOPPED"
    except AICoreExecutionFailed:
        return "DEAD"
