"""What is new in an execution's metrics since the last look, as lines for a person who watches."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from airflow_provider_aicore.api.call import Flow, once
from airflow_provider_aicore.api.errors import AICoreError, NotFoundError
from airflow_provider_aicore.api.log_lines import ShownLine
from airflow_provider_aicore.api.metrics import last, query
from airflow_provider_aicore.api.retry import NO_RETRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.api.models import ExecutionMetrics, Metric

INTERVAL = 20.0
"""Seconds between two looks at metrics that change."""
SLOWEST = 60.0
"""Seconds between two looks at metrics that do not, or cannot be read."""
FIRST_AFTER = 5.0
"""Seconds before the first look."""

_SLOWER = 1.5
_MOST_LINES, _MOST_VALUES, _LONGEST_NAME = 5, 12, 80


class MetricNews:
    """Tells of each metric that has changed its last value, by step; metrics with labels are told apart."""

    def __init__(self, execution_id: str) -> None:
        self._execution_id = execution_id
        self._told: dict[str, object] = {}
        self._is_troubled = False

    def of(self, found: ExecutionMetrics | Exception | None) -> list[ShownLine]:
        """Return what is to be told after a look; trouble is told once.

        :param found: what it came to; ``None`` where no metrics were written yet.
        """
        if isinstance(found, Exception):
            if self._is_troubled:
                return []
            self._is_troubled = True
            return [
                ShownLine(
                    logging.WARNING,
                    f"The metrics of execution {self._execution_id} cannot be read; trying again. {found}",
                )
            ]
        self._is_troubled = False
        return [ShownLine(logging.INFO, line) for line in self._lines(found)]

    def _lines(self, found: ExecutionMetrics | None) -> list[str]:
        by_name: dict[str, list[Metric]] = {}
        for point in (found.metrics or []) if found else []:
            by_name.setdefault(_name(point), []).append(point)
        by_step: dict[int | None, list[str]] = {}
        for name, points in by_name.items():
            point = last(points)
            value = f"{point.value:.6g}"
            told, self._told[name] = self._told.get(name), (point.step, point.timestamp, value)
            if told != self._told[name]:
                by_step.setdefault(point.step, []).append(f"{name} {value}")
        steps = sorted(by_step, key=lambda step: -1 if step is None else step)[-_MOST_LINES:]
        return [_line(step, by_step[step]) for step in steps]


class MetricFollower:
    """Reads an execution's metrics whenever :attr:`due_at` has come, for who waits for nothing else.

    :param now: a clock in seconds that never jumps; the system's if not given.
    """

    def __init__(self, execution_id: str, *, now: Callable[[], float] | None = None) -> None:
        self.now = now or time.monotonic
        self.due_at = self.now() + FIRST_AFTER
        self._execution_id = execution_id
        self._news = MetricNews(execution_id)
        self._pause = INTERVAL

    def read(self) -> Flow[list[ShownLine]]:
        """Look once, and return what to tell."""
        found: ExecutionMetrics | AICoreError | None
        try:
            resources = yield from once(query([self._execution_id], select=["metrics"]), NO_RETRY)
            found = next((one for one in resources if one.execution_id == self._execution_id), None)
        except NotFoundError:
            found = None
        except AICoreError as error:
            found = error
        lines = self._news.of(found)
        is_new = bool(lines) and not isinstance(found, AICoreError)
        self._pause = INTERVAL if is_new else min(SLOWEST, self._pause * _SLOWER)
        self.due_at = self.now() + max(self._pause, getattr(found, "retry_after", None) or 0.0)
        return lines


def _name(point: Metric) -> str:
    labels = ", ".join(f"{label.name}={label.value}" for label in point.labels or [])
    name = f"{point.name}{{{labels}}}" if labels else point.name
    name = name if name.isprintable() else repr(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def _line(step: int | None, values: list[str]) -> str:
    more = len(values) - _MOST_VALUES
    text = ", ".join(values[:_MOST_VALUES]) + (f", and {more} more" if more > 0 else "")
    return text if step is None else f"step {step}: {text}"
