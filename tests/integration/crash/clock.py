"""A clock for several processes, which stands still until somebody turns it: who would sleep does.

So each run of a story takes the same steps, however slow the machine is.
"""

from __future__ import annotations

import mmap
import selectors
import struct
import time
from typing import TYPE_CHECKING

from tests.turned_loop import LoopWithThreads

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_real_time = time.time
_NETWORK_SECONDS = 0.02
"""Real seconds in which something may still come in before an idle event loop turns the clock."""
_TICK = 1e-6
"""Seconds by which the clock is turned further than asked, so that rounding does not leave it just before."""


class SharedClock:
    """It lies in memory that forked processes share; only one of them may turn it at a time."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 16)
        self.on_turn: Callable[[float], None] = lambda _until: None
        """Is told to when the clock is about to be turned, for what happens meanwhile."""
        self.reset()

    def __call__(self) -> float:
        """Give the time, in seconds since the epoch."""
        began, passed = self._read()
        return began + passed

    @property
    def passed(self) -> float:
        """Seconds since the reset."""
        return self._read()[1]

    def reset(self) -> None:
        """Begin again with the present."""
        struct.pack_into("dd", self._memory, 0, _real_time(), 0.0)

    def turn(self, seconds: float) -> None:
        """Turn it on."""
        self.on_turn(self() + seconds)
        self.turn_quietly(seconds)

    def turn_quietly(self, seconds: float) -> None:
        """Turn it on without telling anybody."""
        began, passed = self._read()
        struct.pack_into("dd", self._memory, 0, began, passed + max(0.0, seconds))

    def rule(self, before_sleep: Callable[[], None]) -> None:
        """Be the clock of this whole process from now on.

        :param before_sleep: is called when the code under test sleeps.
        """

        def sleep(seconds: float) -> None:
            before_sleep()
            self.turn(seconds)

        time.time = self.__call__
        time.monotonic = lambda: self.passed
        time.sleep = sleep  # type: ignore[assignment]

    def loop(self, is_busy: Callable[[], bool]) -> asyncio.AbstractEventLoop:
        """Make an event loop that turns the clock when it has nothing to do before some time.

        :param is_busy: whether an answer is being waited for, which comes in real time.
        """
        clock = self

        class Selector(selectors.DefaultSelector):
            def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
                if timeout is None or timeout <= 0:
                    return super().select(timeout)
                waits_in_real_time = is_busy() or loop.threads_at_work
                ready = super().select(timeout if waits_in_real_time else min(timeout, _NETWORK_SECONDS))
                if not ready:
                    clock.turn(timeout + _TICK)
                return ready

        loop = LoopWithThreads(Selector())
        return loop

    def _read(self) -> tuple[float, float]:
        began, passed = struct.unpack_from("dd", self._memory)
        return began, passed
