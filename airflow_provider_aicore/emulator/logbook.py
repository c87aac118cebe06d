"""The log of one execution: in order of time, and with an end to what is kept."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

MOST_LINES = 100_000
"""So many lines, the newest ones, are kept of one log; what AI Core keeps is not documented."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of an execution's log.

    :param nanoseconds: since the epoch; several lines may share one.
    """

    nanoseconds: int
    container: str
    pod: str
    msg: str


class Logbook:
    """Lines in order of time; those of the same instant in the order in which they came.

    :param most: so many lines are kept, and a tenth more for a while.
    :param earlier: gives the lines of an earlier emulator, in that order; asked when somebody first looks.
    """

    def __init__(
        self, most: int = MOST_LINES, earlier: Callable[[], Iterable[LogLine]] | None = None
    ) -> None:
        self._most, self._earlier = most, earlier
        self._lines: list[LogLine] = []

    def __iter__(self) -> Iterator[LogLine]:
        return iter(self._all())

    def add(self, line: LogLine) -> None:
        """Add a line; it may lie in the past."""
        lines = self._all()
        if not lines or lines[-1].nanoseconds <= line.nanoseconds:
            lines.append(line)
        else:
            insort(lines, line, key=_instant)
        # A tenth at a time: the front of a list is dear to cut.
        if len(lines) > self._most + self._most // 10:
            del lines[: -self._most]

    def between(self, start: int, end: int, most: int, *, newest_first: bool = False) -> list[LogLine]:
        """Give the first lines of a span of time, its ends included.

        :param start: nanoseconds since the epoch.
        :param end: nanoseconds since the epoch.
        :param most: so many lines at most.
        :param newest_first: begin at the end.
        """
        lines = self._all()
        first, last = bisect_left(lines, start, key=_instant), bisect_right(lines, end, key=_instant)
        if newest_first:
            return lines[max(first, last - most) : last][::-1]
        return lines[first : min(last, first + most)]

    def _all(self) -> list[LogLine]:
        if self._earlier is not None:
            self._lines, self._earlier = list(self._earlier()), None
        return self._lines


def _instant(line: LogLine) -> int:
    return line.nanoseconds
