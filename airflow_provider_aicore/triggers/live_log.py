"""The log of an execution in that of its task, while no worker waits for it."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_aicore import compat
from airflow_provider_aicore.api import AICoreError
from airflow_provider_aicore.api.log_following import INTERVAL, PATIENCE, LogFollower
from airflow_provider_aicore.hooks.aicore import AICoreHook
from airflow_provider_aicore.poller import visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from airflow_provider_aicore.api.log_lines import ShownLine
    from airflow_provider_aicore.poller.aside import Rank
    from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger

T = TypeVar("T")

KEY = "aicore_log"
"""The XCom's key under which stands how far the log was shown."""
SHOWN_AT_ONCE, PAUSE = 50, 0.05
"""Lines that are logged before others have their turn, and seconds until the next: they go through a socket,
and whoever reads it must not fall behind."""
SETTLE = 2.0
"""Seconds after which what was logged has reached its file."""
_ATTEMPTS, _ATTEMPT_AFTER = 3, 5.0

_PROCESS = uuid.uuid4().hex
"""One triggerer has one file for the log of a try, and begins it anew with each of its triggers."""
_questions: set[asyncio.Task[Any]] = set()
"""Strong references: an event loop has none to its tasks."""
_one_at_a_time: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class LiveLog:
    """Shows the log as long as the block lasts; trouble with it is never the wait's.

    How far it was shown is kept in an XCom of the task, so that the next triggerer goes on there.
    """

    def __init__(self, trigger: AICoreExecutionTrigger) -> None:
        self._trigger = trigger
        self._now = asyncio.get_running_loop().time
        self._ended = asyncio.Event()
        self._follower: LogFollower | None = None
        self._lines: Iterator[ShownLine] = iter(())
        self._has_unstored, self._stored_at = False, self._now()

    async def __aenter__(self) -> Self:
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._following.cancel()
        await asyncio.wait([self._following])

    async def finish(self) -> bool:
        """Show what is left, now that the execution has ended; tell whether it was all in some seconds."""
        self._ended.set()
        if self._follower is not None:
            self._follower.end()
        await asyncio.wait([self._following], timeout=PATIENCE)
        self._following.cancel()
        await asyncio.wait([self._following])
        await self._show()
        if self._follower is None:
            return False
        self._lines = self._follower.rest()
        await self._show()
        await asyncio.sleep(SETTLE)  # As soon as the trigger has told its event, Airflow closes the file.
        return self._follower.is_done

    async def leave(self) -> None:
        """Keep how far the log was shown, now that the wait goes on elsewhere."""
        self._following.cancel()
        await asyncio.wait([self._following])
        await self._show()
        if self._has_unstored:
            await self._store()

    async def _follow(self) -> None:
        trigger = self._trigger
        connection = (trigger.aicore_conn_id, trigger.resource_group)
        try:
            follower = LogFollower(trigger.execution_id, now=self._now, stored=await self._stored())
            self._follower = follower
            if self._ended.is_set():
                follower.end()
            async with visit(
                connection=connection, connect=AICoreHook(*connection).aget_conn, log=trigger.log
            ) as there:
                while not follower.is_done:
                    await self._nap(follower)
                    rank: Rank = "urgent" if self._ended.is_set() else "patient"
                    self._lines = await there.run(lambda _: follower.read(), aside=rank)
                    await self._show()
                    await self._store_in_a_pause(follower)
        except (AICoreError, ValueError):
            return  # The wait says what is wrong with the connection.
        except Exception as error:  # noqa: BLE001 - a log is not worth a task
            trigger.log.warning("The log is not shown any more: %s: %s", type(error).__name__, error)

    async def _nap(self, follower: LogFollower) -> None:
        """Wait until the log is to be read, which may become sooner when the execution ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(follower.due_at - self._now()):
                await self._ended.wait()
        await asyncio.sleep(max(0.0, follower.due_at - self._now()))

    async def _show(self) -> None:
        """Log what was read, or what is left of it; others have their turn meanwhile."""
        for count, (level, text) in enumerate(self._lines, 1):
            self._trigger.log.log(level, "%s", text)
            self._has_unstored = True
            if not count % SHOWN_AT_ONCE:
                await asyncio.sleep(PAUSE)

    async def _store_in_a_pause(self, follower: LogFollower) -> None:
        """Keep how far the log was shown; in the end nobody needs that."""
        now = self._now()
        is_time = follower.due_at > now + SETTLE or now >= self._stored_at + INTERVAL
        if not self._has_unstored or not is_time:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE):
                await self._ended.wait()
                return
        await self._store()

    async def _store(self) -> None:
        stored = None if self._follower is None else self._follower.stored
        task = self._trigger.task_instance
        if stored is None or task is None:
            return
        self._has_unstored, self._stored_at = False, self._now()
        value = {**stored, **self._identity(task), "process": _PROCESS}
        try:
            await _ask_airflow(partial(compat.push_xcom, *_whose(task), key=KEY, value=value))
        except Exception as error:  # noqa: BLE001 - it matters only if this triggerer is lost
            self._trigger.log.debug("Airflow did not keep how far the log was shown: %s", error)

    async def _stored(self) -> dict[str, Any] | None:
        """Return what an earlier triggerer has kept, unless the log that it wrote is no more."""
        task = self._trigger.task_instance
        if task is None:
            return None
        stored = None
        for attempt in range(_ATTEMPTS):
            try:
                stored = await _ask_airflow(partial(compat.pushed_xcom, *_whose(task), KEY))
                break
            except Exception as error:  # noqa: BLE001 - the log is shown from its begin then
                self._trigger.log.debug("Airflow did not say how far the log was shown: %s", error)
                await asyncio.sleep(_ATTEMPT_AFTER * (attempt + 1))
        if not isinstance(stored, dict) or stored.get("process") == _PROCESS:
            return None
        return stored if self._identity(task).items() <= stored.items() else None

    def _identity(self, task: Any) -> dict[str, Any]:
        """Say what is shown where."""
        return {"execution_id": self._trigger.execution_id, "try_number": task.try_number}


def _whose(task: Any) -> tuple[str, str, str, int]:
    return task.dag_id, task.run_id, task.task_id, -1 if task.map_index is None else task.map_index


async def _ask_airflow(ask: Callable[[], T]) -> T:
    """Ask from asgiref's thread, one after the other: each question keeps Airflow's supervisor busy.

    Who is cancelled meanwhile does not cancel the question: on 3.1 a triggerer would take that answer for the
    one to its next question, and end.
    """
    question = asyncio.create_task(_answer(ask))
    _questions.add(question)
    question.add_done_callback(_questions.discard)
    return await asyncio.shield(question)


async def _answer(ask: Callable[[], T]) -> T:
    from asgiref.sync import sync_to_async

    async with _one_at_a_time.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        return await sync_to_async(ask)()
