"""A wait ends as the execution did, whatever goes wrong in looking and whatever way its status takes."""

from __future__ import annotations

import random
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aicore.emulator import (
    Answer,
    BodyCut,
    ConnectionLost,
    MalformedJson,
    NoConnection,
    Progress,
    RetryAfterDate,
    SlowAnswer,
    Step,
    credentials_refused,
    server_error,
    token_refused,
    too_many_requests,
    unavailable,
)
from airflow_provider_aicore.exceptions import (
    AICoreExecutionFailed,
    AICoreExecutionStopped,
    AICoreUnreachable,
)
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from tests.deferral import run_to_the_end

TEN_MINUTES = 600.0
ENDS = ("COMPLETED", "DEAD", "STOPPED")
STATUSES = ("UNKNOWN", "PENDING", "RUNNING", "STOPPING", "HIBERNATING", "running", "")
LOOK = r"/lm/executions/"
TOKEN = r"/oauth/token"
FAULTS: dict[str, dict[str, Any]] = {
    "refused connections": {LOOK: NoConnection()},
    "timeouts in connecting": {LOOK: NoConnection(timeout=True)},
    "timeouts in answering": {LOOK: SlowAnswer(90)},
    "slow answers": {LOOK: SlowAnswer(30)},
    "resets": {LOOK: ConnectionLost()},
    "answers cut off": {LOOK: BodyCut()},
    "429": {LOOK: too_many_requests()},
    "429 with Retry-After": {LOOK: too_many_requests(7)},
    "429 with a long Retry-After": {LOOK: too_many_requests(240)},
    "500": {LOOK: server_error()},
    "502": {LOOK: Answer(502, "Bad Gateway")},
    "503": {LOOK: unavailable()},
    "503 with Retry-After": {LOOK: Answer(503, headers={"Retry-After": "45"})},
    "504": {LOOK: Answer(504, "upstream request timeout")},
    "half a JSON": {LOOK: MalformedJson()},
    "no JSON": {LOOK: Answer(200, "<html>Sign in</html>", headers={"content-type": "text/html"})},
    "redirects": {LOOK: Answer(302, headers={"Location": "https://sso.example/login"})},
    "another JSON": {LOOK: Answer(200, json={"status": "COMPLETED"})},
    "an empty answer": {LOOK: Answer(200)},
    "tokens refused": {LOOK: token_refused()},
    "no tokens": {LOOK: token_refused(), TOKEN: unavailable()},
    "no identity service": {LOOK: token_refused(), TOKEN: NoConnection()},
    "bad tokens": {LOOK: token_refused(), TOKEN: Answer(200, json={"token_type": "bearer"})},
}


class Outage:
    """Trouble for some time of the turned clock, from the first look at an execution on.

    :param draw: draws one of several faults for each request.
    """

    def __init__(self, network, clock, seconds, draw=None):
        self._network, self._clock, self._seconds = network, clock, seconds
        self._draw = draw or random.Random(0)
        self._until = None

    def strike(self, path, *faults):
        """Strike requests with any of the faults."""
        self._network.faults.add(
            SimpleNamespace(answer=partial(self._answer, path, faults)), path=path, times=None
        )

    def _answer(self, path, faults, request, proceed):
        if self._until is None and path == LOOK:
            self._until = self._clock.time + self._seconds
        if self._until is None or self._clock.time >= self._until:
            return proceed(request)
        return self._draw.choice(faults).answer(request, proceed)


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


as_gateways_do = pytest.mark.not_as_described("gateways do not answer as AI Core does")


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

    with pytest.raises(AICoreUnreachable, match="No token for client"):
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
