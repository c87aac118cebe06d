"""Reads that serve several who ask for the same."""

from __future__ import annotations

import asyncio
import contextvars
import math
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Hashable

    from airflow_provider_aicore.api.call import Answer, Call
    from airflow_provider_aicore.api.client import AsyncClient
    from airflow_provider_aicore.poller.sender import Sender


class SharedReads:
    """What somebody in a resource group has read lately."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._loop = asyncio.get_running_loop()
        self._reads: dict[Hashable, tuple[float, asyncio.Task[Answer]]] = {}

    async def read(self, client: AsyncClient, call: Call[Any], fresh: float) -> Answer:
        """Read once for all who want the answer within some seconds, or while it is under way.

        A bad answer serves nobody who comes after it.
        """
        now, what = self._loop.time(), (client, call.path, tuple(call.params.items()))
        begun, reading = self._reads.get(what, (-math.inf, None))
        if reading is None or _is_bad(reading) or (reading.done() and now - begun >= fresh):
            reading = self._loop.create_task(
                self._sender.perform(client, call), context=contextvars.Context()
            )
            # What is under way ends with this, so it is not forgotten.
            self._reads = {
                key: each for key, each in self._reads.items() if now - each[0] < fresh or not each[1].done()
            }
            self._reads[what] = now, reading
        return await asyncio.shield(reading)

    async def close(self) -> None:
        """Leave nothing under way."""
        readings = [reading for _, reading in self._reads.values()]
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)


def _is_bad(reading: asyncio.Task[Answer]) -> bool:
    if not reading.done():
        return False
    if reading.cancelled() or reading.exception() is not None:
        return True
    answer = reading.result()
    return not isinstance(answer, httpx.Response) or not answer.is_success
