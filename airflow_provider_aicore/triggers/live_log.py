"""The log of an execution in that of its task, while no worker waits for it."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_aicore import compat
from airflow_provider_aicore.api import AICoreError
from airflow_provider_aicore.api.log_following import INTERVAL, PATIENCE, LogFollower
from airflow_provider_aicore.hooks.aicore import AICoreHook
from airflow_provider_aicore.poller import visit
from airflow_provider_aicore.triggers.alongside import Alongside

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from airflow_provider_aicore.api.log_lines import ShownLine
    from airflow_provider_aicore.poller import Visit
    from airflow_provider_aicore.poller.aside import Rank
    from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger

T = TypeVar("T")

KEY = "aicore_log"
"""The XCom's key under which stands how far the log was shown."""
FORMAT = 2
"""How that is written: what another version wrote another way is not read."""
PER_SECOND, BURST, RECORD = 48 * 1024, 32 * 1024, 400
"""Bytes that all triggers of a process log in a second and at once, and those of a line beside its text.

They go to Airflow's supervisor through a socket. It takes 4 KB of them between two questions to its database,
and as long as the socket is full the event loop stands still.
"""
SETTLE = 2.0
"""Seconds after which what was logged has reached its file."""
_ATTEMPTS, _ATTEMPT_AFTER = 3, 5.0

_PROCESS = uuid.uuid4().hex
"""One triggerer has one file for the log of a try, and begins it anew with each of its triggers."""
_questions: set[asyncio.Task[Any]] = set()
"""Strong references: an event loop has none to its tasks."""
_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


class _Shared:
    """What the triggers of one event loop share: the way to Airflow's supervisor."""

    def __init__(self) -> None:
        self.one_at_a_time = asyncio.Lock()
        self._free_at = self._now()

    @classmethod
    def of_this_loop(cls) -> _Shared:
        """Give it."""
        return _of_loops.setdefault(asyncio.get_running_loop(), cls())

    async def make_room(self, text: str) -> None:
        """Wait until a line may be logged; all who do have their turn."""
        now = self._now()
        self._free_at = max(self._free_at, now - BURST / PER_SECOND) + (RECORD + len(text)) / PER_SECOND
        await asyncio.sleep(max(0.0, self._free_at - now))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class LiveLog(Alongside):
    """Shows the log as long as the block lasts; trouble with it is never the wait's.

    How far it was shown is kept in an XCom of the task, so that the next triggerer goes on there.
    """

    def __init__(self, trigger: AICoreExecutionTrigger) -> None:
        super().__init__(trigger)
        self._now = asyncio.get_running_loop().time
        self._ended = asyncio.Event()
        self._follower: LogFollower | None = None
        self._lines: Iterator[ShownLine] = iter(())
        self._has_unstored, self._stored_at = False, self._now()

    async def finish(self) -> bool:
        """Show what is left, now that the execution has ended; tell whether some seconds were enough."""
        self._ended.set()
        if self._follower is not None:
            self._follower.end()
        await asyncio.wait([self._following], timeout=PATIENCE)
        await self._end_following()
        if self._follower is None:
            return False
        is_complete = not self._follower.leave_out(self._lines) and self._follower.is_done
        self._lines = self._follower.rest()
        is_complete = await self._show_in_time() and is_complete
        await asyncio.sleep(SETTLE)  # As soon as the trigger has told its event, Airflow closes the file.
        return is_complete

    async def leave(self) -> None:
        """Keep how far the log was shown, now that the wait goes on elsewhere."""
        await self._end_following()
        if await self._show_in_time() and self._has_unstored:
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
                while not self._ended.is_set():
                    await self._until_ended(self._look(follower, there, "patient"))
                    await self._show()
                    await self._until_ended(self._store_in_a_pause(follower))
                while not follower.is_done:
                    await self._look(follower, there, "urgent")
                    await self._show()
        except (AICoreError, ValueError):
            return  # The wait says what is wrong with the connection.
        except Exception as error:  # noqa: BLE001 - a log is not worth a task
            trigger.log.warning("The log is not shown any more: %s: %s", type(error).__name__, error)

    async def _look(self, follower: LogFollower, there: Visit, rank: Rank) -> None:
        """Read the log when it is time."""
        await asyncio.sleep(max(0.0, follower.due_at - self._now()))
        # What is read is kept at once: whoever gives up waiting for this loses nothing.
        self._lines = await there.run(lambda _: follower.read(), aside=rank)

    async def _until_ended(self, work: Coroutine[None, None, None]) -> None:
        """Do something, but give it up when the execution ends: then there is less time."""
        working, ending = asyncio.create_task(work), asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            working.cancel()
            await asyncio.wait([working, ending])
        if not working.cancelled():
            working.result()

    async def _show(self) -> None:
        """Log what was read, or what is left of it."""
        shared = _Shared.of_this_loop()
        for level, text in self._lines:
            self._trigger.log.log(level, "%s", text)
            self._has_unstored = True
            await shared.make_room(text)

    async def _show_in_time(self) -> bool:
        """Log what is left; tell whether some seconds were enough, since the task has to go on."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._show()
        except TimeoutError:
            return False
        return True

    async def _store_in_a_pause(self, follower: LogFollower) -> None:
        """Keep how far the log was shown, once it surely is."""
        now = self._now()
        is_time = follower.due_at > now + SETTLE or now >= self._stored_at + INTERVAL
        if not self._has_unstored or not is_time:
            return
        await asyncio.sleep(SETTLE)
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
        """Say what is shown where, and in which format that is kept."""
        return {
            "format": FORMAT,
            "execution_id": self._trigger.execution_id,
            "try_number": task.try_number,
        }


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

    async with _Shared.of_this_loop().one_at_a_time:
        return await sync_to_async(ask)()
