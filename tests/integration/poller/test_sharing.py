"""Who shares a poll, what it takes, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re

import pytest

from airflow_provider_aicore.api import ExecutionStatus
from airflow_provider_aicore.emulator import Progress, Step
from airflow_provider_aicore.poller import Wait, until_ended
from airflow_provider_aicore.poller.doors import Doors
from tests import turned_loop
from tests.together import RUNNING

COMPLETED = ExecutionStatus.COMPLETED


@pytest.mark.parametrize(
    "how",
    [
        {"interval": 0.5},
        {"interval": float("nan")},
        {"error_budget": -1},
        {"first_look_after": -1},
        {"expected_duration": -5},
        {"requests_per_minute": 0},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(together, how):
    """A bad duration or budget is an error of this wait; nothing is connected."""

    async def main():
        with pytest.raises(ValueError, match=next(iter(how))):
            await together.wait("e0123456789abcde", **how)

    together.run(main())
    assert not together.clients


def test_a_bad_id_is_refused_before_anything_is_asked(together):
    """It would lead to another path."""

    async def main():
        with pytest.raises(ValueError, match="execution_id"):
            await together.wait("../../admin")

    together.run(main())
    assert not together.clients


def test_one_connection_and_one_client_serve_all(together):
    """The connection is looked up once, however many wait."""
    together.wait_for_all(together.start(Progress.by_clock(), 20))

    assert len(together.clients) == 1


def test_two_connections_to_the_same_share_a_poll(together):
    """Endpoint, client id and resource group decide, not what a connection is called."""
    ids = together.start(Progress.by_clock(), 10)

    async def main():
        connect = lambda: together.connect("default")  # noqa: E731
        waits = [
            together.wait(each, connection=number % 2, connect=connect) for number, each in enumerate(ids)
        ]
        return await asyncio.gather(*waits)

    assert {each.status for each in together.run(main())} == {COMPLETED}
    assert together.requests()["token"] == 1


def test_resource_groups_are_kept_apart(together):
    """Each has its own poll and asks with its own header."""
    here, there = together.start(Progress.by_clock()), together.start(Progress.by_clock(), group="team-a")

    async def main():
        return await asyncio.gather(together.wait(*here), together.wait(*there, connection="team-a"))

    assert [each.id for each in together.run(main())] == here + there


def test_a_cancelled_wait_leaves_the_others_alone(together):
    """A triggerer cancels a trigger; what it looked at is no longer looked at, the rest is."""
    cancelled, *others = together.start(Progress.by_clock(running=300), 3)

    async def main():
        task = asyncio.create_task(together.wait(cancelled))
        rest = asyncio.gather(*map(together.wait, others))
        await asyncio.sleep(100)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        together.asked.clear()
        return await rest

    assert {each.status for each in together.run(main())} == {COMPLETED}
    assert not together.requests(cancelled)


@pytest.mark.parametrize("seconds", [0, 0.5, 5.5, 70])
def test_whenever_all_are_cancelled_nothing_stays(together, seconds):
    """While the connection is looked up, before the first look and later: no task, no client is left."""
    ids = together.start(RUNNING, 10)

    async def connect():
        await asyncio.sleep(0.2)
        return await together.connect()

    async def main():
        tasks = [
            asyncio.create_task(together.wait(each, connect=connect, first_look_after=5)) for each in ids
        ]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    together.run(main())


def test_a_wait_that_comes_when_the_last_one_leaves_is_served(together):
    """The poll that ends takes nobody with it."""
    first, second = together.start(Progress.by_clock(running=100), 2)

    async def main():
        task = asyncio.create_task(together.wait(first))
        await asyncio.sleep(60)
        task.cancel()
        await asyncio.wait([task])
        return await together.wait(second)

    assert together.run(main()).status is COMPLETED
    assert len(together.clients) == 2


def test_a_connection_found_when_the_last_wait_of_its_group_leaves_is_served(together):
    """What comes by another name is not sent to a poll that has just ended."""
    first, second = together.start(Progress.by_clock(running=100), 2)

    async def main():
        found = asyncio.Event()

        async def connect():
            await found.wait()
            return await together.connect()

        leaving = asyncio.create_task(together.wait(first))
        coming = asyncio.create_task(
            together.wait(second, connection="by another name", connect=connect, seconds=300)
        )
        await asyncio.sleep(60)
        found.set()
        leaving.cancel()
        return await coming

    assert together.run(main()).status is COMPLETED


def test_each_event_loop_has_its_own(together):
    """`dag.test()` runs each trigger in a loop of its own; of loops that were closed nothing is kept."""
    for _ in range(3):
        (ended,) = together.wait_for_all(together.start(Progress.by_clock()))
        assert ended.status is COMPLETED

    async def main():
        Doors.of_this_loop()
        return len(Doors._of_loops)

    assert turned_loop.run(main(), together.clock) == 1


def test_each_wait_speaks_in_its_own_context(together):
    """Airflow sends a line to the log of the trigger in whose context it was written."""
    who = contextvars.ContextVar("who", default="nobody")
    lines: set[tuple[str, str]] = set()

    class Log(logging.Handler):
        def emit(self, record):
            lines.add((who.get(), record.args[1]))

    log = logging.getLogger("in its own context")
    log.setLevel("INFO")
    log.addHandler(Log())
    ids = together.start(Progress.by_clock(), 10)

    async def wait(execution_id):
        who.set(execution_id)
        await together.wait(execution_id, log=log)

    async def main():
        await asyncio.gather(*map(wait, ids))

    together.run(main())
    assert lines == {(each, each) for each in ids}


def in_general(message):
    """Leave id and seconds out of a line."""
    return re.sub(r"e[0-9a-f]{15}|\d+ s", "…", message)


def test_it_says_what_a_wait_says_that_looks_for_itself(together, client, clock, retry, caplog):
    """A line per change with the message, a heartbeat, and the same words."""
    caplog.set_level("INFO", logger="wait")
    way = Progress(
        (Step("RUNNING", after_seconds=300, message="busy"), Step("COMPLETED", after_seconds=1800))
    )
    ids = together.start(way)
    client.run(until_ended(Wait(ids[0]), retry=retry, log=together.log, now=clock.now, wall=clock.now))
    alone = [in_general(message) for message in caplog.messages]
    caplog.clear()

    ids = together.start(way)
    together.wait_for_all(ids)

    assert [in_general(message) for message in caplog.messages] == alone
    assert len(alone) == 4


def test_a_poll_with_a_fault_of_its_own_leaves_nobody_waiting(together):
    """What is not AI Core's trouble but a bug is borne as long as trouble, and then raised."""
    from dataclasses import replace

    from airflow_provider_aicore.poller import EXECUTIONS

    def confused(_status):
        raise KeyError("a bug")

    ended = together.wait_for_all(
        together.start(RUNNING, 3), kind=replace(EXECUTIONS, has_ended=confused), error_budget=120
    )

    assert {type(each) for each in ended} == {KeyError}
