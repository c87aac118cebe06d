"""Waiting with others: ten thousand waits for the price of one."""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_aicore.api.lifecycle import has_started
from airflow_provider_aicore.api.models import ExecutionSighting, ExecutionStatus
from airflow_provider_aicore.poller.doors import REQUESTS_PER_MINUTE, Door, Doors
from airflow_provider_aicore.poller.pace import MOMENT
from airflow_provider_aicore.poller.wait import Looks, Watch, is_overdue, own

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable
    from types import TracebackType

    from airflow_provider_aicore.poller.sender import Connect
    from airflow_provider_aicore.poller.wait import Entity, Log, Wait

_SPREAD = 0.05


def wait_for(
    wait: Wait,
    *,
    log: Log,
    connection: Hashable,
    connect: Connect,
    requests_per_minute: float = REQUESTS_PER_MINUTE,
    wall: Callable[[], float] | None = None,
    jitter: Callable[[], float] | None = None,
) -> Coroutine[Any, Any, Entity | None]:
    """Wait for an execution to end, together with all others of its resource group in this event loop.

    The face of the shared poll, and the counterpart of the flow :func:`~.alone.until_ended`, whose lines,
    patience and errors it has. A trigger calls it in its `run`, in its own task, where its log is its own::

        hook = AICoreHook(self.aicore_conn_id, self.resource_group)
        execution = await wait_for(
            Wait(self.execution_id, interval=self.poll_interval, seconds=seconds_left),
            log=self.log,
            connection=(self.aicore_conn_id, self.resource_group),
            connect=hook.aget_conn,
        )

    What waits has no client of its own: `connect` is called once for all waits with the same `connection`,
    outside the caller's task and context, and again when the credentials were refused. If it fails for a
    reason that is neither AI Core's nor a bad argument, that is trouble in looking like any other.

    :param log: where this wait says what it sees.
    :param connection: what is the same for all waits for which `connect` gives the same.
    :param connect: makes a client of the resource group, which is closed here.
    :param requests_per_minute: requests of the whole resource group up to which executions are looked at
        before their interval is over, because they are young or expected to end; more than 0. What the
        intervals ask for is always done, and so is the one read of what has left the lists. The last wait's
        holds for all.
    :param wall: a clock in seconds since the epoch; the system's if not given. Time is otherwise the event
        loop's.
    :param jitter: draws from 0 up to 1; at random if not given.
    :return: the execution when it ended, in full unless so many ended together that they were listed; when
        it is overdue, in full; when the time was over, as last seen (``None`` if it never was).
    :raises ValueError: an argument cannot be meant; nothing is asked then.
    :raises AICoreError: the credentials or the resource group were refused, the execution does not exist (a
        404 for a minute), or the error budget is used up.
    """
    waiting = Waiting(
        wait,
        log=log,
        connection=connection,
        connect=connect,
        requests_per_minute=requests_per_minute,
        wall=wall,
        jitter=jitter,
    )
    return _last(waiting)


async def _last(waiting: Waiting) -> Entity | None:
    """Give what was seen last, without a call between that takes memory as long as it waits."""
    seen: Entity | None = None
    async with waiting:
        while not waiting.is_over():
            news = waiting.take()
            if news is None:
                await waiting.doze()
            else:
                seen = news
    return seen


class Waiting:
    """One wait in the shared poll: enter it with ``async with``, and iterate over each change that is seen.

    The last one is the ended execution, unless the time was over before. What changes twice before it is
    looked at is given once. For the parameters and errors see :func:`wait_for`.
    """

    __slots__ = (
        "_door",
        "_end",
        "_has_ended",
        "_news",
        "_refusal",
        "_requests_per_minute",
        "_start",
        "_start_by",
        "_time",
        "_timer",
        "_waker",
        "_wall",
        "_way_in",
        "wait",
        "watch",
    )

    def __init__(
        self,
        wait: Wait,
        *,
        log: Log,
        connection: Hashable,
        connect: Connect,
        requests_per_minute: float = REQUESTS_PER_MINUTE,
        wall: Callable[[], float] | None = None,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        wait.kind.read(wait.id)  # Refuses a bad id.
        if not 0 < requests_per_minute < math.inf:
            raise ValueError(f"requests_per_minute is {requests_per_minute!r}, but it has to be more than 0.")
        self._time = asyncio.get_running_loop().time
        now = self._time()
        self.wait = wait
        self.watch = Watch(wait, log, Looks(now), wall or time.time)
        self._start: float | None = now + wait.first_look_after
        self._end = math.inf if wait.seconds is None else now + wait.seconds
        self._door: Door
        self._requests_per_minute = requests_per_minute
        self._way_in = (connection, connect, wall or time.time, jitter or random.random)
        self._waker: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._news: Any = None
        self._refusal: Exception | None = None
        self._has_ended = False
        self._start_by: float | None = None
        self._wall = wall or time.time

    async def __aenter__(self) -> Self:
        self._door = Doors.of_this_loop().door(*self._way_in)
        del self._way_in  # There may be ten thousand of these.
        self._door.requests_per_minute = self._requests_per_minute
        self._door.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._door.leave(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while not self.is_over():
            news = self.take()
            if news is not None:
                return news
            await self.doze()
        raise StopAsyncIteration

    def is_over(self) -> bool:
        """Tell whether it has ended, or the time is over and nothing is new."""
        return self._has_ended or (self._news is None and self._time() >= self._end)

    def take(self) -> Any:
        """Give what is new, or ``None``; say what is to be said."""
        now = self._time()
        if self._start is not None and now >= self._start:
            self._start = None
            self._door.wait(self)
        if self._refusal is not None:
            raise own(self._refusal)
        news, self._news = self._news, None
        if news is not None:
            self.watch.saw(news, now)
            self._has_ended = self.wait.kind.has_ended(news.status)
            self._judge_start(news)
        elif (error := self.watch.bear(now)) is not None:
            raise own(error)
        if not self._has_ended:
            self.watch.still(now)
        if self._start_by is not None and self._wall() >= self._start_by:
            self._start_by = None
            self._door.read(self)
        return news

    def _judge_start(self, news: Any) -> None:
        """End the wait if the execution is overdue; if only a list says so, have it read when it is time."""
        timeout = self.wait.pending_timeout
        if timeout is None or self._has_ended:
            return
        if isinstance(news, ExecutionSighting):
            has_not = news.status in {ExecutionStatus.UNKNOWN, ExecutionStatus.PENDING}
        else:
            self._has_ended = is_overdue(self.wait, news, self._wall)
            has_not = not has_started(news)
        self._start_by = news.created_at.timestamp() + timeout if has_not else None

    def doze(self) -> asyncio.Future[None]:
        """Give what to await until something is new, or has to be said."""
        loop = asyncio.get_running_loop()
        when, now = self._start, self._time()
        if when is None:
            # Spread, lest ten thousand of them wake at the same moment.
            when = now + (self.watch.next_at() - now) * (1 + _SPREAD * self._door.jitter()) + MOMENT
        if self._start_by is not None:
            when = min(when, now + self._start_by - self._wall() + MOMENT)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(min(when, self._end), Waiting.rouse, self, context=self._door.context)
        self._waker = loop.create_future()
        if self._refusal is not None or self._news is not None:
            self.rouse()
        return self._waker

    def tell(self, entity: Entity) -> None:
        """Say what is seen."""
        self._news = entity
        self.rouse()

    def refuse(self, error: Exception) -> None:
        """Say that looking on makes no sense."""
        self._refusal = error
        self.rouse()

    def rouse(self) -> None:
        """Wake the one who waits."""
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)
