"""The end of the log of an execution that has ended."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.log_tail import LATE, tail
from airflow_provider_aicore.emulator import Answer, Progress, Step


@pytest.fixture
def read(network, client_for_looking, configuration_id, clock, retry):
    """Return a function that lets an execution end, writes its log and reads its tail."""

    def read(messages=(), *, outcome="DEAD", ago=3600.0, lines=100):
        network.script("text-clf-train", Progress.at_once(outcome))
        execution_id = client_for_looking.send(executions.create(configuration_id)).id
        execution = client_for_looking.send(executions.get(execution_id))
        for number, each in enumerate(messages):
            msg, container = each if isinstance(each, tuple) else (each, "main")
            network.write_log(execution_id, msg, at=clock.now() + number / 1000, container=container)
        clock.move(ago)
        return [line.msg for line in client_for_looking.run(tail(execution, lines, retry))]

    return read


def test_the_newest_lines_come_in_their_order(read):
    """Also those of an execution that has ended more than an hour ago, AI Core's usual window."""
    assert read([f"epoch {number}" for number in range(300)], lines=3, ago=7200) == [
        "epoch 297",
        "epoch 298",
        "epoch 299",
    ]


def test_argo_s_lines_take_no_room(read):
    """They are the last, so that a short tail would be theirs alone."""
    argo_s = [(f"saved {number}", "wait") for number in range(50)]

    assert read([("epoch 1", "main"), *argo_s], lines=1) == ["epoch 1"]


@pytest.mark.parametrize(("outcome", "looks"), [("DEAD", 2), ("COMPLETED", 1)])
def test_of_what_has_just_died_late_lines_are_waited_for(read, network, clock, outcome, looks):
    """The last words matter there; a success with a log does not wait."""
    read(["epoch 1"], outcome=outcome, ago=1.0)

    asked = [one for one in network.requests if one.path.endswith("/logs")]
    assert len(asked) == looks
    assert sum(clock.slept) == pytest.approx(LATE - 1.0 if looks == 2 else 0.0)


def test_a_late_line_of_what_has_died_is_shown(read):
    """It arrives while the end of the log is waited for; AI Core's own time decides."""
    # The lines are a millisecond apart, so that the last one is written two seconds after the end.
    assert read([f"epoch {number}" for number in range(2000)], ago=0.0, lines=1) == ["epoch 1999"]


def test_a_log_that_is_not_there_yet_is_looked_for_once_more(read, clock):
    """Lines come some seconds late, but not for ever."""
    assert read([], outcome="COMPLETED", ago=0.0) == []
    assert sum(clock.slept) == pytest.approx(LATE)


def test_what_has_ended_long_ago_is_not_waited_for(read, clock):
    """No line comes any more."""
    assert read([], ago=3600.0) == []
    assert clock.slept == []


def test_trouble_takes_little_of_the_task_s_time(read, network, clock):
    """A log is asked for three times, and no long `Retry-After` is waited for."""
    network.faults.add(Answer(503, "away", headers={"Retry-After": "60"}), path="/logs", times=10)

    with pytest.raises(Exception, match="503"):
        read(["epoch 1"])
    assert sum(clock.slept) < 5


def test_what_the_runtime_does_not_know_has_no_log(read, network):
    """It says so with a 404, until it has taken the execution up."""
    error = {"error": {"code": "05011000", "message": "ExecutionNotFoundError"}}
    network.faults.add(Answer(404, json=error), path="/logs", times=2)

    assert read(["epoch 1"]) == []


def test_what_was_never_submitted_is_not_waited_for(
    network, client_for_looking, configuration_id, clock, retry
):
    """It cannot have printed anything."""
    network.script("text-clf-train", Progress((Step("DEAD"),)))
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    execution = client_for_looking.send(executions.get(execution_id))
    never = execution.model_copy(update={"submission_time": None})

    assert client_for_looking.run(tail(never, 100, retry)) == []
    assert clock.slept == []
