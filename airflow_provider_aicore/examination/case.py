"""What a check is given, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.api import ServiceKey
    from airflow_provider_aicore.api.call import Answer
    from airflow_provider_aicore.api.models import Scenario


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    """Tasks run, but some will not, or not for long."""
    WRONG = "wrong"
    NOT_CHECKED = "not checked"
    """What it needs is wrong."""
    NOT_ALLOWED = "not allowed"
    """The key may not look, which is no fault: tasks run without."""


class Finding(NamedTuple):
    """What a check has found.

    :param text: what is so, and what to do where something is wrong.
    """

    verdict: Verdict
    text: str


class Line(NamedTuple):
    """What is said of one check.

    :param check: its name, which stays the same.
    """

    check: str
    verdict: Verdict
    text: str


@dataclass(slots=True)
class Case:
    """Whom to examine, and what the checks so far have left for those after them.

    :param now: this machine's clock, seconds since the epoch.
    :param ahead: seconds by which AI Core's clock is ahead of this machine's; ``None`` if it is not known.
    :param answer: what came of the first request that carried a token, the one for the scenarios.
    :param scenarios: what was read from it.
    :param troubled: the first check that could not look at what it wanted to see.
    :param link_fault: why the connection's template of links is no good, if it is so.
    """

    key: ServiceKey
    resource_group: str
    now: Callable[[], float]
    ahead: float | None = None
    answer: Answer = None
    scenarios: list[Scenario] | None = None
    troubled: str | None = None
    link_fault: str | None = None


def ok(text: str) -> Finding:
    """Say that all is well."""
    return Finding(Verdict.OK, text)


def warning(text: str) -> Finding:
    """Say what will make trouble."""
    return Finding(Verdict.WARNING, text)


def wrong(text: str) -> Finding:
    """Say what is wrong."""
    return Finding(Verdict.WRONG, text)
