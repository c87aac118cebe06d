"""One poll for all waits of a resource group."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_aicore.api.errors import (
    AICoreError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    UnexpectedResponseError,
)
from airflow_provider_aicore.poller.aside import Aside
from airflow_provider_aicore.poller.metric_rounds import MetricRounds
from airflow_provider_aicore.poller.reads import SharedReads
from airflow_provider_aicore.poller.roll import Roll
from airflow_provider_aicore.poller.wait import is_trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aicore.api.models import ExecutionStatus
    from airflow_provider_aicore.poller.roll import Listener, Subject
    from airflow_provider_aicore.poller.sender import Sender
    from airflow_provider_aicore.poller.wait import Entity, Kind

_LOG = logging.getLogger(__name__)

READERS = 16
"""Single reads that are under way at a time, at most."""

WOKEN_AT_ONCE = 50
"""Waits that are woken before the event loop goes on."""

_RETRY = 30.0


class Group:
    """Looks at everything that is waited for in a resource group.

    :param sender: sends the requests; closed with this.
    :param wall: a clock in seconds since the epoch.
    :param jitter: draws from 0 up to 1.
    """

    def __init__(self, sender: Sender, *, wall: Callable[[], float], jitter: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self.sender = sender
        self.reads = SharedReads(sender)
        self.aside = Aside(sender)
        self.metrics = MetricRounds()
        self._wall, self._jitter = wall, jitter
        self._rolls: dict[Kind, Roll] = {}
        self._queue: deque[tuple[Roll, Subject]] = deque()
        self._readers: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.Future[None] | None = None
        self._alarm_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._failed: Exception | None = None

    def join(self, listener: Listener) -> None:
        """Look at one more."""
        if self._failed is not None:
            listener.refuse(self._failed)
            return
        kind = listener.wait.kind
        roll = self._rolls.get(kind)
        if roll is None:
            roll = self._rolls[kind] = Roll(kind, self._wall, self._jitter)
        roll.join(listener, self._loop.time())
        self._hasten(roll.subjects[listener.wait.id].due)

    def leave(self, listener: Listener) -> None:
        """Look at one less."""
        roll = self._rolls.get(listener.wait.kind)
        if roll is not None:
            roll.leave(listener)

    def read(self, listener: Listener) -> None:
        """Look at something now, and in full, and tell what is seen also if it is not new."""
        roll = self._rolls.get(listener.wait.kind)
        subject = None if roll is None else roll.subjects.get(listener.wait.id)
        if roll is not None and subject is not None:
            subject.is_owed = True
            if not subject.reading:
                self._read_soon(roll, subject)

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                next_at = self._alarm_at = math.inf
                for roll in list(self._rolls.values()):
                    next_at = min(next_at, await self._look(roll))
                await self._sleep_until(next_at)
        except Exception as error:  # noqa: BLE001 - a bug: nobody may wait for what looks no more
            _LOG.exception("The shared poll failed")
            self._failed = error
            await self._refuse_all(error)
        finally:
            for reader in self._readers:
                reader.cancel()
            await asyncio.gather(*self._readers, return_exceptions=True)
            await self.reads.close()
            await self.metrics.close()
            await self.sender.close()

    async def _look(self, roll: Roll) -> float:
        """Look at what is due, and say when to look again."""
        now = self._loop.time()
        agenda = roll.agenda(now)
        looks, next_early = agenda.due, agenda.next_early
        if agenda.early and not roll.lists_are_cheaper(len(looks), now):
            early, in_hand = self._affordable(roll, len(looks), agenda.early, now)
            looks, next_early = looks + early, min(next_early, in_hand)
        if not looks:
            return min(agenda.next_due, next_early)
        if roll.lists_are_cheaper(len(looks), now):
            await self._list(roll, looks)
        else:
            for subject in looks:
                self._read_soon(roll, subject)
        return now

    def _affordable(
        self, roll: Roll, due: int, early: list[Subject], now: float
    ) -> tuple[list[Subject], float]:
        """Choose the early looks that the budget has requests for, and say when it will have more."""
        budget = self.sender.budget
        if self.sender.rate.is_limited or self.sender.rate.failures:
            return [], math.inf
        lists = roll.requests_of_lists(now)
        if roll.lists_are_cheaper(due + len(early), now) and lists <= budget.per_minute:
            return (early, math.inf) if budget.left(now) >= lists else ([], budget.in_hand(lists, now))
        chosen = early[: max(0, int(budget.left(now)))]
        return chosen, (math.inf if len(chosen) == len(early) else budget.in_hand(1, now))

    async def _list(self, roll: Roll, looks: list[Subject]) -> None:
        """List what is live, and look for what is not there: absence is no result."""
        there = roll.begin_round()
        try:
            complete, listed = await self._list_all(roll, roll.kind.live, len(looks))
            roll.listed(listed, self._loop.time())
        except Exception as error:  # noqa: BLE001 - whatever it is, it says nothing about those that are waited for
            if is_trouble(error):
                await self._bear([each for each in looks if each.round != roll.round], error, 0.0)
                if await self._can_read(roll, looks[0]) and roll.list_failed():
                    roll.do_without_lists(self._loop.time())
                return
            roll.do_without_lists(self._loop.time())
            if isinstance(error, (AuthenticationError, PermissionDeniedError)):
                await self._refuse_all(error)
        else:
            missing = [each for each in (there if complete else looks) if each.round != roll.round]
            await self._look_for(roll, [subject for subject in missing if subject.listeners])

    async def _look_for(self, roll: Roll, missing: list[Subject]) -> None:
        """Look for what is in no list of live ones: in those of the ended if many have left, then singly."""
        if roll.lists_of_ended_are_cheaper(len(missing), self._loop.time()):
            complete, listed = False, 0
            with suppress(Exception):  # A single read shows it too, and says what is to be done about it.
                complete, listed = await self._list_all(roll, roll.kind.ended, len(missing))
            if complete:
                roll.listed_ended(listed, self._loop.time())
            else:
                roll.do_without_ended(self._loop.time())
        for subject in missing:
            if subject.round != roll.round and subject.listeners and not subject.reading:
                subject.missed = roll.round
                self._read_soon(roll, subject)

    async def _can_read(self, roll: Roll, subject: Subject) -> bool:
        """Tell whether lists alone fail: in an outage it would be for nothing to read each one after it."""
        subject.reading = True
        await self._read(roll, subject)
        subject.reading = False
        return subject.trouble is None

    async def _list_all(
        self, roll: Roll, statuses: Sequence[ExecutionStatus], looks: int
    ) -> tuple[bool, int]:
        """List status by status; tell whether it was worth it to the end, and how many were listed."""
        listed = requests = 0
        worth_it = True
        for status in statuses:
            skip, full = 0, True
            while full and worth_it:
                page, full = await self._page(roll, status, skip)
                await self._take(roll, page, statuses)
                skip += len(page)
                listed += len(page)
                requests += 1
                worth_it = roll.is_worth_it(requests, listed, looks)
        return worth_it, listed

    async def _page(self, roll: Roll, status: ExecutionStatus, skip: int) -> tuple[Sequence[Entity], bool]:
        """Get a page, and tell whether it is full; ask for less if AI Core gives no such page."""
        while True:
            top = roll.page
            call = roll.kind.list_statuses(status=status, top=top, skip=skip, status_only=roll.status_only)
            try:
                items: Sequence[Entity] = await self.sender.send(call)
            except (BadRequestError, UnexpectedResponseError):
                if not roll.status_only:
                    raise
                roll.status_only = False
            except APIStatusError as error:
                if error.status_code != 413 or not roll.smaller_pages():
                    raise
            else:
                return items, len(items) >= top

    async def _take(self, roll: Roll, page: Sequence[Entity], statuses: Sequence[ExecutionStatus]) -> None:
        """Note what a page says, and let the event loop go on between those who are woken."""
        now, told = self._loop.time(), 0
        for item in page:
            subject = roll.subjects.get(item.id)
            if subject is None or subject.reading:
                continue
            # What ends a wait without having been asked for is read singly.
            if item.status not in statuses and roll.kind.has_ended(item.status):
                continue
            subject.round = roll.round
            told += roll.saw(subject, item, now)
            if told >= WOKEN_AT_ONCE:
                await asyncio.sleep(0)
                told = 0

    def _read_soon(self, roll: Roll, subject: Subject) -> None:
        subject.reading = True
        self._queue.append((roll, subject))
        if len(self._readers) < READERS:
            reader = self._loop.create_task(self._read_all(), context=contextvars.Context())
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)

    async def _read_all(self) -> None:
        while self._queue:
            roll, subject = self._queue.popleft()
            if subject.listeners:
                await self._read(roll, subject)
            subject.reading = False
            self._hasten(subject.due)
            if not self.sender.rate.is_limited:
                self._hasten(max(subject.early, self.sender.budget.in_hand(1, self._loop.time())))

    async def _read(self, roll: Roll, subject: Subject) -> None:
        try:
            entity: Entity = await self.sender.send(roll.kind.read(subject.id))
            if roll.subjects.get(subject.id) is subject:
                roll.saw(subject, entity, self._loop.time())
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the others' reads
            if is_trouble(error):
                await self._bear([subject], error, min(subject.interval, _RETRY))
            elif isinstance(error, AuthenticationError):
                await self._refuse_all(error)
            else:
                roll.refuse(subject, error)

    async def _bear(self, subjects: list[Subject], error: Exception, pause: float) -> None:
        """Note trouble, and wake those to whom it is new; the others know when their patience ends."""
        if not isinstance(error, AICoreError):
            _LOG.warning("Looking failed, and not because of AI Core", exc_info=error)
        now, told = self._loop.time(), 0
        for subject in subjects:
            is_new = subject.trouble is None or NotFoundError in (type(error), type(subject.trouble))
            subject.bad(error, now)
            subject.due = subject.early = now + pause
            if is_new:
                subject.rouse()
                told += 1
            if told >= WOKEN_AT_ONCE:
                await asyncio.sleep(0)
                told = 0

    async def _refuse_all(self, error: Exception) -> None:
        refused = [(roll, subject) for roll in self._rolls.values() for subject in roll.subjects.values()]
        for number, (roll, subject) in enumerate(refused):
            roll.refuse(subject, error)
            if number % WOKEN_AT_ONCE == WOKEN_AT_ONCE - 1:
                await asyncio.sleep(0)

    async def _sleep_until(self, when: float) -> None:
        when = min(when, self._alarm_at)
        if when <= self._loop.time():
            await asyncio.sleep(0)
            return
        self._alarm, self._alarm_at = self._loop.create_future(), math.inf
        self._hasten(when)
        try:
            await self._alarm
        finally:
            self._alarm = None
            if self._timer is not None:
                self._timer.cancel()

    def _hasten(self, when: float) -> None:
        """Sleep no longer than that, now or next."""
        if when >= self._alarm_at:
            return
        self._alarm_at = when
        if self._alarm is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(when, _ring, self._alarm)


def _ring(alarm: asyncio.Future[None]) -> None:
    if not alarm.done():
        alarm.set_result(None)
