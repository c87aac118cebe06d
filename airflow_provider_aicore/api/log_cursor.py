"""Which lines of a growing log are new: each is given once, though windows overlap and some come late."""

from __future__ import annotations

import base64
import functools
import itertools
import struct
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_aicore.api.executions import MAX_LOG_LINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aicore.api.models import LogLine

PAGE = 1500
"""Lines that are asked for at once: to read more would hold up an event loop. More only where it must be."""
OVERLAP = 30.0
"""Seconds by which windows overlap: a line may come so much later than a younger one."""
MOST_SEEN = 20_000
MOST_STORED = 48_000
"""Bytes, which are 64 KB as text: 11 000 lines where a hundred share a time stamp, 3000 where none do.

More only while it is behind, and then up to `MOST_SEEN` lines.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MICROSECOND = 1_000_000_000, 1_000
_DIGEST = 32
"""Bits: two lines of one time stamp that have the same are counted as one that came twice."""
_STAMP = struct.Struct(">QL")
"""How the lines of a time stamp begin when they are stored: it, and how many there are."""


class LogCursor:
    """How far a log has been read.

    AI Core cuts what it gives without a sign, and gives lines late; whether it keeps the order of those that
    share a time stamp is not documented. So windows overlap, and lines are counted by what they are: those of
    a time stamp are always read together.

    :param start: earlier than the first line.
    :param page: lines that are asked for at once, and up to `largest_page` where one time stamp has more.
    :param most_seen: lines that are remembered, the newest: where more come within the overlap, it is that
        much shorter.
    :param most_stored: the same over a restart, in bytes: 12 for a time stamp, and 4 for each of its lines.
    """

    def __init__(
        self,
        start: datetime,
        *,
        page: int = PAGE,
        largest_page: int = MAX_LOG_LINES,
        most_seen: int = MOST_SEEN,
        most_stored: int = MOST_STORED,
    ) -> None:
        self._floor = self._from = self._newest = (start - _EPOCH) // timedelta(microseconds=1) * _MICROSECOND
        self._behind_since: int | None = None
        """The newest line when it fell behind."""
        self._seen: dict[int, int] = {}
        self._page, self._largest_page = page, largest_page
        self._most_seen, self._most_stored = most_seen, most_stored
        self.top = page
        """How many lines to ask for."""
        self.is_behind = False
        """Whether there are more lines now, as far as is known."""
        self.looks_back = False
        """Whether the next page is of what was read while it was behind."""
        self.may_lack_lines = False
        """Whether the last page had to be stepped over, since its lines share one time stamp."""

    @property
    def start(self) -> datetime:
        """From when on to ask."""
        return _EPOCH + timedelta(microseconds=self._from // _MICROSECOND)

    def take(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Take what was given for :attr:`start` and :attr:`top`, and return what is new of it."""
        here: dict[int, int] = {}
        new, at = [], self._from
        for line in lines:
            at = nanoseconds(line.timestamp, default=at)
            if at < self._floor:
                continue
            key = at << _DIGEST | _digest(line)
            here[key] = count = here.get(key, 0) + 1
            if count > self._seen.get(key, 0):
                self._seen[key] = count
                new.append(line)
        last = max(here, default=self._newest << _DIGEST) >> _DIGEST
        caught_up_to, self._newest = self._newest, max(self._newest, last)
        if len(lines) >= self.top:
            self._go_on(last)
            self._behind_since = caught_up_to if self._behind_since is None else self._behind_since
        else:
            self._look_back()
        if len(self._seen) > self._most_seen:
            self._forget(sorted(self._seen)[-self._most_seen // 2] >> _DIGEST)
        return new

    def stored(self) -> dict[str, Any]:
        """Return what a later cursor needs to go on, as JSON: the newest lines, by their time stamps."""
        floor, size = self._floor, 0
        packed: list[bytes] = []
        newest_first = sorted(self._seen, reverse=True)
        for at, keys in itertools.groupby(newest_first, key=lambda key: key >> _DIGEST):
            digests = [key & (1 << _DIGEST) - 1 for key in keys for _ in range(self._seen[key])]
            stamp = _STAMP.pack(at, len(digests)) + struct.pack(f">{len(digests)}L", *digests)
            size += len(stamp)
            # The newest time stamp is kept whole: it may have lines that were not read yet. So is what is
            # being read once more, for lines that came late while it was behind.
            if packed and size > self._most_stored and not (self.is_behind and at >= self._from):
                floor = at + 1
                break
            packed.append(stamp)
        return {"floor": floor, "seen": base64.b64encode(b"".join(packed)).decode()}

    @classmethod
    def restored(cls, stored: Mapping[str, Any], **options: int) -> Self:
        """Make the cursor that goes on."""
        cursor = cls(_EPOCH, **options)
        cursor._floor = cursor._from = cursor._newest = int(stored["floor"])
        packed, here = base64.b64decode(stored["seen"]), 0
        while here < len(packed):
            at, count = _STAMP.unpack_from(packed, here)
            digests = struct.unpack_from(f">{count}L", packed, here + _STAMP.size)
            here += _STAMP.size + struct.calcsize(f">{count}L")
            for key in (at << _DIGEST | digest for digest in digests):
                cursor._seen[key] = cursor._seen.get(key, 0) + 1
            cursor._newest = max(cursor._newest, at)
        return cursor

    def _look_back(self) -> None:
        """Begin the next page some time ago; as long as it was behind, what came late was not seen."""
        self.top, self.is_behind, self.may_lack_lines = self._page, False, False
        self.looks_back = self._behind_since is not None
        newest = self._newest if self._behind_since is None else self._behind_since
        self._behind_since = None
        self._from = max(self._floor, newest - int(OVERLAP * _SECOND))
        self._forget(self._from)

    def _go_on(self, last: int) -> None:
        """Begin the next page where this one was cut."""
        self.is_behind, self.may_lack_lines = True, False
        if last // _MICROSECOND > self._from // _MICROSECOND:
            self.top, self._from = self._page, last
        elif self.top < self._largest_page:
            self.top = self._largest_page
        else:
            self.top, self.may_lack_lines = self._page, True
            self._from += _MICROSECOND

    def _forget(self, floor: int) -> None:
        """Ask for nothing that is older any more."""
        self._floor, self._from = floor, max(floor, self._from)
        self._seen = {key: count for key, count in self._seen.items() if key >= floor << _DIGEST}


def nanoseconds(timestamp: str, *, default: int) -> int:
    """Read a time stamp of AI Core in nanoseconds since the epoch; a datetime would lose three digits.

    :param default: for what is no time stamp.
    """
    whole, point, rest = timestamp.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    try:
        second = _second(whole + rest[len(digits) :] if point else timestamp)
    except ValueError:
        return default
    return second * _SECOND + int(f"{digits:0<9.9}")


@functools.lru_cache(maxsize=64)
def _second(timestamp: str) -> int:
    """Read a time stamp without its fraction, which many lines share: to read it costs most."""
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(seconds=1)


def _digest(line: LogLine) -> int:
    what = "\0".join((line.timestamp, line.pod or "", line.container or "", line.msg))
    return int.from_bytes(blake2b(what.encode(errors="surrogatepass"), digest_size=_DIGEST // 8).digest())
