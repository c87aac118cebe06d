"""An event loop whose time is the tests' clock: where all would sleep, it is turned."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.conftest import Clock

T = TypeVar("T")


class _TurningSelector(selectors.DefaultSelector):
    """Turns the clock in place of waiting, unless something has come or only that can wake the loop."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(None if timeout is None else 0)
        if not events and timeout:
            self._clock.time += timeout
        return events


class TurnedLoop(asyncio.SelectorEventLoop):
    """Everything that waits in it waits by the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        super().__init__(_TurningSelector(clock))
        self._clock_resolution = 1e-6  # Of seconds since the epoch no finer one is left.

    def time(self) -> float:
        return self._clock.time


def run(clock: Clock, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    with asyncio.Runner(loop_factory=lambda: TurnedLoop(clock)) as runner:
        return runner.run(main)
