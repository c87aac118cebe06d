"""Waiting: what ends it, what is waited out, and what it says."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_aicore.api import (
    APIStatusError,
    AuthenticationError,
    ExecutionStatus,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    configurations,
    executions,
)
from airflow_provider_aicore.emulator import (
    Answer,
    ConnectionLost,
    MalformedJson,
    Progress,
    Step,
    credentials_refused,
    token_refused,
    too_many_requests,
    unavailable,
)
from airflow_provider_aicore.poller import Wait, until_ended

log = logging.getLogger("wait")


@pytest.fixture
def start(client, emulator):
    """Return a starter of executions that move in the given way."""
    configuration = configurations.create(
        name="a name",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )

    def start(progress):
        emulator.script("text-clf-train", progress)
        return client.send(executions.create(client.send(configuration).id)).id

    return start


@pytest.fixture
def wait(client, clock, retry):
    """Return a function that waits by the turned clock."""

    def wait(execution_id, **options):
        flow = until_ended(Wait(execution_id, **options), retry=retry, log=log, now=clock.now, wall=clock.now)
        return client.run(flow)

    return wait


@pytest.mark.parametrize("end", ["COMPLETED", "DEAD", "STOPPED"])
def test_a_wait_ends_with_each_terminal_status(start, wait, end):
    """The execution comes back as it ended."""
    execution_id = start(Progress.by_clock(unknown=40, pending=100, running=100, outcome=end))

    assert wait(execution_id).status.value == end


@pytest.mark.parametrize(
    "way",
    [
        ("RUNNING", "PENDING", "RUNNING"),
        ("RUNNING", "UNKNOWN", "RUNNING"),
        ("STOPPING",),
        pytest.param(
            ("HIBERNATING", "RUNNING"), marks=pytest.mark.not_as_described("a status of the future")
        ),
        (),
    ],
    ids="-".join,
)
def test_no_other_status_ends_it(start, wait, way):
    """Steps back, skipped and unknown statuses are waited through."""
    execution_id = start(Progress.by_reads(2, "COMPLETED", through=way))

    assert wait(execution_id).status is ExecutionStatus.COMPLETED


def test_looks_are_an_interval_apart(start, wait, clock):
    """The first look comes after the given delay, the next ones at the interval."""
    execution_id = start(Progress.by_clock(unknown=10, pending=10, running=100))

    wait(execution_id, interval=30, first_look_after=5)

    assert clock.slept == [5, 30, 30, 30, 30]


def test_looks_come_closer_to_an_end_that_is_expected(start, wait, clock):
    """After a quarter of its age or of the time left until then, 5 s at least and the interval at most."""
    execution_id = start(Progress.by_clock(unknown=1, pending=1, running=998))

    wait(execution_id, interval=300, first_look_after=400, expected_duration=1000)

    assert clock.slept[:4] == pytest.approx([400, 100, 125, 93.75])
    assert min(clock.slept) >= 5
    assert sum(clock.slept) <= 1006


def test_a_server_whose_clock_is_ahead_makes_no_flood(start, client, clock, retry):
    """Its executions are taken for new ones, and age by our clock."""
    execution_id = start(Progress.by_clock(unknown=1, pending=1, running=3598))
    wait = Wait(execution_id, interval=600, expected_duration=3600)

    client.run(until_ended(wait, retry=retry, log=log, now=clock.now, wall=lambda: clock.now() - 600))

    assert len(clock.slept) < 50


def test_jitter_spreads_the_looks(start, client, clock):
    """A wait's interval is up to a tenth longer, so that many waits do not look at once."""
    from airflow_provider_aicore.api import RetryPolicy

    execution_id = start(Progress.by_clock(unknown=10, pending=10, running=100))
    client.run(until_ended(Wait(execution_id), retry=RetryPolicy(jitter=lambda: 0.5), log=log, now=clock.now))

    assert clock.slept[1] == 31.5


@pytest.mark.parametrize(
    "trouble",
    [unavailable(), ConnectionLost(), too_many_requests(), MalformedJson(), Answer(500), token_refused()],
    ids=["503", "lost", "429", "malformed", "500", "401"],
)
def test_trouble_in_looking_is_waited_out(start, wait, emulator, trouble, caplog):
    """Failed looks say nothing about the execution; each is told."""
    execution_id = start(Progress.by_clock(unknown=10, pending=10, running=200))
    emulator.faults.add(trouble, path="/lm/executions/", nth=2, times=8)

    assert wait(execution_id).status is ExecutionStatus.COMPLETED
    assert "says nothing about the execution" in caplog.text


def test_the_error_budget_ends_the_wait_with_the_last_error(start, wait, emulator, clock):
    """Without one good answer for the budget the error is given to the caller."""
    execution_id = start(Progress.stuck("RUNNING"))
    begin = clock.time
    emulator.faults.add(unavailable(), path="/lm/executions/", times=None)

    with pytest.raises(ServerError):
        wait(execution_id, interval=120, error_budget=600)

    assert 600 <= clock.time - begin <= 720


def test_one_good_answer_renews_the_error_budget(start, wait, emulator):
    """The budget counts from the last good answer, not in all."""
    execution_id = start(Progress.by_clock(unknown=1, pending=1, running=2000))
    for nth in (2, 3, 4, 5):
        emulator.faults.add(unavailable(), path="/lm/executions/", nth=nth, times=15)

    assert wait(execution_id, interval=150, error_budget=600).status is ExecutionStatus.COMPLETED


def test_retry_after_slows_the_looks(start, wait, emulator, clock):
    """A `Retry-After` longer than the interval is honoured between looks."""
    execution_id = start(Progress.by_clock(unknown=1, pending=1, running=100))
    emulator.faults.add(too_many_requests(300), path="/lm/executions/")

    wait(execution_id, interval=30)

    assert 300 in clock.slept


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Answer(403, "RBAC: access denied"), PermissionDeniedError),
        (Answer(400), APIStatusError),
    ],
    ids=["403", "400"],
)
def test_a_refusal_ends_the_wait_at_once(start, wait, emulator, clock, trouble, error):
    """Resource group and bad requests do not mend by waiting."""
    execution_id = start(Progress.stuck("RUNNING"))
    emulator.faults.add(trouble, path="/lm/executions/", times=None)

    with pytest.raises(error):
        wait(execution_id)
    assert sum(clock.slept) < 60


def test_refused_credentials_end_the_wait_at_once(start, make_client, emulator, clock, retry):
    """A token that is refused may be trouble, but a service key that gets none does not mend by waiting."""
    flow = until_ended(Wait(start(Progress.stuck("RUNNING"))), retry=retry, log=log, now=clock.now)
    emulator.faults.add(credentials_refused(), path="/oauth/token", times=None)

    with pytest.raises(AuthenticationError):
        make_client().run(flow)
    assert sum(clock.slept) < 60


@pytest.mark.parametrize("status", ["UNKNOWN", "PENDING"])
def test_an_execution_that_does_not_start_in_time_ends_the_wait(start, wait, clock, status):
    """It comes back as it is at the first look after the given time since its creation."""
    clock_at_start = clock.time
    execution_id = start(Progress.stuck(status))
    clock.sleep(100)

    assert wait(execution_id, interval=60, pending_timeout=600).status.value == status
    assert clock.time - clock_at_start == 640


@pytest.mark.parametrize("after", ["PENDING", "UNKNOWN"])
def test_an_execution_that_has_started_is_never_overdue(start, wait, after):
    """A status that goes back, or that AI Core has lost, is no reason to give up what has run."""
    steps = (
        Step("RUNNING", after_seconds=100),
        Step(after, after_seconds=200),
        Step("COMPLETED", after_seconds=1000),
    )

    assert wait(start(Progress(steps)), interval=90, pending_timeout=600).status is ExecutionStatus.COMPLETED


def test_a_404_is_believed_after_a_minute(start, wait, emulator, clock):
    """An execution that was just created may be unknown for a moment, one that stays unknown is gone."""
    begin = clock.time
    with pytest.raises(NotFoundError):
        wait("e0123456789abcde", interval=10)
    assert 60 <= clock.time - begin <= 70

    execution_id = start(Progress.by_reads(2))
    emulator.faults.add(Answer(404), path="/lm/executions/", times=4)
    assert wait(execution_id, interval=10).status is ExecutionStatus.COMPLETED


def test_a_wait_with_an_end_returns_what_it_saw_last(start, wait, clock):
    """When the time is over the caller gets the execution as it is, without one look too many."""
    execution_id = start(Progress.stuck("RUNNING"))
    begin = clock.time

    assert wait(execution_id, seconds=70).status is ExecutionStatus.RUNNING
    assert clock.time - begin == 70


def test_an_execution_that_ended_at_the_last_moment_counts(start, wait):
    """The last look is at the end of the time, not before it."""
    execution_id = start(Progress.by_clock(unknown=1, pending=1, running=67))

    assert wait(execution_id, seconds=70).status is ExecutionStatus.COMPLETED


def test_a_line_per_change_and_a_heartbeat_are_all_it_says(start, wait, caplog):
    """Two hours of waiting make a handful of lines; the end is told by whoever waited for it."""
    caplog.set_level("INFO", logger="wait")
    execution_id = start(
        Progress((Step("RUNNING", after_seconds=300, message="busy"), Step("COMPLETED", after_seconds=7200)))
    )

    wait(execution_id, interval=300)

    assert caplog.messages[0] == f"Execution {execution_id} is UNKNOWN after 0 s."
    assert caplog.messages[1] == f"Execution {execution_id} is RUNNING after 300 s (busy)."
    assert caplog.messages[-1] == f"Execution {execution_id} is RUNNING after 6900 s (busy)."
    assert len(caplog.messages) == 2 + 7200 // 600 - 1


def test_times_count_from_the_creation(start, wait, clock, caplog):
    """Whoever looks first and whenever, the line says how old the execution is."""
    caplog.set_level("INFO", logger="wait")
    execution_id = start(Progress.by_clock(unknown=1, pending=1, running=500))
    clock.sleep(400)

    wait(execution_id)

    assert caplog.messages == [f"Execution {execution_id} is RUNNING after 400 s."]


def test_a_server_whose_clock_is_ahead_gives_no_negative_time(start, client, clock, retry, caplog):
    """Clocks differ by some seconds; an execution is never younger than 0 s."""
    caplog.set_level("INFO", logger="wait")
    wait = Wait(start(Progress.by_reads(2)))

    client.run(until_ended(wait, retry=retry, log=log, now=clock.now, wall=lambda: clock.time - 3600))

    assert {message.partition(" after ")[2] for message in caplog.messages} == {"0 s."}
