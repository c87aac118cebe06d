"""Who may run: a number of executions at a time, first come first served."""

import threading
from collections.abc import Callable


class Turns:
    """A queue of executions, the first of which may run.

    :param places: how many; None: all.
    """

    def __init__(self, places: int | None) -> None:
        self._places = places
        self._changed = threading.Condition()
        self._queue: dict[str, None] = {}

    def join(self, execution_id: str) -> None:
        """Go to the end of the queue."""
        with self._changed:
            self._queue[execution_id] = None

    def wait(self, execution_id: str, given_up: Callable[[], bool]) -> None:
        """Wait until it is the turn of an execution, or it gives up."""
        with self._changed:
            self._changed.wait_for(lambda: given_up() or execution_id in list(self._queue)[: self._places])

    def look_again(self) -> None:
        """Ask those who wait whether they have given up."""
        with self._changed:
            self._changed.notify_all()

    def leave(self, execution_id: str) -> None:
        """Leave the queue, so that the next may run."""
        with self._changed:
            self._queue.pop(execution_id, None)
            self._changed.notify_all()
