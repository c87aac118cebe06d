"""Requests that can wait, beside those who look."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from itertools import pairwise

import httpx
import pytest

from airflow_provider_aicore.api import AICoreError, executions
from airflow_provider_aicore.api.call import once
from airflow_provider_aicore.api.retry import NO_RETRY
from airflow_provider_aicore.emulator import Answer, Progress
from airflow_provider_aicore.poller import visit
from airflow_provider_aicore.poller.aside import PER_MINUTE, UNDER_WAY

SOME = Progress.by_clock(running=120)


@pytest.fixture
def ask_aside(together):
    """Return a coroutine function that asks aside, again and again for some seconds, trouble or not."""

    async def ask_aside(seconds, rank="patient"):
        begin = together.clock.now()
        async with visit(
            connection="default", connect=together.connect, log=logging.getLogger("visit")
        ) as aicore:
            while together.clock.now() < begin + seconds:
                with suppress(AICoreError):
                    await aicore.run(lambda _: once(executions.count(scenario_id=rank), NO_RETRY), aside=rank)

    return ask_aside


def _asked(together, what="$count"):
    begin = together.asked[0][0]
    return [at - begin for at, request in together.asked if what in request.url.path]


def test_there_is_a_rate_that_is_not_exceeded(together, ask_aside):
    """However many ask."""

    async def main():
        await asyncio.gather(*(ask_aside(60) for _ in range(9)))

    together.run(main())
    asked = [each for each in _asked(together) if each < 60]
    assert PER_MINUTE - 2 <= len(asked) <= PER_MINUTE + 1


def test_looks_are_made_as_if_nobody_asked_aside(together, ask_aside):
    """Young executions are still looked at early, though there are ten times as many requests of others."""

    def looks(*others):
        (execution_id,) = together.start(SOME)

        async def main():
            await asyncio.gather(together.wait(execution_id, interval=30.0), *others)

        together.asked.clear()
        together.run(main())
        return len(_asked(together, execution_id))

    alone = looks()
    assert looks(*(ask_aside(100) for _ in range(2))) == pytest.approx(alone, abs=2)


def test_who_is_in_a_hurry_comes_first(together, ask_aside):
    """Before all who came earlier, but for one."""

    async def late():
        await asyncio.sleep(10.1)
        await ask_aside(0.1, "urgent")

    async def main():
        await asyncio.gather(*(ask_aside(20) for _ in range(20)), late())

    together.run(main())
    begin = together.asked[0][0]
    (at,) = [at - begin for at, request in together.asked if "urgent" in str(request.url)]
    assert at <= 10.1 + 2 * 60 / PER_MINUTE


def test_a_429_slows_down_only_what_can_wait(together, ask_aside, emulator):
    """And `Retry-After` is kept to."""
    emulator.faults.add(Answer(429, headers={"Retry-After": "50"}), path=r"/\$count", times=1)
    (execution_id,) = together.start(SOME)

    async def main():
        await asyncio.gather(together.wait(execution_id, interval=30.0), ask_aside(100))

    together.run(main())
    first, second, *_ = _asked(together)
    assert second - first >= 50
    looks = _asked(together, execution_id)
    assert max(later - earlier for earlier, later in pairwise(looks)) <= 31


def test_slow_answers_leave_connections_to_those_who_look(together, ask_aside):
    """So many are under way at a time, at most."""
    under_way, most = 0, 0

    async def slowly(request):
        nonlocal under_way, most
        if "$count" not in request.url.path:
            return None
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(20)
        under_way -= 1
        return httpx.Response(200, text="0")

    together.instead = slowly

    async def main():
        await asyncio.gather(*(ask_aside(30) for _ in range(10)))

    together.run(main())
    assert most == UNDER_WAY


def test_less_is_asked_aside_where_ai_core_refuses_looks(together, ask_aside, emulator):
    """A quarter of the rate that is left, at most."""
    ids = together.start(SOME, 3)
    emulator.faults.add(Answer(429), path="/executions/e", times=1)

    async def main():
        await asyncio.gather(*(together.wait(each, interval=5.0) for each in ids), ask_aside(100))

    together.run(main())
    looks = len([each for each in _asked(together, "/executions/e") if each < 60])
    aside = len([each for each in _asked(together) if each < 60])
    assert aside <= looks
