"""A clock that stands still until somebody turns it."""

import time


class ManualClock:
    """Gives the emulator its time, as ``Emulator(now=clock)``.

    :param start: seconds since the epoch; default: the present, so that dates look as they should.
    """

    def __init__(self, start: float | None = None) -> None:
        self._seconds = time.time() if start is None else start

    def __call__(self) -> float:
        """Give the time, in seconds since the epoch."""
        return self._seconds

    def move(self, seconds: float) -> None:
        """Turn the clock on.

        :raises ValueError: *seconds* is negative; AI Core's time does not go back.
        """
        if seconds < 0:
            raise ValueError(f"A clock goes forward only, not by {seconds} s")
        self._seconds += seconds
