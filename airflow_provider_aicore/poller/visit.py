"""Asking AI Core for something else than how an execution stands, beside all who wait in a resource group."""

from __future__ import annotations

import asyncio
import math
import random
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.errors import AuthenticationError
from airflow_provider_aicore.poller.doors import Doors
from airflow_provider_aicore.poller.wait import HEARTBEAT, own

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable

    from airflow_provider_aicore.api.call import Answer, Flow, Step
    from airflow_provider_aicore.api.client import AsyncClient
    from airflow_provider_aicore.poller.aside import Rank
    from airflow_provider_aicore.poller.doors import Door
    from airflow_provider_aicore.poller.group import Group
    from airflow_provider_aicore.poller.metric_rounds import Found
    from airflow_provider_aicore.poller.sender import Connect
    from airflow_provider_aicore.poller.wait import Log

T = TypeVar("T")


@asynccontextmanager
async def visit(
    *, connection: Hashable, connect: Connect, log: Log, patience: float = math.inf
) -> AsyncIterator[Visit]:
    """Use the client of a resource group as long as the block lasts, with all who wait there.

    One client, one token and one connection look-up serve all, as with :func:`~.shared.wait_for`, which says
    what `connection` and `connect` are. Trouble of Airflow in giving the connection is waited out.

    :param log: where it is said that the connection is not to be had.
    :param patience: seconds after which that trouble is raised.
    :raises AICoreError: the connection's service key is incomplete or of two kinds.
    :raises ValueError: the resource group has the wrong form.
    """
    door = Doors.of_this_loop().door(connection, connect, time.time, random.random)
    door.enter()
    try:
        yield Visit(await _entered(door, log, patience))
    finally:
        door.exit()


async def _entered(door: Door, log: Log, patience: float) -> Group:
    """Wait for the connection to be looked up; say at first and now and then that it is not."""
    now = asyncio.get_running_loop().time
    end, told_at = now() + patience, -math.inf
    while True:
        await door.wait_for_group(min(max(0.0, end - now()), 1.0))
        if door.refusal is not None:
            raise own(door.refusal)
        if door.group is not None:
            return door.group
        trouble = door.trouble
        if now() >= end:
            raise own(trouble) if trouble else TimeoutError(f"No connection within {patience:.0f} s.")
        if trouble is not None and now() - told_at >= HEARTBEAT:
            told_at = now()
            log.warning("The connection cannot be had yet; asking again. %s", trouble)


class Visit:
    """What may be asked; made by :func:`visit`."""

    def __init__(self, group: Group) -> None:
        self._group = group

    @property
    def resource_group(self) -> str:
        """The resource group."""
        return self._group.sender.client.resource_group

    async def run(
        self, make_flow: Callable[[AsyncClient], Flow[T]], *, fresh: float = 0.0, aside: Rank | None = None
    ) -> T:
        """Run a flow; with other credentials, if those were refused and the connection has others by now.

        :param fresh: what others have read within so many seconds is not read again.
        :param aside: ask only beside those who look, and at most :data:`~.aside.PER_MINUTE`.
        """
        perform = (
            partial(self._perform, fresh) if aside is None else partial(self._group.aside.perform, aside)
        )
        while True:
            client = self._group.sender.client
            try:
                return await client.run(make_flow(client), perform=partial(perform, client))
            except AuthenticationError:
                if not await self._group.sender.renewed(client):
                    raise

    async def metrics(self, execution_id: str) -> Found:
        """Return what the next look at an execution's metrics finds, with those of all who ask here.

        They are looked at every 20 s, ten executions with a request.

        :return: the metrics, ``None`` as long as there are none, or the error that a look came to.
        """
        return await self._group.metrics.read(execution_id, partial(self.run, aside="patient"))

    async def _perform(self, fresh: float, client: AsyncClient, step: Step) -> Answer:
        if fresh and isinstance(step, Call) and step.method == "GET":
            return await self._group.reads.read(client, step, fresh)
        return await self._group.sender.perform(client, step)
