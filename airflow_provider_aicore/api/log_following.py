"""An execution's log, shown while it grows; trouble with it is never more than a line in it."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.call import Flow, once
from airflow_provider_aicore.api.errors import AICoreError, NotFoundError
from airflow_provider_aicore.api.log_cursor import PAGE, LogCursor
from airflow_provider_aicore.api.log_lines import MAX_SHOWN, ShownLine, is_argo_s_own, shown
from airflow_provider_aicore.api.retry import NO_RETRY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from airflow_provider_aicore.api.models import LogLine

INTERVAL = 20.0
"""Seconds between two looks at a log that grows."""
SLOWEST = 60.0
"""Seconds between two looks at a log that is quiet, or cannot be read."""
FIRST_AFTER = 5.0
"""Seconds before the first look."""
LATE = 4.0
"""Seconds after the end within which lines may still come; AI Core's log pipeline lags by seconds."""
PATIENCE = 15.0
"""Seconds that the end of a log may take to be read, once its execution has ended."""

_EARLIER = timedelta(minutes=1)
_SLOWER = 1.5
_RETRY_AT_THE_END = 3.0
_MOST_HELD = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a log is shown.

    :param lines: so many in each interval of 20 s, which is what Airflow's triggerer with many of them bears.
    :param characters: so many in each interval; of each line 8192 count.
    :param in_all: so many lines by one try of a task, which is what Airflow's log page bears.
    :param page: lines that are asked for at once, and up to `largest_page` where one time stamp has more.
    """

    lines: int = 1000
    characters: int = 256 * 1024
    in_all: int = 100_000
    page: int = PAGE
    largest_page: int = executions.MAX_LOG_LINES


class Allowance:
    """What may still be shown."""

    def __init__(self, limits: Limits, shown_lines: int = 0) -> None:
        self._limits = limits
        self.shown_lines = shown_lines
        self._lines, self._characters = limits.lines, limits.characters
        self._since: float | None = None

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more will be shown."""
        return self.shown_lines >= self._limits.in_all

    def admits(self, line: LogLine, now: float) -> bool:
        """Say whether a line may be shown, which counts then."""
        if self._since is None or now - self._since >= INTERVAL:
            self._since, self._lines, self._characters = now, self._limits.lines, self._limits.characters
        size = min(len(line.msg), MAX_SHOWN)
        if self.is_used_up or not self._lines or size > self._characters:
            return False
        self._lines -= 1
        self._characters -= size
        self.shown_lines += 1
        return True


class LogFollower:
    """Reads an execution's log whenever :attr:`due_at` has come, and says what to show of it.

    :param now: a clock in seconds that never jumps; the system's if not given.
    :param stored: of another one that followed the same log, and ended: what it had shown is not shown again.
    """

    def __init__(
        self,
        execution_id: str,
        *,
        now: Callable[[], float] | None = None,
        stored: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.execution_id = execution_id
        self.now = now or time.monotonic
        self.is_done = False
        """Whether the execution has ended, and its log has been read to the end."""
        self.due_at = self.now() + FIRST_AFTER
        self._pause = INTERVAL
        self._limits = limits = limits or Limits()
        self._pages = {"page": limits.page, "largest_page": limits.largest_page}
        self._cursor = LogCursor.restored(stored["cursor"], **self._pages) if stored else None
        self._allowance = Allowance(limits, stored["shown"] if stored else 0)
        self._left_out: int = stored["left_out"] if stored else 0
        self._held: list[LogLine] = []
        """What Argo's containers say, as long as nobody else says anything."""
        self._others_speak = stored is not None
        self._is_troubled = False
        self._last_at = math.inf
        """When lines no longer come: some seconds after the end."""
        self._has_looked_back = False

    @property
    def stored(self) -> dict[str, Any] | None:
        """What another one needs to go on, as JSON; ``None`` if that is nothing."""
        if self._cursor is None or not self._others_speak:
            return None
        return {
            "cursor": self._cursor.stored(),
            "shown": self._allowance.shown_lines,
            "left_out": self._left_out,
        }

    def read(self) -> Flow[Iterator[ShownLine]]:
        """Look once, and return what to show, which takes its time as it is iterated over."""
        is_last = self.now() >= self._last_at
        try:
            cursor, lines = yield from self._lines()
        except AICoreError as error:
            return iter(self._bear(error))
        new = cursor.take(lines)
        self._plan(cursor, has_new=bool(new), is_last=is_last)
        return self._told(cursor, new)

    def end(self) -> None:
        """Take note that the execution has ended: after a moment, one last look."""
        self.due_at = self._last_at = self.now() + LATE

    def leave_out(self, lines: Iterable[ShownLine]) -> int:
        """Count what there was no time to show, to be told with the rest, and return how much it is."""
        count = sum(1 for line in lines if not isinstance(line, _Note))
        self._left_out += count
        return count

    def rest(self) -> Iterator[ShownLine]:
        """Return what is to be shown when nothing more will be read."""
        self._others_speak = True
        yield from self._shown(self._held)
        yield from self._what_was_left_out()
        if not self.is_done and self._cursor is not None:
            since = self._cursor.start.isoformat(timespec="milliseconds")
            yield _note(
                f"The log of execution {self.execution_id} was not read to its end: for what it has since "
                f"{since} look in AI Core.",
                logging.WARNING,
            )

    @property
    def _has_ended(self) -> bool:
        return self._last_at < math.inf

    def _lines(self) -> Flow[tuple[LogCursor, list[LogLine]]]:
        """Read a page; before the runtime knows the execution there is none."""
        if self._cursor is None:
            execution = yield from once(executions.get(self.execution_id), NO_RETRY)
            self._cursor = LogCursor(execution.created_at - _EARLIER, **self._pages)
        cursor = self._cursor
        call = executions.logs(self.execution_id, start=cursor.start, top=cursor.top)
        try:
            lines = yield from once(call, NO_RETRY)
        except NotFoundError:
            lines = []
        return cursor, lines

    def _plan(self, cursor: LogCursor, *, has_new: bool, is_last: bool) -> None:
        """Say when to look again."""
        if cursor.is_behind:
            self.due_at = self.now()
        elif is_last and (self._has_looked_back or not cursor.looks_back):
            self.is_done = True
        elif self._has_ended:
            self._has_looked_back = is_last
            self.due_at = max(self.now(), self._last_at)
        else:
            self._pause = INTERVAL if has_new else min(SLOWEST, self._pause * _SLOWER)
            self.due_at = self.now() + self._pause

    def _bear(self, error: AICoreError) -> list[ShownLine]:
        """Tell trouble once, and look again later."""
        pause = _RETRY_AT_THE_END if self._has_ended else SLOWEST
        self.due_at = self.now() + max(pause, getattr(error, "retry_after", None) or 0.0)
        if self._is_troubled:
            return []
        self._is_troubled = True
        return [
            _note(
                f"The log of execution {self.execution_id} cannot be read; trying again, and telling when it "
                f"can. {error}",
                logging.WARNING,
            )
        ]

    def _told(self, cursor: LogCursor, new: list[LogLine]) -> Iterator[ShownLine]:
        if self._is_troubled:
            self._is_troubled = False
            yield _note(f"The log of execution {self.execution_id} can be read again.")
        yield from self._shown(self._users_own(new))
        if cursor.may_lack_lines:
            yield _note(
                f"Lines are missing here: {self._limits.largest_page} or more share a time stamp, and AI "
                "Core gives no more of those.",
                logging.WARNING,
            )
        if not cursor.is_behind and not self._allowance.is_used_up:
            yield from self._what_was_left_out()

    def _users_own(self, new: list[LogLine]) -> list[LogLine]:
        """Leave out what Argo's containers say; keep it as long as nobody else says anything."""
        own = [line for line in new if not is_argo_s_own(line)]
        self._others_speak = self._others_speak or bool(own)
        self._held = [] if self._others_speak else [*self._held, *new][-_MOST_HELD:]
        return own

    def _shown(self, lines: list[LogLine]) -> Iterator[ShownLine]:
        for line in lines:
            if not self._allowance.admits(line, self.now()):
                self._left_out += 1
                continue
            yield from self._what_was_left_out()
            level, text = shown(line, self.execution_id)
            # Airflow's own logs begin at INFO: what is shown of a log has no gaps that nobody tells.
            yield ShownLine(max(level, logging.INFO), text)
            if self._allowance.is_used_up:
                yield _note(f"{self._limits.in_all} lines were shown; from here on they are only counted.")

    def _what_was_left_out(self) -> Iterator[ShownLine]:
        limits = self._limits
        left_out, self._left_out = self._left_out, 0
        if left_out:
            yield _note(
                f"{left_out} line{'' if left_out == 1 else 's'} left out here, which AI Core has; shown are "
                f"{limits.lines} lines and {limits.characters // 1024} KB in {INTERVAL:.0f} s."
            )


class _Note(ShownLine):
    """A line of ours."""


def _note(text: str, level: int = logging.INFO) -> _Note:
    return _Note(level, text)
