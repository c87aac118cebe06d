"""Requests that can wait, beside those of all who look: such as for logs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import httpx

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.retry import retry_after
from airflow_provider_aicore.poller.pace import LONGEST_PAUSE

if TYPE_CHECKING:
    from airflow_provider_aicore.api.call import Answer, Step
    from airflow_provider_aicore.api.client import AsyncClient
    from airflow_provider_aicore.poller.sender import Sender

Rank = Literal["urgent", "patient"]
"""Who is in a hurry comes before all who are not."""

PER_MINUTE = 120.0
"""Requests that a group sends aside, at most."""
UNDER_WAY = 4
"""Of them at a time, at most: slow answers keep no connection from those who look."""

_SHARE = 0.25
_IN_TROUBLE = 10.0
_SLOWER, _SLOWEST, _FASTER = 2.0, 60.0, 0.9


class Aside:
    """Lets a group ask what can wait: one after the other, and less as soon as AI Core refuses.

    Then these are at most a quarter of what the group may ask, and while looks fail one in 10 s. They do not
    count for what looks may cost, and if they fail, or are refused with a 429, that delays no look.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._time = asyncio.get_running_loop().time
        self._next_at = self._time()
        self._gap = 60.0 / PER_MINUTE
        self._turn_of_one, self._turn_of_the_patient = asyncio.Lock(), asyncio.Lock()
        self._under_way = asyncio.Semaphore(UNDER_WAY)

    async def perform(self, rank: Rank, client: AsyncClient, step: Step) -> Answer:
        """Perform a step of somebody's flow when it is its turn."""
        if not isinstance(step, Call):
            return await client.perform(step)
        if rank == "urgent":
            await self._turn()
        else:
            # Of them only one at a time stands in the way of those who are in a hurry.
            async with self._turn_of_the_patient:
                await self._turn()
        try:
            answer = await client.perform(step)
        finally:
            self._under_way.release()
        if isinstance(answer, httpx.Response):
            self._judge(answer)
        return answer

    def _judge(self, answer: httpx.Response) -> None:
        """Ask half as often after a 429, and a tenth more after each other answer."""
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self._gap = min(_SLOWEST, self._gap * _SLOWER)
            pause = max(self._gap, min(retry_after(answer) or 0.0, LONGEST_PAUSE))
            self._next_at = max(self._next_at, self._time() + pause)
        else:
            self._gap = max(60.0 / PER_MINUTE, self._gap * _FASTER)

    async def _turn(self) -> None:
        """Wait for it; who has it is under way."""
        async with self._turn_of_one:
            await self._pause()
            await self._under_way.acquire()
            rate, now = self._sender.rate, self._time()
            rate.sent(now)
            in_trouble = _IN_TROUBLE if rate.failures else 0.0
            self._next_at = now + max(self._gap, 1.0 / (rate.limit * _SHARE), in_trouble)

    async def _pause(self) -> None:
        rate = self._sender.rate
        while (pause := max(rate.pause(self._time()), self._next_at - self._time())) > 0:  # noqa: ASYNC110 - time has to pass
            await asyncio.sleep(pause)
