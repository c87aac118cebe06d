"""How often: for one execution by its age, for a resource group by what AI Core bears."""

from __future__ import annotations

import math

SOONEST = 5.0
"""Seconds between two looks at an execution, at least, unless its interval is shorter."""

MOMENT = 0.01
"""Seconds that make no difference: clocks round, and nobody may come a moment too early again and again."""

_FRACTION = 0.25
_MINUTE = 60.0

_SLOWEST = 1 / _MINUTE
_UNLIMITED = 20.0
_RECOVERY = 60.0
_RISING, _CREEPING = 1.5, 1.05
_REMEMBERED = 900.0
_LONGEST_BACKOFF = 60.0
LONGEST_PAUSE = 600.0
"""Seconds of a `Retry-After` that are kept to."""


def pause(age: float, interval: float, expected_duration: float = math.inf) -> float:
    """Say after how many seconds another look at an execution is worth a request.

    After a quarter of its age, so that the end of a short one is seen at most a quarter of its duration late;
    likewise around the end that is expected. Never after more than its interval, and as a rule not before
    5 s.
    """
    return min(interval, max(SOONEST, _FRACTION * min(age, abs(expected_duration - age))))


class Budget:
    """Requests that a group may spend on looking earlier than the intervals ask for.

    All requests count, but only those for early looks wait for it: the looks that an interval asks for are
    always made.

    :param per_minute: how many there are in a minute.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self.per_minute = per_minute
        self._left = 0.0
        self._at = now

    def left(self, now: float) -> float:
        """Say how many there are, up to those of a minute; less than none if the intervals needed more."""
        self._left = min(self.per_minute, self._left + (now - self._at) * self.per_minute / _MINUTE)
        self._at = now
        return self._left

    def spend(self, now: float) -> None:
        """Count a request; debts of more than a minute are forgiven."""
        self._left = max(self.left(now) - 1, -self.per_minute)

    def in_hand(self, requests: float, now: float) -> float:
        """Say when there will be so many."""
        return now + max(0.0, requests - self.left(now)) * _MINUTE / self.per_minute + MOMENT


class Rate:
    """How fast a group may ask: as it likes, until AI Core refuses.

    A 429 halves the rate that was tried, and `Retry-After` is kept to, up to ten minutes. Then it rises
    again, by a half each minute; near the rate that was refused by a twentieth, for a quarter of an hour.
    Other trouble lets it pause, each time twice as long, up to a minute.
    """

    def __init__(self, now: float) -> None:
        self.limit = math.inf
        """Requests per second."""
        self.failures = 0
        """Troubled answers in a row."""
        self._refused_at, self._remembered_until = math.inf, now
        self._changed_at = self._failed_at = now
        self._begun_at = self._not_before = self._next_at = now
        self._lately, self._counted_at = 0.0, now

    @property
    def is_limited(self) -> bool:
        """Whether AI Core has refused, not long ago."""
        return self.limit < math.inf

    def pause(self, now: float) -> float:
        """Say how many seconds the next request has to wait."""
        self._recover(now)
        pause = max(self._not_before, self._next_at) - now
        return pause if pause > MOMENT else 0.0

    def sent(self, now: float) -> None:
        """Count a request."""
        self._lately = self._requests_lately(now) + 1
        self._counted_at = now
        if self.is_limited:
            self._next_at = max(now, self._next_at) + 1 / self.limit

    def good(self) -> None:
        """Note an answer."""
        self.failures = 0

    def bad(self, sent_at: float, now: float, jitter: float) -> None:
        """Note that no good answer came. Of many requests that were under way together, one counts."""
        if self.failures and sent_at <= self._failed_at:
            return
        self._failed_at = now
        self.failures += 1
        backoff = min(_LONGEST_BACKOFF, 2.0 ** min(self.failures - 1, 10)) * (1 + jitter / 4)
        self._not_before = max(self._not_before, now + backoff)

    def refused(self, sent_at: float, now: float, retry_after: float | None) -> None:
        """Note a 429. Of many to requests that were under way together, only the first halves the rate."""
        self._not_before = max(self._not_before, now + min(retry_after or 0.0, LONGEST_PAUSE))
        if sent_at < self._changed_at and self.is_limited:
            return
        counted_for = min(_MINUTE, max(1.0, now - self._begun_at))
        tried = min(self.limit, self._requests_lately(now) / counted_for)
        self.limit = max(_SLOWEST, tried / 2)
        self._refused_at, self._remembered_until = tried, now + _REMEMBERED
        self._changed_at = now

    def _recover(self, now: float) -> None:
        while self.is_limited and now - max(self._changed_at, self._not_before) >= _RECOVERY:
            self._changed_at = max(self._changed_at, self._not_before) + _RECOVERY
            is_near = self._refused_at * 0.6 < self.limit and self._changed_at < self._remembered_until
            self.limit *= _CREEPING if is_near else _RISING
            if self.limit > _UNLIMITED:
                self.limit = math.inf

    def _requests_lately(self, now: float) -> float:
        """Count the requests of about the last minute; older ones count ever less."""
        return self._lately * math.exp((self._counted_at - now) / _MINUTE)
