"""Whether a trigger ends its execution when Airflow says that its task was killed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.emulator import Answer, Progress
from airflow_provider_aicore.triggers import aicore
from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger
from tests import turned_loop

DEFERRED = {"manual__2026": {"train": "deferred"}}


class AirflowServer:
    """What Airflow's server says about tasks: states by run and name, and the ids of their executions."""

    def __init__(self):
        self.states = {}
        self.owners = {}
        self.questions = []

    def get_task_states(self, *, dag_id, task_ids, run_ids):
        self.questions.append((dag_id, tuple(task_ids), frozenset(run_ids)))
        states = self.states.pop(0) if isinstance(self.states, list) else self.states
        if callable(states):
            states = states()
        return {run_id: states[run_id] for run_id in run_ids if run_id in states}

    def get_xcom(self, *, key, dag_id, run_id, task_id, map_index):
        assert (key, dag_id, task_id) == ("execution_id", "training", "train")
        return self.owners.get((run_id, map_index))


@pytest.fixture
def server(monkeypatch):
    """Stand in for Airflow's server, which triggers reach through their supervisor."""
    server = AirflowServer()
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", server.get_task_states)
    monkeypatch.setattr("airflow.sdk.execution_time.xcom.XCom.get_one", server.get_xcom)
    return server


@pytest.fixture
def start(configuration_id, network, client_for_looking):
    """Return a function that starts an execution, which runs for long, and makes the trigger for it."""
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=1e6))

    def start(*, map_index=-1, stop_on_kill=True, run_id="manual__2026"):
        execution_id = client_for_looking.send(executions.create(configuration_id)).id
        trigger = AICoreExecutionTrigger(execution_id=execution_id, stop_on_kill=stop_on_kill)
        ti: Any = SimpleNamespace(dag_id="training", run_id=run_id, task_id="train", map_index=map_index)
        trigger.task_instance = ti
        return trigger

    return start


@pytest.fixture
def targets(client_for_looking):
    """Return a function that says what executions are to become."""

    def targets(*triggers):
        listed = {each.id: each.target_status for each in client_for_looking.send(executions.query())}
        return [listed[trigger.execution_id] for trigger in triggers]

    return targets


def _changes(network):
    return [request for request in network.requests if request.method in {"PATCH", "DELETE"}]


def _kill(*triggers):
    async def kill():
        await asyncio.gather(*(trigger.on_kill() for trigger in triggers))

    asyncio.run(kill())


@pytest.mark.parametrize(
    "states",
    [
        {"manual__2026": {"train": state}}
        for state in ("success", "failed", "skipped", "removed", "restarting")
    ]
    + [{"manual__2026": {}}, {}],
    ids=["success", "failed", "skipped", "removed", "restarting", "no task", "no run"],
)
def test_the_execution_of_a_task_that_is_over_is_stopped(start, server, targets, states):
    """Marked as anything, timed out with its run, or deleted."""
    trigger = start()
    server.states = states

    _kill(trigger)

    assert targets(trigger) == ["STOPPED"]


@pytest.mark.parametrize("owner", [None, "mine"])
def test_a_task_that_is_still_deferred_keeps_its_execution(start, server, targets, network, owner):
    """Airflow calls this for a trigger that another triggerer has taken over, too."""
    trigger = start()
    server.states = DEFERRED
    server.owners["manual__2026", -1] = trigger.execution_id if owner else None

    _kill(trigger)

    assert _changes(network) == []


def test_the_execution_of_an_earlier_try_is_stopped(start, server, targets):
    """A cleared task may wait for its next execution before the trigger hears of it."""
    earlier, present = start(), start()
    server.states = DEFERRED
    server.owners["manual__2026", -1] = present.execution_id

    _kill(earlier)

    assert targets(earlier, present) == ["STOPPED", "COMPLETED"]


def test_no_answer_of_airflow_stops_nothing(start, server, network):
    """A triggerer that ends gets no answer, and must not take the executions with it."""
    trigger = start()

    def gone():
        raise RuntimeError("the supervisor is gone")

    server.states = [gone]

    _kill(trigger)

    assert _changes(network) == []


def test_a_cleared_task_is_looked_at_until_it_has_begun_again(start, server, targets, clock):
    """What it owns is known only then."""
    earlier, present = start(), start()
    cleared = [{"manual__2026": {"train": state}} for state in (None, "scheduled", "queued", "running")]

    def begin_again():
        server.owners["manual__2026", -1] = present.execution_id
        return DEFERRED

    server.states = [*cleared, begin_again]

    _kill(earlier)

    assert targets(earlier, present) == ["STOPPED", "COMPLETED"]


def test_a_cleared_task_that_does_not_begin_in_time_is_left_to_its_next_try(start, server, clock, network):
    """All of it takes no more than its 20 s."""
    trigger = start()
    server.states = {"manual__2026": {"train": None}}
    begin = clock.now()

    _kill(trigger)

    assert _changes(network) == []
    assert 15 <= clock.now() - begin <= 20


def test_mapped_tasks_are_told_apart(start, server, targets):
    """Each has a state of its own."""
    killed, waiting = start(map_index=1), start(map_index=11)
    server.states = {"manual__2026": {"train_1": "failed", "train_11": "deferred"}}

    _kill(killed, waiting)

    assert targets(killed, waiting) == ["STOPPED", "COMPLETED"]


def test_many_are_killed_with_few_requests(start, server, targets, network):
    """One question to Airflow, one token, and a request for each hundred executions."""
    triggers = [start(map_index=index) for index in range(200)]
    server.states = {"manual__2026": {f"train_{index}": "failed" for index in range(200)}}
    network.requests.clear()

    _kill(*triggers)

    paths = [request.path for request in network.requests]
    assert paths == ["/oauth/token", "/v2/lm/meta", "/v2/lm/executions", "/v2/lm/executions"]
    assert len(server.questions) == 1
    assert set(targets(*triggers)) == {"STOPPED"}


def test_it_is_finished_though_airflow_cancels_it_again_and_again(start, server, targets):
    """The triggerer cancels a trigger every second until it has ended."""
    trigger = start()
    server.states = {"manual__2026": {"train": "failed"}}

    async def kill():
        ending = asyncio.ensure_future(trigger.on_kill())
        while not ending.done():
            await asyncio.sleep(0)
            ending.cancel()
        await ending

    asyncio.run(kill())

    assert targets(trigger) == ["STOPPED"]


def test_a_trigger_that_owns_nothing_stops_nothing(start, server, network):
    """A sensor's, or one that an older version has stored; Airflow is not even asked."""
    trigger = start(stop_on_kill=False)
    server.states = {"manual__2026": {"train": "failed"}}

    _kill(trigger)

    assert _changes(network) == []
    assert server.questions == []


def test_a_stop_that_fails_is_told_in_the_task_s_log(start, server, network, capsys):
    """With the execution, the reason and what to do."""
    trigger = start()
    server.states = {"manual__2026": {"train": "failed"}}
    network.faults.add(Answer(403, "RBAC: access denied"), path="/lm/", times=None)

    _kill(trigger)

    said = capsys.readouterr().out
    assert trigger.execution_id in said
    assert "403" in said
    assert "AICoreStopExecutionOperator" in said


@pytest.mark.parametrize(("core_calls_on_kill", "target"), [(False, "STOPPED"), (True, "COMPLETED")])
def test_before_airflow_3_3_a_cancelled_trigger_asks_by_itself(
    start, server, targets, monkeypatch, core_calls_on_kill, target
):
    """There a trigger is only cancelled; a newer Airflow says whether it was for the user's sake."""
    monkeypatch.setattr(aicore, "CORE_CALLS_ON_KILL", core_calls_on_kill)
    trigger = start()
    server.states = {"manual__2026": {"train": "failed"}}

    async def cancel():
        waiting = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.sleep(10)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        assert waiting.cancelled()

    turned_loop.run(cancel())

    assert targets(trigger) == [target]


def test_the_event_loop_is_not_blocked_by_questions(start, server):
    """Airflow takes long to answer, so that it is asked in a thread."""
    threads = []

    def answer():
        threads.append(threading.current_thread())
        return DEFERRED

    server.states = [answer]

    _kill(start())

    assert threads != [threading.current_thread()]
