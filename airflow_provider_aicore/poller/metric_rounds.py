"""The metrics of all executions that are watched in a resource group, read in rounds."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING

from airflow_provider_aicore.api.metric_following import INTERVAL
from airflow_provider_aicore.api.metric_reader import MetricReader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.client import AsyncClient
    from airflow_provider_aicore.api.models import ExecutionMetrics

    Found = ExecutionMetrics | Exception | None
    Many = dict[str, ExecutionMetrics]
    Ask = Callable[[Callable[[AsyncClient], Flow[Many]]], Awaitable[Many]]


class MetricRounds:
    """Reads for all who want to know, ten with a request, one request at a time, and in rounds."""

    def __init__(self) -> None:
        self._reader = MetricReader()
        self._loop = asyncio.get_running_loop()
        self._wanted: dict[str, asyncio.Future[Found]] = {}
        self._rounds: asyncio.Task[None] | None = None
        self._next_at = self._loop.time()

    async def read(self, execution_id: str, ask: Ask) -> Found:
        """Return what the next round finds of an execution: its metrics, none, or why it cannot be said.

        :param ask: runs a flow when it is its turn; the same for all.
        """
        if execution_id not in self._wanted:
            self._wanted[execution_id] = self._loop.create_future()
        if self._rounds is None or self._rounds.done():
            # It outlives the one who has begun it, whose context is not its own.
            self._rounds = self._loop.create_task(self._go_rounds(ask), context=contextvars.Context())
        return await asyncio.shield(self._wanted[execution_id])

    async def close(self) -> None:
        """Leave nothing under way."""
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)

    async def _go_rounds(self, ask: Ask) -> None:
        while self._wanted:
            await asyncio.sleep(self._next_at - self._loop.time())
            self._next_at = self._loop.time() + INTERVAL
            for batch in self._reader.batches(list(self._wanted)):
                try:
                    found = await ask(self._flow(batch))
                except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                    self._tell(batch, dict.fromkeys(batch, error))
                else:
                    self._tell(batch, found)

    def _flow(self, batch: list[str]) -> Callable[[AsyncClient], Flow[Many]]:
        return lambda _client: self._reader.ask(batch)

    def _tell(self, batch: list[str], found: Mapping[str, Found]) -> None:
        for execution_id in batch:
            wanted = self._wanted.pop(execution_id, None)
            if wanted is not None and not wanted.done():
                wanted.set_result(found.get(execution_id))
