"""When a request is sent again: after how many seconds, or not at all."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

_TRANSIENT = frozenset({408, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Says how often, and after how many seconds, a request is sent again.

    A refused connection and a 429 did nothing, so anything may be repeated after them. A lost answer and a
    5xx leave open what happened, so only a repeatable call is: AI Core has no idempotency key, and a repeated
    create would start a second, paid execution.

    :param repeats: how often a request is sent again at most; 0 turns repeating off.
    :param base: seconds before the first repeat; doubled for each further one, with jitter of up to a
        quarter.
    :param longest: no wait of our own is longer, in seconds.
    :param patience: longest `Retry-After` in seconds that is waited for; beyond it the 429 or 503 is given to
        the caller.
    :param jitter: draws from 0 up to 1.
    """

    repeats: int = 4
    base: float = 0.5
    longest: float = 30.0
    patience: float = 120.0
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def wait(
        self, repeated: int, answer: httpx.Response | httpx.RequestError | None, *, repeatable: bool
    ) -> float | None:
        """Return the seconds to wait before sending again, or ``None`` to take the answer as it is.

        :param repeated: how often it was sent again so far.
        """
        if repeated >= self.repeats or not _may_repeat(answer, repeatable=repeatable):
            return None
        wished = retry_after(answer) if isinstance(answer, httpx.Response) else None
        if wished is not None:
            return wished if wished <= self.patience else None
        backoff = min(self.base * 2.0**repeated, self.longest)
        return backoff * (1 + self.jitter() / 4)


NO_RETRY = RetryPolicy(repeats=0)


def never_sent(error: httpx.RequestError) -> bool:
    """Tell whether the request did not leave this machine."""
    return isinstance(
        error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
    )


def retry_after(response: httpx.Response) -> float | None:
    """Read the answer's `Retry-After` as seconds, from either of its two forms.

    A date is compared with the answer's own `Date`, since this machine's clock may be wrong; with that clock
    where the answer has none.
    """
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        own = response.headers.get("Date")
        since = parsedate_to_datetime(own) if own else datetime.now(UTC)
        return max(0.0, (until - since).total_seconds())
    except (TypeError, ValueError):
        return None


def _may_repeat(answer: httpx.Response | httpx.RequestError | None, *, repeatable: bool) -> bool:
    if isinstance(answer, httpx.RequestError):
        return never_sent(answer) or (repeatable and isinstance(answer, httpx.TransportError))
    if answer is None:
        return False
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return True
    return repeatable and answer.status_code in _TRANSIENT
