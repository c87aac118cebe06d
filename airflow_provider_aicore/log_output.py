"""The log of an execution in the log of its task."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, get_args

from airflow_provider_aicore.exceptions import AICoreInvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aicore.api import Client, Execution
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.log_following import LogFollower
    from airflow_provider_aicore.api.log_lines import ShownLine
    from airflow_provider_aicore.api.models import LogLine

T = TypeVar("T")

Logs = Literal["tail", "live", "none"]
"""Which part of an execution's log comes into the task's."""
LOG_LINES = 100
MAX_LOG_LINES = 1000


class LeveledLog(Protocol):
    """As much of a logger as lines of several levels need."""

    def log(self, level: int, msg: str, /, *args: object) -> object:
        """Log at a level of the standard library."""


def checked_logs(logs: Any) -> Logs:
    """Refuse what is no way to show a log."""
    if logs not in get_args(Logs):
        raise AICoreInvalidInput(f"logs is {logs!r}, but it is one of {', '.join(get_args(Logs))}.")
    return logs  # type: ignore[no-any-return]  # mypy does not follow get_args.


def checked_log_lines(lines: Any) -> int:
    """Refuse a number of lines that a task's log cannot take."""
    if isinstance(lines, bool) or not isinstance(lines, int) or not 1 <= lines <= MAX_LOG_LINES:
        raise AICoreInvalidInput(f"log_lines is {lines!r}, but a number from 1 to {MAX_LOG_LINES} is needed.")
    return lines


def read_tail(client: Client, execution: Execution, lines: int, log: LeveledLog) -> list[LogLine] | None:
    """Return the last lines of an execution that has ended.

    Trouble with them is a warning, and gives ``None``: it says nothing about the execution.
    """
    from airflow_provider_aicore.api import AICoreError
    from airflow_provider_aicore.api.log_tail import tail

    try:
        return client.run(tail(execution, lines, client.retry))
    except AICoreError as error:
        log.log(logging.WARNING, "The log of execution %s could not be read: %s", execution.id, error)
        return None


def show_tail(client: Client, execution: Execution, lines: int, log: LeveledLog) -> list[LogLine] | None:
    """Log the last lines of an execution that has ended, each at its own level, and return them."""
    from airflow_provider_aicore.api.log_lines import shown

    found = read_tail(client, execution, lines, log)
    if found is None:
        return None
    if not found:
        log.log(
            logging.INFO, "Execution %s has no log: it printed nothing, or has never started.", execution.id
        )
        return []
    which = "all that it has" if len(found) < lines else "older ones are in AI Core"
    log.log(
        logging.INFO, "::group::Last %d lines of the log of execution %s; %s", len(found), execution.id, which
    )
    for line in found:
        level, text = shown(line, execution.id)
        log.log(level, "%s", text)
    log.log(logging.INFO, "::endgroup::")
    return found


def showing_live(flow: Flow[T], follower: LogFollower, log: LeveledLog) -> Flow[T]:
    """Run the flow of a wait and show log and metrics meanwhile."""
    from airflow_provider_aicore.api.metric_following import MetricFollower
    from airflow_provider_aicore.poller import reading_along

    tell = partial(_tell, log)
    metrics = MetricFollower(follower.execution_id, now=follower.now)
    return reading_along(reading_along(flow, follower, tell), metrics, tell)


def show_rest(client: Client, follower: LogFollower, log: LeveledLog) -> bool:
    """Show the end of a log whose execution has ended; tell whether some seconds were enough."""
    from airflow_provider_aicore.poller import read_to_the_end

    client.run(read_to_the_end(follower, partial(_tell, log)))
    return follower.is_done


def _tell(log: LeveledLog, lines: Iterable[ShownLine]) -> None:
    for level, text in lines:
        log.log(level, "%s", text)
