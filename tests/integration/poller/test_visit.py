"""Asking for something else, beside all who wait in a resource group."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from airflow_provider_aicore.api import AICoreError, AuthenticationError, PermissionDeniedError, executions
from airflow_provider_aicore.api.call import once
from airflow_provider_aicore.emulator import Answer, Progress
from airflow_provider_aicore.poller import visit

SOME = Progress.by_clock(running=300)


def count(client):
    """Ask how many executions there are."""
    return once(executions.count(), client.retry)


def count_others(client):
    """Ask for something else."""
    return once(executions.count(scenario_id="others"), client.retry)


def visiting(together, connect=None, **how):
    """Visit the resource group ``default``."""
    return visit(
        connection="default", connect=connect or together.connect, log=logging.getLogger("visit"), **how
    )


def test_who_waits_and_who_visits_have_one_client(together):
    """One connection look-up, one token, and no client that stays."""
    (execution_id,) = together.start(SOME)

    async def main():
        waiting = asyncio.create_task(together.wait(execution_id))
        async with visiting(together) as aicore, visiting(together) as other:
            await aicore.run(count)
            await other.run(count)
            assert aicore.resource_group == "default"
        await waiting

    together.run(main())

    assert len(together.clients) == together.requests()["token"] == 1


def test_what_many_ask_at_once_is_asked_once(together):
    """Its answer serves who comes while it is fresh; then it is asked again."""

    async def main():
        async with visiting(together) as aicore:
            for _ in range(2):
                asking = (aicore.run(count, fresh=30) for _ in range(5))
                await asyncio.gather(*asking)
                await asyncio.sleep(29)
                await aicore.run(count, fresh=30)
                await asyncio.sleep(2)

    together.run(main())

    assert together.times("read") == [0.0, 31.0]


def test_what_is_asked_for_long_is_asked_once(together):
    """Who comes while the answer is under way waits for it; when all have left nothing of it stays."""

    async def slow(_request):
        await asyncio.sleep(20)

    async def main():
        async with visiting(together) as aicore:
            asking = []
            for what in (count, count, count_others):
                asking.append(asyncio.create_task(aicore.run(what, fresh=5)))
                await asyncio.sleep(8)
            for each in asking:
                each.cancel()

    together.instead = slow
    together.run(main())
    assert together.requests()["read"] == 2


def test_a_failure_serves_nobody_else(together, emulator):
    """Who asks after it has failed asks anew."""
    emulator.faults.add(Answer(403), path="/lm/executions", times=1)

    async def main():
        async with visiting(together) as aicore:
            with pytest.raises(PermissionDeniedError):
                await aicore.run(count, fresh=30)
            return await aicore.run(count, fresh=30)

    assert together.run(main()) == 0


def test_what_is_asked_for_all_outlives_who_asked_first(together):
    """Its triggerer may cancel one watcher while others wait for the same answer."""

    async def slow(_request):
        await asyncio.sleep(10)

    async def main():
        async with visiting(together) as aicore:
            first = asyncio.create_task(aicore.run(count, fresh=30))
            second = asyncio.create_task(aicore.run(count, fresh=30))
            await asyncio.sleep(5)
            first.cancel()
            return await second

    together.instead = slow
    assert together.run(main()) == 0


def test_refused_credentials_are_looked_up_once_more(together):
    """A secret that was changed in the connection is used without a restart."""
    keys = iter([{**together.service_key, "clientsecret": "of yesterday"}, together.service_key])

    async def connect():
        return await together.connect(key=next(keys))

    async def main():
        async with visiting(together, connect) as aicore:
            return await aicore.run(count)

    assert together.run(main()) == 0


def test_credentials_that_stay_refused_are_an_error(together):
    """They are told after one more look-up, and nothing stays."""

    async def connect():
        return await together.connect(key={**together.service_key, "clientsecret": "wrong"})

    async def main():
        async with visiting(together, connect) as aicore:
            await aicore.run(count)

    with pytest.raises(AuthenticationError):
        together.run(main())
    together.run(asyncio.sleep(0))


def test_a_connection_that_cannot_be_had_now_is_waited_for(together, caplog):
    """Airflow's own trouble is said, and waited out."""
    tries = []

    async def connect():
        tries.append(together.clock.now())
        if len(tries) < 3:
            raise ConnectionError("the API server is away")
        return await together.connect()

    async def main():
        async with visiting(together, connect) as aicore:
            return await aicore.run(count)

    assert together.run(main()) == 0
    assert [record.getMessage() for record in caplog.records if record.name == "visit"] == [
        "The connection cannot be had yet; asking again. the API server is away"
    ]


def test_patience_with_a_connection_ends(together, clock):
    """The caller gets what was wrong with it."""
    begin = clock.now()

    async def connect():
        raise ConnectionError("the API server is away")

    async def main():
        async with visiting(together, connect, patience=100):
            raise AssertionError("there is no connection")

    with pytest.raises(ConnectionError, match="is away"):
        together.run(main())
    assert clock.now() - begin == pytest.approx(100, abs=1)


def test_a_bad_connection_is_told_at_once(together):
    """A service key that is incomplete does not mend by waiting."""

    async def connect():
        return await together.connect(key={"clientid": "only"})

    async def main():
        async with visiting(together, connect):
            raise AssertionError("there is no connection")

    with pytest.raises(AICoreError):
        together.run(main())


def test_a_429_to_who_visits_slows_the_group(together):
    """And one to the group who visits: AI Core counts the requests of all."""
    struck: list[float] = []

    async def refuse(request):
        if "$count" in request.url.path and not struck:
            struck.append(together.clock.now())
            return httpx.Response(429, headers={"Retry-After": "60"})
        return None

    async def main():
        waiting = asyncio.create_task(together.wait(execution_id, interval=5))
        await asyncio.sleep(20)
        async with visiting(together) as aicore:
            await aicore.run(count)
        await waiting

    together.instead = refuse
    (execution_id,) = together.start(SOME)
    together.run(main())
    assert min(at for at, _ in together.asked if at > struck[0]) == pytest.approx(struck[0] + 60, abs=0.1)
