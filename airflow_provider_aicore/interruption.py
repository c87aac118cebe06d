"""What signals want of a task on its worker, put off until it suits.

Airflow raises at its alarm for `execution_timeout`, wherever the task is, and at SIGTERM calls the operator's
``on_kill`` and goes on.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ToldToEndError(Exception):
    """Airflow wants this process to end."""


class EndNotice:
    """Airflow's word that this process has to end: heeded in pauses, so that no request is left half done."""

    def __init__(self) -> None:
        self._is_given = False
        self._is_heeded = False
        self._is_asleep = False

    def give(self) -> None:
        """Note it, and end a pause that heeds it; for signal handlers, and as often as one likes.

        :raises ToldToEndError: in a pause, out of which it is raised then. An event that would end the pause
            could lock the handler out.
        """
        is_news = not self._is_given
        self._is_given = True
        if is_news and self._is_asleep:
            raise ToldToEndError

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the notice is given and heeded.

        :raises ToldToEndError: it was.
        """
        try:
            self._is_asleep = self._is_heeded
            self.heed()
            time.sleep(seconds)
        finally:
            self._is_asleep = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Heed it in the pauses of a block and at its begin.

        :raises ToldToEndError: it was given.
        """
        self._is_heeded = True
        try:
            self.heed()
            yield
        finally:
            self._is_heeded = False

    def heed(self) -> None:
        """Raise if it is given and heeded.

        :raises ToldToEndError: it is.
        """
        if self._is_given and self._is_heeded:
            raise ToldToEndError


@contextmanager
def alarm_put_off() -> Iterator[None]:
    """Put off the alarm until :func:`alarm_heard`.

    It would raise anywhere, also where an execution was started and nobody knows its id yet.
    """
    before = signal.getsignal(signal.SIGALRM)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGALRM, _PutOffAlarm(before))
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


@contextmanager
def alarm_heard() -> Iterator[None]:
    """Let the alarm ring, at once if it was put off, for a block of which the caller handles it."""
    alarm = signal.getsignal(signal.SIGALRM)
    if not isinstance(alarm, _PutOffAlarm):
        yield
        return
    try:
        alarm.hear()
        yield
    finally:
        alarm.is_heard = False


class _PutOffAlarm:
    """Handles the signal instead of Airflow: now, or when it is heard."""

    def __init__(self, handler: Callable[[int, Any], Any]) -> None:
        self._handler = handler
        self._has_rung = False
        self.is_heard = False

    def __call__(self, number: int, frame: Any) -> None:
        if self.is_heard:
            self._handler(number, frame)
        else:
            self._has_rung = True

    def hear(self) -> None:
        """Let it ring from now on."""
        self.is_heard = True
        if self._has_rung:
            self._has_rung = False
            self._handler(signal.SIGALRM, None)
