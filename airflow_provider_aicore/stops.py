"""Ending executions of one resource group, many with few requests; it knows no Airflow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_aicore.api import meta
from airflow_provider_aicore.api.errors import AICoreError
from airflow_provider_aicore.api.termination import Patience, end_all

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from airflow_provider_aicore.api import AsyncClient

K = TypeVar("K")
V = TypeVar("V")

WINDOW = 0.5
"""Seconds within which what is asked for is done together."""
CONCURRENCY = 10
"""How many executions are changed at a time where the tenant has no bulk requests."""
INTERVAL = 2.0
"""Seconds between two stops of an execution that has not begun."""


class Gathered(Generic[K, V]):
    """Gathers what is asked for within a moment, and does it at once.

    For one event loop. Whoever asks can be cancelled without harm to the others.

    :param work: does it for many, and returns a result for each.
    """

    def __init__(
        self,
        work: Callable[[Collection[K]], Awaitable[Mapping[K, V]]],
        *,
        window: float = WINDOW,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._work = work
        self._window = window
        self._sleep = sleep
        self._items: list[K] = []
        self._batch: asyncio.Task[Mapping[K, V]] | None = None

    async def ask(self, item: K) -> V:
        """Return the result for one."""
        self._items.append(item)
        if self._batch is None:
            self._batch = asyncio.create_task(self._later())
        return (await asyncio.shield(self._batch))[item]

    async def _later(self) -> Mapping[K, V]:
        await self._sleep(self._window)
        items, self._items, self._batch = self._items, [], None
        return await self._work(items)


async def end_together(
    client: AsyncClient,
    execution_ids: Collection[str],
    seconds: float,
    *,
    now: Callable[[], float] | None = None,
) -> dict[str, str]:
    """Ask that executions end, with one request for a hundred of them where the tenant has that.

    :param seconds: how long to try.
    :param now: a clock in seconds that never jumps; the system's if not given.
    :return: by id why an execution may go on; empty if none does.
    """
    patience = Patience(client.retry, seconds, INTERVAL, now)
    one_by_one = asyncio.Semaphore(CONCURRENCY)

    async def end(some: Collection[str], *, bulk: bool) -> dict[str, str]:
        try:
            return await client.run(end_all(some, patience, bulk=bulk))
        except AICoreError as error:
            return dict.fromkeys(some, str(error))

    async def end_one(execution_id: str) -> dict[str, str]:
        async with one_by_one:
            return await end([execution_id], bulk=False)

    ids = set(execution_ids)
    if len(ids) > 1 and await _has_bulk(client):
        return await end(ids, bulk=True)
    refusals: dict[str, str] = {}
    for refused in await asyncio.gather(*map(end_one, ids)):
        refusals |= refused
    return refusals


async def _has_bulk(client: AsyncClient) -> bool:
    try:
        return (await client.send(meta.get())).bulk_updates_of_executions
    except AICoreError:
        return False
