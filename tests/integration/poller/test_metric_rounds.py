"""The metrics of all executions that are watched in a resource group."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from airflow_provider_aicore.api import AICoreError
from airflow_provider_aicore.poller import visit
from tests.emulators import connect
from tests.together import RUNNING


def _visiting(together):
    return visit(connection="default", connect=together.connect, log=logging.getLogger("visit"))


def _looks(together):
    """Give for how many executions it was asked when, in seconds since the first look."""
    asked = [
        (at, request.url.params["executionIds"].count(",") + 1)
        for at, request in together.asked
        if request.url.path.endswith("/metrics")
    ]
    return [(round(at - asked[0][0]), number) for at, number in asked]


def _measure(together, ids):
    api = connect(together.emulator)
    for execution_id in ids:
        metrics = [{"name": "loss", "value": 0.5}]
        api.patch("/metrics", json={"executionId": execution_id, "metrics": metrics}).raise_for_status()
    together.asked.clear()


def test_all_who_watch_are_read_together(together):
    """Of thirty executions each look takes three requests, every 20 s, whoever has come when."""
    ids = together.start(RUNNING, 30)
    _measure(together, ids)

    async def watch(execution_id, begin):
        await asyncio.sleep(begin)
        async with _visiting(together) as aicore:
            return [await aicore.metrics(execution_id) for _ in range(3)]

    async def main():
        async with _visiting(together) as aicore:
            # By then all are known to have some.
            for _ in range(9):
                await asyncio.gather(*(aicore.metrics(each) for each in ids))
            together.asked.clear()
            return await asyncio.gather(*(watch(each, number % 20) for number, each in enumerate(ids)))

    watched = together.run(main())

    assert all(found.execution_id == each for each, them in zip(ids, watched, strict=True) for found in them)
    assert max(number for _, number in _looks(together)) == 10
    assert len(_looks(together)) <= 4 * 3


def test_an_execution_that_two_watch_is_read_once(together):
    """Both are told."""
    (execution_id,) = together.start(RUNNING)
    _measure(together, [execution_id])

    async def main():
        async with _visiting(together) as one, _visiting(together) as other:
            return await asyncio.gather(one.metrics(execution_id), other.metrics(execution_id))

    found, same = together.run(main())
    assert found is same
    assert _looks(together) == [(0, 1)]


def test_a_look_that_fails_is_told_and_the_next_one_looks_again(together):
    """Those of another batch are told what was found."""
    ids = together.start(RUNNING, 2)
    _measure(together, ids)

    async def fail(request):
        is_first = request.url.path.endswith("/metrics") and len(_looks(together)) == 1
        return httpx.Response(503, request=request) if is_first else None

    async def main():
        async with _visiting(together) as aicore:
            return [await asyncio.gather(*(aicore.metrics(each) for each in ids)) for _ in range(2)]

    together.instead = fail
    first, second = together.run(main())
    assert all(isinstance(each, AICoreError) for each in first)
    assert [each.execution_id for each in second] == ids


def test_who_leaves_takes_nothing_from_those_who_stay(together):
    """One who is cancelled ends neither the round that has begun with him nor the look of another."""
    (execution_id,) = together.start(RUNNING)
    _measure(together, [execution_id])

    async def main():
        async with _visiting(together) as aicore:
            await aicore.metrics(execution_id)
            leaving = asyncio.create_task(aicore.metrics(execution_id))
            staying = asyncio.create_task(aicore.metrics(execution_id))
            await asyncio.sleep(1)
            leaving.cancel()
            return await staying

    assert together.run(main()).execution_id == execution_id


def test_nothing_is_left_when_all_have_gone(together):
    """A round that is under way ends with the group."""
    (execution_id,) = together.start(RUNNING)

    async def main():
        async with _visiting(together) as aicore:
            await aicore.metrics(execution_id)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await aicore.metrics(execution_id)

    together.run(main())
    assert _looks(together) == [(0, 1)]
