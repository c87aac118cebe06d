"""Plays a story: a task that is killed, and an AI Core that watches."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.crash.clock import SharedClock
from tests.integration.crash.points import DELIVERED_AFTER, Kill, Letter, read_trace
from tests.integration.crash.service import Service, new_service_key
from tests.integration.crash.stories import EACH, Group
from tests.integration.crash.task import Task

if TYPE_CHECKING:
    from tests.integration.crash.points import Point
    from tests.integration.crash.service import Report

_SERVICE_KEY = new_service_key()
"""Of all emulators: Airflow learns to mask it once."""


@dataclass(frozen=True)
class Ending:
    """What became of a task.

    :param outcome: of the last try: what it ``returned`` or ``raised``; None if it was killed.
    :param killed: the points at which processes were killed.
    :param said: what the task's processes said.
    """

    outcome: dict[str, Any] | None
    points: list[Point]
    killed: list[Point]
    report: Report
    said: str


def play(group: Group, each: Kill | None) -> Ending:
    """Play a group's story.

    :param each: where the try is killed whose points are gone through; None: play to its end, and no more.
    """
    service = _service()
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        task = _task(group, service, Path(name))
        outcome: dict[str, Any] | None = None
        kills: list[tuple[str, Kill]] = []
        for attempt, how in group.story.tries:
            kill = each if how is EACH else how
            if kill is not None:
                kills.append((str(attempt), kill))
            outcome = task.attempt(attempt, kill)
            service.clock.turn(group.pause)
            if how is EACH and each is None:
                break
        service.clock.turn(DELIVERED_AFTER)
        points = read_trace(task.trace)
        killed = [_struck(points, attempt, kill) for attempt, kill in kills]
        said = task.log.read_text(errors="replace") if task.log.exists() else ""
        return Ending(outcome, points, [point for point in killed if point], service.report(), said)


def _struck(points: list[Point], attempt: str, kill: Kill) -> Point | None:
    return next((one for one in points if one.process.startswith(attempt) and kill.strikes(one)), None)


def _task(group: Group, service: Service, folder: Path) -> Task:
    clock = service.clock
    letter = Letter(folder / "letter", clock)
    clock.on_turn = letter.deliver_if_due
    beginning = service.begin(group.list_lag, first_one_dies=group.story.first_one_dies)
    return Task(
        folder,
        clock,
        letter,
        began=clock(),
        make=lambda: group.operator(beginning.configuration_id),
        has_store=group.store,
        environment=_environment(beginning.service_key),
    )


@cache
def _service() -> Service:
    """Give the service of this process, once Airflow knows how to reach it."""
    from airflow_provider_aicore.hooks.aicore import AICoreHook

    service = Service(SharedClock(), _SERVICE_KEY)
    os.environ.update(_environment(service.begin(list_lag=0.0).service_key))
    AICoreHook().get_conn().close()
    return service


def _environment(service_key: dict[str, Any]) -> dict[str, str]:
    connection = {"conn_type": "aicore", "extra": {"secret_service_key": json.dumps(service_key)}}
    return {"AIRFLOW_CONN_AICORE_DEFAULT": json.dumps(connection), "NO_PROXY": "127.0.0.1"}
