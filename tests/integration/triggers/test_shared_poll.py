"""Many triggers in one triggerer: what they share, and that they leave the others their turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.connection import get_async_connection

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.lifecycle import LIVE
from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.triggers.aicore import (
    AICoreExecutionEventTrigger,
    AICoreExecutionTrigger,
    AICoreScheduledExecutionTrigger,
)
from tests import turned_loop

MANY = 50
WAYS_TO_END = 3


@pytest.fixture
def start(configuration_id, network, client_for_looking):
    """Return a function that starts many executions and forgets the requests for that."""

    def start(progress):
        network.script("text-clf-train", progress)
        ids = [client_for_looking.send(executions.create(configuration_id)).id for _ in range(MANY)]
        network.requests.clear()
        return ids

    return start


async def _events(ids, **arguments):
    """Run triggers at the same time and give their events."""

    async def event(execution_id):
        trigger = AICoreExecutionTrigger(execution_id=execution_id, **arguments)
        return [event.payload async for event in trigger.run()]

    return [payload for payloads in await asyncio.gather(*map(event, ids)) for payload in payloads]


def test_many_triggers_cost_one_look_up_one_token_and_a_list_per_interval(start, network, monkeypatch):
    """Of the same connection and resource group; fifty that end together take a list for each way to end."""
    ids = start(Progress.by_clock(unknown=0, pending=0, running=3600))
    look_ups = []

    async def look_up(conn_id):
        look_ups.append(conn_id)
        return await get_async_connection(conn_id)

    monkeypatch.setattr("airflow_provider_aicore.hooks.aicore.get_async_connection", look_up)
    # So that the intervals alone say when to look.
    monkeypatch.setenv("AIRFLOW__AICORE__POLL_REQUESTS_PER_MINUTE", "0.001")

    events = turned_loop.run(_events(ids, poll_interval=60.0))

    assert [event["execution_id"] for event in events] == ids
    assert {(event["outcome"], event["status"]) for event in events} == {("ended", "COMPLETED")}
    asked = Counter(request.path for request in network.requests)
    assert look_ups == ["aicore_default"]
    assert asked.pop("/oauth/token") == 1
    # A list is one request for each status that is live; intervals are up to a twentieth shorter.
    assert 60 <= (asked.pop("/v2/lm/executions") - WAYS_TO_END) / len(LIVE) <= 65
    assert not asked


def test_what_lists_alone_have_shown_is_no_reason_to_give_an_execution_up(start):
    """They do not say whether it has started, so that only the deadline counts."""
    ids = start(Progress.stuck("PENDING"))
    deadline = (datetime.now(UTC) + timedelta(seconds=100)).isoformat()

    events = turned_loop.run(_events(ids, deadline_at=deadline, pending_timeout=7200.0))

    assert {(event["outcome"], event["status"]) for event in events} == {("deadline", "PENDING")}


async def _ended_executions(seconds, number, **arguments):
    """Run watchers at the same time for so many seconds, and give the ids that each has told."""

    async def watch(index):
        told = []
        trigger = AICoreExecutionEventTrigger(
            executions_per_event=MANY, event_interval=10 + index, **arguments
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for event in trigger.run():
                    told += [one["id"] for one in event.payload["executions"]]
        return told

    return await asyncio.gather(*map(watch, range(number)))


def test_many_watchers_cost_one_look_up_one_token_and_a_list_per_interval(start, network):
    """Of the same connection, resource group and filter, whenever each of them has begun."""

    async def main():
        first = asyncio.create_task(_ended_executions(3600, 5))
        await asyncio.sleep(25)
        return await first + await _ended_executions(1800, 5)

    network.requests.clear()
    turned_loop.run(main())

    asked = Counter(request.path for request in network.requests)
    assert asked["/oauth/token"] == 2  # Those that begin when all others have ended need one of their own.
    assert 90 <= asked["/v2/lm/executions"] <= 93


async def _scheduled(schedule_id, since):
    """Wait for what a schedule starts next, many times at once."""

    async def event():
        trigger = AICoreScheduledExecutionTrigger(
            execution_schedule_id=schedule_id, pick="next", since=since.isoformat()
        )
        return [event.payload async for event in trigger.run()]

    return [
        payload for payloads in await asyncio.gather(*(event() for _ in range(MANY))) for payload in payloads
    ]


@pytest.fixture
def schedule_id(configuration_id, api):
    """Return an execution schedule with a tick each hour."""
    body = {"name": "hourly", "cron": "0 * * * *", "configurationId": configuration_id}
    return api.post("/executionSchedules", json=body).raise_for_status().json()["id"]


def test_many_that_look_for_the_same_share_what_they_read(schedule_id, network, clock):
    """The schedule and the list of its executions are read twice in an interval at most, for all."""
    clock.move(55 * 60)  # The tick is five minutes away.
    network.requests.clear()

    events = turned_loop.run(_scheduled(schedule_id, datetime.fromtimestamp(clock.time, UTC)))

    assert len({event["execution_id"] for event in events}) == 1
    reads = Counter(
        request.path
        for request in network.requests
        if "executionSchedules" in request.path or "executionScheduleId" in request.query
    )
    assert len(reads) == 2, reads
    # In a quarter of an hour each of the fifty looks thirty times.
    assert max(reads.values()) <= 2 * 30


def test_no_step_of_a_wait_blocks_the_others(start, run_watched):
    """Airflow runs all triggers of a triggerer in one event loop."""
    ten_minutes = Progress.by_clock(unknown=10, pending=10, running=600)

    events, slow = run_watched(lambda: _events(start(ten_minutes)))

    assert {event["outcome"] for event in events} == {"ended"}
    assert slow == []


def test_no_step_of_a_wait_for_a_schedule_blocks_the_others(schedule_id, clock, run_watched):
    """Nor while they look for what is not there yet."""

    def look():
        clock.move(55 * 60 - clock.time % 3600)  # The tick is five minutes away.
        return _scheduled(schedule_id, datetime.fromtimestamp(clock.time, UTC))

    events, slow = run_watched(look)

    assert [event["outcome"] for event in events] == ["ended"] * MANY
    assert slow == []


def test_no_step_of_a_watcher_blocks_the_others(start, run_watched):
    """Nor while many executions are told at once."""
    ids: list[str] = []

    def watch():
        ids[:] = start(Progress.by_clock(unknown=10, pending=10, running=600))
        return _ended_executions(900, 10)

    told, slow = run_watched(watch)

    assert [sorted(each) for each in told] == [sorted(ids)] * 10
    assert slow == []
