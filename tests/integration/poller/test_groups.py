"""The shared poll of whole resource groups that are slow, or hardly served."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import nullcontext

import httpx
import pytest

from airflow_provider_aicore.api import APITimeoutError, ExecutionStatus
from airflow_provider_aicore.emulator import Progress
from tests.together import Together, kind

SOME = Progress.by_clock(unknown=10, pending=10, running=200)


@pytest.mark.parametrize("answers", [True, False], ids=["late", "never"])
def test_one_slow_group_of_fifty_delays_no_other(make_emulator, clock, service_key, answers):
    """Each of the others sees its ends when it would see them without it, be it slow or silent."""
    groups = [f"group-{number}" for number in range(50)]
    together = Together(make_emulator(resource_groups=groups, service_key=service_key), clock, service_key)
    slow = ""

    async def hang(request):
        if request.headers.get("AI-Resource-Group") == slow:
            await asyncio.sleep(30)
            if not answers:
                raise httpx.ReadTimeout("no answer", request=request)

    async def seen_end(execution_id, group):
        with nullcontext() if answers or group != slow else pytest.raises(APITimeoutError):
            await together.wait(execution_id, connection=group)
        return clock.now()

    def ends():
        clock.time = float(round(clock.now() + 1))
        begin = clock.now()
        ids = {group: together.start(SOME, group=group)[0] for group in groups}

        async def main():
            return await asyncio.gather(*(seen_end(each, group) for group, each in ids.items()))

        return [at - begin for at in together.run(main())]

    together.instead = hang
    usual = ends()
    slow = groups[0]
    assert ends()[1:] == pytest.approx(usual[1:], abs=0.1)


def test_a_group_that_is_allowed_half_of_what_it_needs_settles_below_that(emulator, clock, service_key):
    """Under 429 for ever hardly anything is refused after a while, and each end is seen."""
    together = Together(emulator, clock, service_key)
    allowed: deque[float] = deque()
    refused: list[float] = []

    async def limit(request):
        now = together.clock.now()
        if kind(request) == "token":
            return None
        while allowed and allowed[0] <= now - 60:
            allowed.popleft()
        if len(allowed) >= 12:
            refused.append(now)
            return httpx.Response(429)
        allowed.append(now)
        return None

    together.instead = limit
    begin = together.clock.now()
    ids = together.start(Progress.by_clock(running=7200), 4)
    ended = together.wait_for_all(ids, interval=10)
    assert {each.status for each in ended} == {ExecutionStatus.COMPLETED}

    late = [at for at, _ in together.asked if at > begin + 3600]
    assert len([at for at in refused if at > begin + 3600]) <= 0.1 * len(late)
    assert len(late) >= 60 * 12 * 0.5
