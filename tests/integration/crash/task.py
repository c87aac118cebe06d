"""A task's parts, each in a process of its own that can be killed, as Airflow runs them.

What Airflow keeps of a task between processes lies in files: its XComs, which a new try begins without, and
its state store, which outlives tries and clears.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import importlib
import json
import multiprocessing
import os
import random
import signal
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskDeferred

from tests.integration.crash.points import Points

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.crash.clock import SharedClock
    from tests.integration.crash.points import Kill, Letter

RETRIES = 3
_MOST_PARTS = 9
_REAL_SECONDS = 60
"""How long a part may take on a slow machine; it takes a tenth of a second on a quiet one."""


@dataclass(frozen=True)
class Try:
    """A try of a task.

    :param generation: 1, and one more for each time that the task was cleared.
    :param max_tries: as Airflow counts it: raised by a clear, the same over retries.
    """

    generation: int
    number: int
    max_tries: int

    def __str__(self) -> str:
        return f"generation {self.generation}, try {self.number}"


class Kept:
    """A JSON file with values by key."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        """Give all of it."""
        if not self._path.exists():
            return {}
        kept: dict[str, Any] = json.loads(self._path.read_text())
        return kept

    def write(self, values: dict[str, Any]) -> None:
        """Replace all of it at once, as a database does."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(values))
        new.rename(self._path)


class Store:
    """What `context["task_state_store"]` is from Airflow 3.3 on."""

    def __init__(self, kept: Kept, points: Points) -> None:
        self._kept, self._points = kept, points

    def get(self, key: str, default: Any = None) -> Any:
        """Give a value."""
        return self._kept.read().get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Write a value."""
        if value is None:
            raise ValueError("Cannot set value as None")
        with self._points.around(f"store.set {key}"):
            self._kept.write({**self._kept.read(), key: value})

    def delete(self, key: str) -> None:
        """Remove a value."""
        with self._points.around(f"store.delete {key}"):
            self._kept.write({other: value for other, value in self._kept.read().items() if other != key})

    def clear(self) -> None:
        """Remove all values."""
        with self._points.around("store.clear"):
            self._kept.write({})


class TaskInstance:
    """What our code sees of Airflow's `RuntimeTaskInstance`."""

    dag_id, run_id, task_id, map_index = "training", "manual__2026-11-01T00:00:00+00:00", "train", -1

    def __init__(self, attempt: Try, task: Any, start: float, kept: Kept, points: Points) -> None:
        self.try_number, self.max_tries = attempt.number, attempt.max_tries
        self.task, self.start_date = task, datetime.fromtimestamp(start, UTC)
        self._kept, self._points = kept, points

    def xcom_push(self, key: str, value: Any) -> None:
        """Write an XCom."""
        with self._points.around(f"XCom {key}"):
            self._kept.write({**self._kept.read(), key: value})

    def xcom_pull(
        self, task_ids: Any = None, *, key: str = "return_value", default: Any = None, **_: Any
    ) -> Any:
        """Read an XCom of this task."""
        return self._kept.read().get(key, default)


@dataclass(frozen=True)
class Task:
    """A task in the world of one cell.

    :param folder: for what is kept of it.
    :param began: when its DAG run did.
    :param make: makes the operator, in each process anew.
    :param has_store: whether there is a task state store.
    """

    folder: Path
    clock: SharedClock
    letter: Letter
    began: float
    make: Callable[[], Any]
    has_store: bool
    environment: dict[str, str]

    @property
    def trace(self) -> Path:
        """The file with the points that its processes reached."""
        return self.folder / "points"

    @property
    def log(self) -> Path:
        """The file with what its processes said."""
        return self.folder / "log"

    def attempt(self, attempt: Try, kill: Kill | None) -> dict[str, Any] | None:
        """Run a try until it has ended or its worker was killed; a killed triggerer is replaced.

        :return: what it ``returned`` or ``raised``; None if it was killed.
        """
        xcoms = Kept(self.folder / "xcoms")
        xcoms.write({})
        start = self.clock()
        method = "execute"
        arguments: dict[str, Any] = {}
        deferred: dict[str, Any] | None = None
        for part in range(_MOST_PARTS):
            if deferred is None:
                name = f"{attempt}, {method}"
                body = partial(self._work, attempt, start, method, arguments)
            else:
                name = f"{attempt}, trigger"
                body = partial(self._wait, deferred)
            outcome = self._in_a_process(name, part, kill, body)
            if outcome is None and deferred is None:
                return None
            if outcome is None:
                continue  # Another triggerer takes the trigger over.
            if "event" in outcome:
                arguments, deferred = {**arguments, "event": outcome["event"]}, None
            elif "deferred" in outcome:
                deferred = outcome["deferred"]
                method, arguments = deferred["method"], deferred["arguments"]
            else:
                return outcome
        return {"raised": f"the task took more than {_MOST_PARTS} parts: it goes round in circles"}

    def _in_a_process(
        self, name: str, part: int, kill: Kill | None, body: Callable[[Points], dict[str, Any]]
    ) -> dict[str, Any] | None:
        """Run one part of a try; None if it was killed."""
        outcome = self.folder / "outcome"
        outcome.unlink(missing_ok=True)
        process = multiprocessing.get_context("fork").Process(
            target=self._live, args=(name, part, kill, body, outcome)
        )
        process.start()
        process.join(_REAL_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            return {"raised": f"{name} hung for {_REAL_SECONDS} real seconds"}
        if process.exitcode == -signal.SIGKILL:
            return None
        if process.exitcode != 0:
            return {"raised": f"the process of {name} ended with {process.exitcode}:\n{self.log.read_text()}"}
        ended: dict[str, Any] = json.loads(outcome.read_text())
        return ended

    def _live(
        self,
        name: str,
        part: int,
        kill: Kill | None,
        body: Callable[[Points], dict[str, Any]],
        outcome: Path,
    ) -> None:
        gc.disable()
        random.seed(part)  # Jitter is the same in each run of a story.
        os.environ.update(self.environment)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, sys.stdout.fileno())
        os.dup2(log, sys.stderr.fileno())
        faulthandler.dump_traceback_later(_REAL_SECONDS - 5)
        points = Points(name, part, self.trace, self.clock, self.letter, kill)
        points.watch_the_network()
        self.clock.rule(before_sleep=lambda: points.reach("before a sleep"))
        try:
            ended = body(points)
        except Exception:  # noqa: BLE001 - whatever it is, the task has failed
            ended = {"raised": traceback.format_exc()}
        points.reach(f"before Airflow learns that it {next(iter(ended))}")
        outcome.write_text(json.dumps(ended))
        sys.stdout.flush()
        os._exit(0)

    def _work(
        self, attempt: Try, start: float, method: str, arguments: dict[str, Any], points: Points
    ) -> dict[str, Any]:
        """What a worker does."""
        operator = self.make()
        ti = TaskInstance(attempt, operator, start, Kept(self.folder / "xcoms"), points)
        dag_run = SimpleNamespace(run_id=ti.run_id, start_date=datetime.fromtimestamp(self.began, UTC))
        context = {"ti": ti, "task_instance": ti, "dag_run": dag_run, "task": operator, "run_id": ti.run_id}
        if self.has_store:
            context["task_state_store"] = Store(Kept(self.folder / "store"), points)
        try:
            return {"returned": getattr(operator, method)(context, **arguments)}
        except TaskDeferred as deferred:
            classpath, trigger_arguments = deferred.trigger.serialize()
            return {
                "deferred": {
                    "classpath": classpath,
                    "trigger_arguments": trigger_arguments,
                    "method": deferred.method_name,
                    "arguments": deferred.kwargs or {},
                }
            }

    def _wait(self, deferred: dict[str, Any], points: Points) -> dict[str, Any]:
        """What a triggerer does."""
        module, _, name = deferred["classpath"].rpartition(".")
        trigger = getattr(importlib.import_module(module), name)(**deferred["trigger_arguments"])

        async def first_event() -> Any:
            async for event in trigger.run():
                return event.payload
            return None

        with asyncio.Runner(
            loop_factory=lambda: self.clock.loop(is_busy=lambda: points.requests_under_way > 0)
        ) as runner:
            return {"event": runner.run(first_event())}
