"""The trigger: what it stores, what it fires, and that it never raises."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.emulator import Answer, Progress, credentials_refused, unavailable
from airflow_provider_aicore.triggers.aicore import (
    AICoreDeploymentTrigger,
    AICoreExecutionTrigger,
    AICoreScheduledExecutionTrigger,
)
from tests import turned_loop
from tests.deferral import first_event

SAMPLES: list[dict[str, Any]] = [
    # What each release has stored: a triggerer of a newer release must be able to load it.
    {
        "execution_id": "e42493be71676403",
        "aicore_conn_id": "aicore_default",
        "resource_group": None,
        "poll_interval": 30.0,
        "poll_error_budget": 1800.0,
        "deadline_at": None,
        "first_look_after": 5.0,
    },
    {
        "execution_id": "e42493be71676403",
        "aicore_conn_id": "aicore_default",
        "resource_group": "default",
        "poll_interval": 30.0,
        "poll_error_budget": 1800.0,
        "deadline_at": None,
        "first_look_after": 5.0,
        "stop_on_kill": True,
    },
]

SEARCH = {"since": "2027-01-15T08:00:00+00:00", "execution_schedule_id": "s1", "pick": "next"}


@pytest.fixture
def execution_id(configuration_id, network, client_for_looking):
    """Return an execution that moves by the turned clock."""
    network.script("text-clf-train", Progress.by_clock(unknown=15, pending=30, running=60))
    return client_for_looking.send(executions.create(configuration_id)).id


def _arguments(execution_id, **change):
    return {**SAMPLES[0], "execution_id": execution_id, **change}


@pytest.mark.parametrize("stored", SAMPLES, ids=["first", "0.1.0"])
def test_what_every_release_stored_can_be_loaded(stored):
    """The arguments are a wire format: fields are added with defaults, never renamed."""
    trigger = AICoreExecutionTrigger(**stored)

    classpath, arguments = trigger.serialize()
    assert classpath == "airflow_provider_aicore.triggers.aicore.AICoreExecutionTrigger"
    later = {"stop_on_kill": False, "pending_timeout": None, "logs": "none", "expected_duration": None}
    assert arguments == {**later, **stored}


def test_the_arguments_are_json_and_complete():
    """What a worker stores makes the same trigger again in the triggerer."""
    deadline = datetime.now(UTC).isoformat()
    trigger = AICoreExecutionTrigger(
        execution_id="e123",
        aicore_conn_id="other",
        resource_group="team-a",
        poll_interval=7.0,
        poll_error_budget=8.0,
        deadline_at=deadline,
        first_look_after=9.0,
        stop_on_kill=True,
        pending_timeout=10.0,
        logs="live",
        expected_duration=11.0,
    )

    _, arguments = trigger.serialize()
    again = AICoreExecutionTrigger(**json.loads(json.dumps(arguments)))

    assert again.serialize() == trigger.serialize()
    assert None not in arguments.values()


def test_an_ended_execution_fires_once_with_its_status(execution_id):
    """The event says that it ended and how, and carries nothing else."""
    assert first_event(_arguments(execution_id)) == {
        "version": 1,
        "outcome": "ended",
        "execution_id": execution_id,
        "status": "COMPLETED",
        "message": "",
        "deadline_at": None,
        "resource_group": None,
        "log_shown": False,
    }


def test_the_first_look_comes_later(execution_id, clock):
    """A task woken while its worker still exits is failed by the scheduler, so the trigger waits a little."""
    clock.move(3600)  # It has ended.
    begin = clock.now()

    first_event(_arguments(execution_id))

    assert 5 <= clock.now() - begin <= 7


def test_a_passed_deadline_fires_as_such(execution_id, network, clock):
    """The deadline comes back with the event, for whoever waits again; not while the worker still exits."""
    network.requests.clear()
    begin = clock.now()
    deadline = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()

    event = first_event(_arguments(execution_id, deadline_at=deadline))

    assert (event["outcome"], event["status"], event["deadline_at"]) == ("deadline", None, deadline)
    assert 5 <= clock.now() - begin <= 7
    assert network.requests == []


@pytest.mark.parametrize(
    "change",
    [
        {"deadline_at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()},
        {"resource_group": "no such form!"},
    ],
    ids=["deadline", "refused"],
)
@pytest.mark.usefixtures("connection")
def test_a_search_tells_nothing_while_the_worker_still_exits(clock, change):
    """Airflow's scheduler would fail the task: not even that the time is over, or the connection bad."""
    begin = clock.now()

    event = first_event({**SEARCH, **change}, AICoreScheduledExecutionTrigger)

    assert event["outcome"] in {"deadline", "refused"}
    assert 5 <= clock.now() - begin <= 7


def test_a_deadline_fires_with_the_status_that_was_seen_last(execution_id):
    """Whoever reads the event sees how far the execution had come."""
    deadline = (datetime.now(UTC) + timedelta(seconds=40)).isoformat()

    event = first_event(_arguments(execution_id, deadline_at=deadline))

    assert (event["outcome"], event["status"]) == ("deadline", "PENDING")


def test_lasting_trouble_fires_as_unreachable(execution_id, network):
    """After the error budget the worker is asked to look for itself."""
    network.faults.add(unavailable(), path="/lm/executions/", times=None)

    event = first_event(_arguments(execution_id, poll_error_budget=120.0))

    assert (event["outcome"], event["status"]) == ("unreachable", None)
    assert "503" in event["message"]


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        (credentials_refused(), "/oauth/token"),
        (Answer(403, "RBAC: access denied"), "/lm/executions/"),
        (Answer(404), "/lm/executions/"),
        (Answer(418), "/lm/executions/"),
    ],
    ids=["token", "403", "404", "418"],
)
def test_a_refusal_fires_as_refused(execution_id, network, fault, path):
    """What waiting does not mend wakes the task, with the reason."""
    network.faults.add(fault, path=path, times=None)

    event = first_event(_arguments(execution_id))

    assert event["outcome"] == "refused"
    assert path in event["message"]


def test_a_resource_group_that_does_not_exist_ends_the_wait_in_it_alone(execution_id):
    """With AI Core's refusal, and soon; a wait beside it goes on to its own end."""

    async def first_of(resource_group):
        trigger = AICoreExecutionTrigger(**_arguments(execution_id, resource_group=resource_group))
        return (await anext(trigger.run())).payload, asyncio.get_running_loop().time()

    async def both():
        return await asyncio.gather(first_of("no-such-group"), first_of("default"))

    (lost, lost_at), (good, good_at) = turned_loop.run(both())

    assert (lost["outcome"], lost["status"], lost["resource_group"]) == ("refused", None, "no-such-group")
    assert "RBAC: access denied" in lost["message"]
    assert (good["outcome"], good["status"]) == ("ended", "COMPLETED")
    assert lost_at < good_at - 60


def test_a_connection_that_cannot_be_had_says_nothing_about_the_execution(execution_id):
    """A raise would lose what the task needs to find its execution, so even this is an event."""
    event = first_event(_arguments(execution_id, aicore_conn_id="nowhere", poll_error_budget=0.0))

    assert event["outcome"] == "unreachable"
    assert "nowhere" in event["message"]


def test_a_cancelled_wait_ends_at_once_and_stops_nothing(execution_id, network):
    """A triggerer that restarts cancels its triggers; the execution goes on."""

    async def cancel():
        network.requests.clear()
        trigger = AICoreExecutionTrigger(**_arguments(execution_id))
        wait = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.sleep(10)
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await trigger.cleanup()

    turned_loop.run(cancel())

    paths = [request.path for request in network.requests]
    assert paths == ["/oauth/token", f"/v2/lm/executions/{execution_id}"]


@pytest.mark.parametrize("given", ["0", "-1", "inf", "many"])
def test_a_budget_of_requests_that_cannot_be_meant_is_refused(execution_id, network, monkeypatch, given):
    """With the name of Airflow's option, and before anything is asked."""
    monkeypatch.setenv("AIRFLOW__AICORE__POLL_REQUESTS_PER_MINUTE", given)
    network.requests.clear()

    event = first_event(_arguments(execution_id))

    assert event["outcome"] == "refused"
    assert f"[aicore] poll_requests_per_minute is '{given}'" in event["message"]
    assert network.requests == []


@pytest.mark.parametrize("poll_interval", [0.0, 0.5, -1.0, math.inf, math.nan])
@pytest.mark.parametrize(
    ("trigger_class", "waits_for"),
    [
        (AICoreExecutionTrigger, {"execution_id": "e123"}),
        (AICoreDeploymentTrigger, {"deployment_id": "d123"}),
        (AICoreScheduledExecutionTrigger, SEARCH),
    ],
)
@pytest.mark.usefixtures("connection")
def test_an_interval_without_a_pause_is_refused(network, clock, poll_interval, trigger_class, waits_for):
    """Before anything is asked, but not while the worker still exits."""
    begin = clock.now()

    event = first_event({**waits_for, "poll_interval": poll_interval}, trigger_class)

    assert event["outcome"] == "refused"
    assert f"interval is {poll_interval}" in event["message"]
    assert 5 <= clock.now() - begin <= 7
    assert network.requests == []


def test_no_secret_is_in_what_is_stored_or_fired(execution_id, network, service_key):
    """Neither arguments nor events hold the secret or a token, also after a refusal."""
    network.faults.add(credentials_refused(), path="/oauth/token", times=None)
    trigger = AICoreExecutionTrigger(**_arguments(execution_id))

    said = repr(trigger) + json.dumps(trigger.serialize()) + json.dumps(first_event(_arguments(execution_id)))

    assert service_key["clientsecret"] not in said
    assert "eyJ" not in said
