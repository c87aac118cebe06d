"""Which waits share a poll: those of an event loop with the same endpoint, client id and resource group."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_aicore.api.errors import AICoreError
from airflow_provider_aicore.poller.group import WOKEN_AT_ONCE, Group
from airflow_provider_aicore.poller.sender import Sender
from airflow_provider_aicore.poller.wait import Looks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

    from airflow_provider_aicore.api.client import AsyncClient
    from airflow_provider_aicore.poller.roll import Listener
    from airflow_provider_aicore.poller.sender import Connect

REQUESTS_PER_MINUTE = 20.0
"""Requests of a group up to which executions are looked at early.

With the default interval that is ten in each, the most that lists of ten thousand executions take.
"""

_RETRY = 30.0


class Door:
    """What all waits with the same connection go through: it is looked up once, and leads to their group.

    :param connect: looks the connection up and makes a client.
    :param wall: a clock in seconds since the epoch.
    :param jitter: draws from 0 up to 1.
    """

    def __init__(
        self, doors: Doors, connect: Connect, wall: Callable[[], float], jitter: Callable[[], float]
    ) -> None:
        self.connect, self.wall, self.jitter = connect, wall, jitter
        self.requests_per_minute = REQUESTS_PER_MINUTE
        self.group: Group | None = None
        self.users = 0
        self.context = contextvars.Context()
        """For the timers of all: each would copy one of its own."""
        self._doors = doors
        self._time = asyncio.get_running_loop().time
        self._looks = Looks(self._time())
        self.refusal: Exception | None = None
        """Why the connection is of no use."""
        self._waiting: set[Listener] = set()
        self._looking_up: asyncio.Task[None] | None = None

    def enter(self) -> None:
        """Let somebody use the connection."""
        self.users += 1
        if self._looking_up is None:
            self._looking_up = self._doors.start(self._look_up())

    def wait(self, listener: Listener) -> None:
        """Let somebody wait; for the connection at first."""
        if self.refusal is not None:
            listener.refuse(self.refusal)
        elif self.group is not None:
            self.group.sender.budget.per_minute = self.requests_per_minute
            self.group.join(listener)
        else:
            listener.watch.looks = self._looks
            self._waiting.add(listener)

    def read(self, listener: Listener) -> None:
        """Have something looked at now, and in full."""
        if self.group is not None:
            self.group.read(listener)

    @property
    def trouble(self) -> Exception | None:
        """Why the connection cannot be had yet."""
        return self._looks.trouble

    async def wait_for_group(self, seconds: float) -> None:
        """Wait so long at most for the connection to be looked up, or refused."""
        if self._looking_up is not None:
            await asyncio.wait([self._looking_up], timeout=seconds)

    def leave(self, listener: Listener) -> None:
        """Let somebody go who waits."""
        self._waiting.discard(listener)
        if self.group is not None:
            self.group.leave(listener)
        self.exit()

    def exit(self) -> None:
        """Let somebody go; the last one closes the door."""
        self.users -= 1
        if not self.users and self._looking_up is not None:
            self._looking_up.cancel()
            self._looking_up = None
            self._doors.close(self)

    async def _look_up(self) -> None:
        while self.group is None and self.refusal is None:
            try:
                client = await self.connect()
            except (AICoreError, ValueError) as error:
                self.refusal = error
                self._doors.close(self)  # Who comes later finds it mended, perhaps.
            except Exception as error:  # noqa: BLE001 - whoever gives the connection is in trouble, not AI Core
                is_new = self._looks.trouble is None
                self._looks.bad(error, self._time())
                if is_new:  # The others know when their patience ends.
                    await self._with_all(lambda listener: listener.rouse())
                await asyncio.sleep(_RETRY)
            else:
                # At once: a group to which no door leads ends.
                self.group = self._doors.group(self, client)
                await self.group.sender.close_unless_used(client)
        await self._with_all(self.wait)
        self._waiting.clear()

    async def _with_all(self, do: Callable[[Listener], None]) -> None:
        """Do something with all who wait for the connection, and let the event loop go on between them."""
        for number, listener in enumerate(list(self._waiting), 1):
            if listener in self._waiting:
                do(listener)
            if not number % WOKEN_AT_ONCE:
                await asyncio.sleep(0)


class Doors:
    """All doors and groups of an event loop: state is never shared between loops."""

    _of_loops: ClassVar[dict[asyncio.AbstractEventLoop, Doors]] = {}

    def __init__(self) -> None:
        self._doors: dict[Hashable, Door] = {}
        self._groups: dict[Hashable, Group] = {}
        self._polls: dict[Group, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def of_this_loop(cls) -> Doors:
        """Give those of the running loop, and forget those of loops that were closed."""
        for loop in list(cls._of_loops):  # Other threads have loops, too.
            if loop.is_closed():
                cls._of_loops.pop(loop, None)
        return cls._of_loops.setdefault(asyncio.get_running_loop(), cls())

    def door(
        self,
        connection: Hashable,
        connect: Connect,
        wall: Callable[[], float],
        jitter: Callable[[], float],
    ) -> Door:
        """Give the door for a connection, to be entered now."""
        door = self._doors.get(connection)
        if door is None:
            door = self._doors[connection] = Door(self, connect, wall, jitter)
        return door

    def close(self, door: Door) -> None:
        """Forget a door that nobody uses; its group ends if no other leads to it."""
        self._doors = {connection: each for connection, each in self._doors.items() if each is not door}
        group = door.group
        if group is not None and not self._leading_to(group):
            self._groups = {identity: each for identity, each in self._groups.items() if each is not group}
            # Not at once: what has not begun cannot clean up when it is cancelled.
            asyncio.get_running_loop().call_soon(self._polls.pop(group).cancel)

    def group(self, door: Door, client: AsyncClient) -> Group:
        """Give the group to which a client belongs; a new one has it for its own."""
        key = client.service_key
        identity = (key.api_url, key.client_id, client.resource_group)
        group = self._groups.get(identity)
        if group is None:
            sender = Sender(client, lambda: self._connects(identity), door.requests_per_minute, door.jitter)
            group = self._groups[identity] = Group(sender, wall=door.wall, jitter=door.jitter)
            self._polls[group] = self.start(group.run())
        return group

    def start(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run something for all, not in the context of the one who happens to come first."""
        task = asyncio.get_running_loop().create_task(coroutine, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _connects(self, identity: Hashable) -> list[Connect]:
        return [door.connect for door in self._leading_to(self._groups[identity])]

    def _leading_to(self, group: Group) -> list[Door]:
        return [door for door in self._doors.values() if door.group is group]
