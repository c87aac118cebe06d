"""What a group watches of one kind: who waits for it, when it is due, and how it is cheapest to look."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from airflow_provider_aicore.poller.pace import MOMENT, pause
from airflow_provider_aicore.poller.wait import Looks

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.poller.wait import Entity, Kind, Wait, Watch

GATHERING = 1.0
"""Seconds for which a first look waits for others to join it."""

PAGE = 2500
"""Items of one page of a list.

AI Core would give up to 100 000, but all other work of the event loop would wait while they are read (2 µs
each); and a sister endpoint refuses more than 1000 with 413, after which smaller ones are asked for.
"""

_SMALL_PAGE = 1000
_SMALLEST_PAGE = 100
_ITEMS_PER_REQUEST = 500
_KEPT = 600.0
_FAILED_LISTS = 3
_JITTER = 0.05


class Listener(Protocol):
    """Who waits for something."""

    wait: Wait
    watch: Watch

    def tell(self, entity: Entity) -> None:
        """Say what is seen."""

    def rouse(self) -> None:
        """Say that what came of looking is not good."""

    def refuse(self, error: Exception) -> None:
        """Say that looking on makes no sense."""


class Subject(Looks):
    """One thing that is looked at, for as long as somebody waits for it.

    :param now: when the first one came.
    """

    __slots__ = (
        "born",
        "due",
        "early",
        "entity",
        "expected",
        "id",
        "interval",
        "is_owed",
        "listeners",
        "missed",
        "reading",
        "round",
    )

    def __init__(self, subject_id: str, now: float) -> None:
        super().__init__(now)
        self.id = subject_id
        self.born = now
        self.due = self.early = math.inf
        self.interval, self.expected = math.inf, math.inf
        self.reading = self.is_owed = False
        self.round = self.missed = 0
        """The last round of lists in which it was there, and in which it was not."""
        self.entity: Any = None
        self.listeners: tuple[Listener, ...] = ()

    def heed(self) -> None:
        """Look as often as the most impatient of those who wait."""
        self.interval = min(each.wait.interval for each in self.listeners)
        self.expected = min(each.wait.expected_duration or math.inf for each in self.listeners)

    def rouse(self) -> None:
        """Wake all who wait for it."""
        for each in self.listeners:
            each.rouse()

    def looked(self, now: float, jitter: float) -> None:
        """Say when to look again."""
        interval = self.interval * (1 - _JITTER * jitter)
        self.due = now + interval
        self.early = now + pause(now - self.born, interval, self.expected)


class Agenda(NamedTuple):
    """What to look at.

    :param due: because its interval is over, the longest waiting first.
    :param early: because it is young, or expected to end.
    :param next_due: when the next one is due.
    :param next_early: when the next one is worth an early look.
    """

    due: list[Subject]
    early: list[Subject]
    next_due: float
    next_early: float


def requests_of_lists(statuses: int, listed: int, page: int) -> int:
    """Say how many requests it takes at most to list so many, however they are spread over the statuses."""
    return statuses + listed // page


def lists_are_cheaper(looks: int, *, statuses: int, listed: int, strays: int, page: int) -> bool:
    """Tell whether to list what is live, or to read each one singly: the cost model.

    A single look costs a request. Lists cost a request for each status and each full page, and as the items
    have to be written and read as well, one more for every 500 of them, also those that nobody here waits
    for (measured: a request costs about a CPU ms, an item 2 µs, and at AI Core's end more). What is live and
    yet not in the lists is read singly after all. What has ended costs nothing, since it is not listed, but
    where so many have left the lists at once that the same model says otherwise.

    :param looks: how many are to be looked at.
    :param statuses: how many lists there are.
    :param listed: how many are expected in them.
    :param strays: how many are expected to be missing there though they are live.
    :param page: items of a page.
    """
    return requests_of_lists(statuses, listed, page) + listed / _ITEMS_PER_REQUEST + strays < looks


class Roll:
    """All that is watched of one kind.

    :param wall: a clock in seconds since the epoch.
    :param jitter: draws from 0 up to 1.
    """

    def __init__(self, kind: Kind, wall: Callable[[], float], jitter: Callable[[], float]) -> None:
        self.kind = kind
        self.subjects: dict[str, Subject] = {}
        self.round = 0
        self.page, self.status_only = PAGE, True
        self._wall, self._jitter = wall, jitter
        self._listed, self._listed_at = 0, -math.inf
        self._ended, self._ended_at = 0, -math.inf
        self._no_lists_of_ended_before = -math.inf
        self._failed_lists, self._no_lists_before = 0, -math.inf
        self._strays = self._strays_of_round = 0

    def join(self, listener: Listener, now: float) -> None:
        """Let somebody wait; for something known they are told where it stands."""
        subject = self.subjects.get(listener.wait.id)
        if subject is None:
            subject = self.subjects[listener.wait.id] = Subject(listener.wait.id, now)
        subject.listeners += (listener,)
        subject.heed()
        subject.due = subject.early = min(subject.due, now + GATHERING)
        listener.watch.looks = subject
        if subject.entity is not None:
            listener.tell(subject.entity)

    def leave(self, listener: Listener) -> None:
        """Let somebody go."""
        subject = self.subjects.get(listener.wait.id)
        if subject is None or listener not in subject.listeners:
            return
        subject.listeners = tuple(each for each in subject.listeners if each is not listener)
        if subject.listeners:
            subject.heed()
        else:
            del self.subjects[subject.id]

    def agenda(self, now: float) -> Agenda:
        """Say what to look at now, and when next; who is nearly due comes along, but for first looks."""
        due, early = [], []
        next_due = next_early = math.inf
        for subject in self.subjects.values():
            if subject.reading:
                continue
            ahead = MOMENT if subject.entity is None else _JITTER * subject.interval
            if subject.due - ahead <= now:
                due.append(subject)
                continue
            next_due = min(next_due, subject.due)
            if subject.early <= now:
                early.append(subject)
            else:
                next_early = min(next_early, subject.early)
        due.sort(key=lambda subject: subject.due)
        early.sort(key=lambda subject: subject.early)
        return Agenda(due, early, next_due, next_early)

    def lists_are_cheaper(self, looks: int, now: float) -> bool:
        """Tell whether it is cheaper to list for so many looks."""
        return now >= self._no_lists_before and lists_are_cheaper(
            looks,
            statuses=len(self.kind.live),
            listed=self._expected(now),
            strays=self._strays,
            page=self.page,
        )

    def lists_of_ended_are_cheaper(self, looks: int, now: float) -> bool:
        """Tell whether to list what has ended, ever, for so many that are in no other list."""
        statuses = len(self.kind.ended)
        if not statuses or now < self._no_lists_of_ended_before:
            return False
        listed = self._ended if now - self._ended_at < _KEPT else statuses * self.page
        return lists_are_cheaper(looks, statuses=statuses, listed=listed, strays=0, page=self.page)

    def listed_ended(self, listed: int, now: float) -> None:
        """Note how many have ended."""
        self._ended, self._ended_at = listed, now

    def do_without_ended(self, now: float) -> None:
        """Have what has left the lists read singly for some time."""
        self._no_lists_of_ended_before = now + _KEPT

    def requests_of_lists(self, now: float) -> int:
        """Say how many requests lists take."""
        return requests_of_lists(len(self.kind.live), self._expected(now), self.page)

    def begin_round(self) -> list[Subject]:
        """Begin to list; give those that are either listed now or read singly after it."""
        self.round += 1
        self._strays, self._strays_of_round = self._strays_of_round, 0
        return [subject for subject in self.subjects.values() if not subject.reading]

    def is_worth_it(self, requests: int, listed: int, looks: int) -> bool:
        """Tell whether to go on listing: not beyond twice what single looks cost."""
        return requests + listed / _ITEMS_PER_REQUEST < 2 * looks + len(self.kind.live)

    def listed(self, listed: int, now: float) -> None:
        """Note how many the lists held."""
        self._listed, self._listed_at = listed, now
        self._failed_lists = 0

    def list_failed(self) -> bool:
        """Note that nothing was listed though it can be read; tell whether that happens again and again."""
        self._failed_lists += 1
        return self._failed_lists >= _FAILED_LISTS

    def do_without_lists(self, now: float) -> None:
        """Have all read singly for some time."""
        self._no_lists_before = now + _KEPT
        self._failed_lists = 0

    def saw(self, subject: Subject, entity: Entity, now: float) -> bool:
        """Note where something stands, and tell those who wait for it if that is new to them.

        :return: whether somebody was told.
        """
        changed = subject.is_owed or subject.entity is None or subject.entity.status != entity.status
        subject.good(now)
        if subject.entity is None:
            subject.born = now - max(0.0, self._wall() - entity.created_at.timestamp())
        if changed:
            subject.entity, subject.is_owed = entity, False
            for each in subject.listeners:
                each.tell(entity)
        if self.kind.has_ended(entity.status):
            self.subjects.pop(subject.id, None)
        else:
            self._strays_of_round += subject.missed == self.round
            subject.looked(now, self._jitter())
        return changed

    def refuse(self, subject: Subject, error: Exception) -> None:
        """Give up looking at something; who has come for it since it was asked is looked for anew."""
        if self.subjects.get(subject.id) is subject:
            del self.subjects[subject.id]
        listeners, subject.listeners = subject.listeners, ()
        for each in listeners:
            each.refuse(error)

    def smaller_pages(self) -> bool:
        """Ask for smaller pages from now on, and tell whether that is possible."""
        if self.page <= _SMALLEST_PAGE:
            return False
        self.page = min(_SMALL_PAGE, self.page // 2) if self.page > _SMALL_PAGE else self.page // 2
        return True

    def _expected(self, now: float) -> int:
        """Say how many the lists probably hold: as lately; before that, what is waited for."""
        return self._listed if now - self._listed_at < _KEPT else len(self.subjects)
