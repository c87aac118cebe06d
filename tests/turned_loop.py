"""An event loop whose time is the tests' clock: where all would sleep, it is turned."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.conftest import Clock

T = TypeVar("T")

the_clock: Clock | None = None
"""That of the test that runs; the fixture `network` makes it known here."""


class LoopWithThreads(asyncio.SelectorEventLoop):
    """Knows how many threads it waits for: what they do takes real time."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.threads_at_work = 0
        super().__init__(selector)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self.threads_at_work += 1
        future.add_done_callback(self._has_ended)
        return future

    def _has_ended(self, _future: asyncio.Future[Any]) -> None:
        self.threads_at_work -= 1


class TurnedLoop(LoopWithThreads):
    """Everything that waits in it waits by the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        super().__init__(_TurningSelector(self))
        self._clock_resolution = 1e-6  # Of seconds since the epoch no finer one is left.

    def time(self) -> float:
        return self._clock.time

    def turn(self, seconds: float) -> None:
        """Turn the clock."""
        self._clock.time += seconds


class _TurningSelector(selectors.DefaultSelector):
    """Turns the clock in place of waiting, unless something has come, or comes from elsewhere."""

    def __init__(self, loop: TurnedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._loop.threads_at_work and timeout != 0:
            return super().select(None)
        events = super().select(None if timeout is None else 0)
        if not events and timeout:
            self._loop.turn(timeout)
        return events


def run(main: Coroutine[Any, Any, T], clock: Clock | None = None) -> T:
    """Run a coroutine to its end, by a clock, or else by that of the fixture `network`."""
    clock = clock or the_clock
    assert clock is not None, "Ask for the fixture `network`, or give a clock."
    with asyncio.Runner(loop_factory=lambda: TurnedLoop(clock)) as runner:
        return runner.run(main)
