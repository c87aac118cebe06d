"""AI Core in a process of its own, which remembers who started what and what else lived then."""

from __future__ import annotations

import logging
import multiprocessing
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.api import Client, ServiceKey, configurations, executions
from airflow_provider_aicore.emulator import Emulator, Options, Progress, Step
from airflow_provider_aicore.emulator.server import EmulatorServer
from tests.integration.crash.points import SENT_BY

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    import httpx

    from tests.integration.crash.clock import SharedClock

SCENARIO, EXECUTABLE = "text-clf", "text-clf-train"
PROGRESS = Progress.by_clock(unknown=5, pending=5, running=40, stopping=10)
_FORK = multiprocessing.get_context("fork")
LIVE = {"UNKNOWN", "PENDING", "RUNNING"}
_ENDED = {"COMPLETED", "DEAD", "STOPPED"}

ANSWER_SECONDS = 0.05
"""How long AI Core takes for each answer."""

OTHERS = "others"
"""Whoever is not the task."""


@dataclass
class Started:
    """An execution that was started, also one that is deleted by now.

    :param by: the process that sent the request.
    :param beside: the executions that were live then and not about to end: id and who had started them.
    :param history: its statuses, with the target status where that is not COMPLETED; the last one is the
        present one.
    """

    id: str
    by: str
    beside: dict[str, str]
    history: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Beginning:
    """What a cell begins with.

    :param configuration_id: of a configuration that others use too: an hour ago they have started an
        execution of it that goes on for days.
    """

    service_key: dict[str, Any]
    configuration_id: str


@dataclass(frozen=True)
class Answer:
    """An answer of AI Core.

    :param at: seconds since the cell began.
    :param by: the process that had asked.
    :param what: it had asked for.
    """

    at: float
    by: str
    what: str
    status: int


@dataclass(frozen=True)
class Report:
    """What AI Core has seen, in order."""

    started: list[Started]
    answers: list[Answer]


def new_service_key() -> dict[str, Any]:
    """Make one for all emulators."""
    return Emulator().service_key


class Service:
    """An emulator that listens, in a process that ends with this one; each cell gets a new one.

    :param clock: of both processes.
    :param service_key: of all emulators.
    """

    def __init__(self, clock: SharedClock, service_key: dict[str, Any]) -> None:
        self.clock = clock
        self._connection, there = _FORK.Pipe()
        process = _FORK.Process(
            target=_serve, args=(there, self._connection, clock, service_key), daemon=True
        )
        process.start()
        there.close()

    def begin(self, list_lag: float, *, first_one_dies: bool = False) -> Beginning:
        """Forget everything, and the clock too.

        :param list_lag: seconds for which what is new is missing from lists.
        :param first_one_dies: whether the next execution ends as DEAD.
        """
        self.clock.reset()
        beginning: Beginning = self._ask((list_lag, first_one_dies))
        return beginning

    def report(self) -> Report:
        """Ask what it has seen since the beginning."""
        report: Report = self._ask(None)
        return report

    def _ask(self, question: Any) -> Any:
        self._connection.send(question)
        return self._connection.recv()


class _Watched(Emulator):
    """An emulator that takes note of who asks what, and of what becomes of each execution."""

    def __init__(self, *, now: SharedClock, **arguments: Any) -> None:
        super().__init__(now=now, **arguments)
        self._clock = now
        self._report = Report([], [])

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer as the emulator does, and take note."""
        by = request.headers.get(SENT_BY, OTHERS)
        self._clock.turn_quietly(ANSWER_SECONDS)
        with self.state.lock:
            beside = [each for each in self.report().started if each.history[-1] in LIVE]
            answer = super().handle(request)
            if request.method == "POST" and request.url.path == "/v2/lm/executions" and answer.is_success:
                started = Started(answer.json()["id"], by, {each.id: each.by for each in beside})
                self._report.started.append(started)
            what = f"{request.method} {request.url.raw_path.decode()}"
            self._report.answers.append(Answer(self._clock.passed, by, what, answer.status_code))
            return answer

    def report(self) -> Report:
        """Note where each execution has got to, and give all notes."""
        with self.state.lock:
            self.tick()
            there = self.state.groups["default"].executions
            for each in self._report.started:
                status = "deleted"
                if each.id in there:
                    now = there[each.id]
                    is_ending = now.target_status != "COMPLETED" and now.status not in _ENDED
                    status = f"{now.status}, to be {now.target_status}" if is_ending else now.status
                if each.history[-1:] != [status]:
                    each.history.append(status)
            return self._report


def _serve(
    connection: Connection, parents: Connection, clock: SharedClock, service_key: dict[str, Any]
) -> None:
    parents.close()
    logging.disable()
    with EmulatorServer(now=clock, service_key=service_key) as server:
        while True:
            try:
                question = connection.recv()
            except EOFError:
                os._exit(0)  # To end in order would take its time.
            if question is not None:
                list_lag, first_one_dies = question
                options = Options(list_lag=list_lag, deletion_seconds=5)
                emulator = _Watched(url=server.url, now=clock, options=options, service_key=service_key)
                configuration_id = _prepare(emulator, clock, first_one_dies=first_one_dies)
                connection.send(Beginning(emulator.service_key, configuration_id))
                server.emulator = emulator
            else:
                connection.send(emulator.report())


def _prepare(emulator: Emulator, clock: SharedClock, *, first_one_dies: bool) -> str:
    """Have an executable, and a configuration of it of which others have started an execution an hour ago."""
    emulator.add_executable(SCENARIO, EXECUTABLE, parameters={"epochs": "10", "learning-rate": None})
    deaths = (replace(PROGRESS, steps=(Step("DEAD", after_seconds=5.0),)),) if first_one_dies else ()
    emulator.script(EXECUTABLE, (Progress.by_clock(running=1e6), *deaths, PROGRESS))
    key = ServiceKey.parse(emulator.service_key)
    with Client(key, transport=emulator.transport(), now=clock) as client:
        created = client.send(
            configurations.create(
                name="shared",
                scenario_id=SCENARIO,
                executable_id=EXECUTABLE,
                parameters={"learning-rate": "0.1"},
            )
        )
        client.send(executions.create(created.id))
    clock.turn(3600)
    return created.id
