"""What becomes of a condition with the metrics of an execution, and of a baseline."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.api.metrics import last

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_aicore.api.models import ExecutionMetrics, Metric
    from airflow_provider_aicore.metric_conditions import Comparison, Condition, Quantity

_SHOWN = 10
_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds, and why.

    :param value: what was measured; ``None`` if nothing was found or it is no finite number.
    :param wanted: what it was compared with.
    :param is_missing: there is nothing to judge, so that it is not known whether the condition holds.
    """

    condition: str
    passed: bool
    reason: str
    value: float | None = None
    wanted: float | None = None
    is_missing: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return what a task tells of it."""
        return {
            "condition": self.condition,
            "value": self.value,
            "wanted": self.wanted,
            "passed": self.passed,
            "reason": self.reason,
        }


class MissingMetricError(Exception):
    """An execution has no such value, or several that are not to be confused; the message says which."""


def judge(condition: Condition, tracked: ExecutionMetrics, baseline: ExecutionMetrics | None) -> Verdict:
    """Judge one condition.

    Numbers are compared as Python compares floats, without any tolerance. What is no finite number fails
    every condition.

    :param tracked: what the execution has written, which may be nothing.
    :param baseline: the same of the execution to compare with; ``None``: there is none, and conditions on it
        hold.
    """
    try:
        value, where = _measured(tracked, condition.quantity)
    except MissingMetricError as error:
        return Verdict(condition.text, passed=False, reason=str(error), is_missing=True)
    if not math.isfinite(value):
        return Verdict(condition.text, passed=False, reason=f"{value}{where} is no finite number")
    if not condition.needs_baseline:
        return _compared(condition, value, where, condition.bound.value(0.0))
    if baseline is None:
        return Verdict(
            condition.text, passed=True, reason=f"{value}{where}; there is no baseline", value=value
        )
    return _judged_by_baseline(condition, value, where, baseline)


def _judged_by_baseline(
    condition: Condition, value: float, where: str, baseline: ExecutionMetrics
) -> Verdict:
    its_id = baseline.execution_id
    try:
        its_value, its_place = _measured(baseline, condition.quantity)
    except MissingMetricError as error:
        reason = f"baseline {its_id}: {error}"
        return Verdict(condition.text, passed=False, reason=reason, value=value, is_missing=True)
    wanted = condition.bound.value(its_value)
    of_baseline = f"; baseline {its_id} has {its_value}{its_place}"
    if not math.isfinite(wanted):
        reason = f"{value}{where} cannot be compared with {wanted}{of_baseline}"
        return Verdict(condition.text, passed=False, reason=reason, value=value)
    return _compared(condition, value, where, wanted, of_baseline)


def _compared(
    condition: Condition, value: float, where: str, wanted: float, of_baseline: str = ""
) -> Verdict:
    passed = _COMPARE[condition.comparison](value, wanted)
    reason = f"{value}{where} is {'' if passed else 'not '}{condition.comparison} {wanted}{of_baseline}"
    return Verdict(condition.text, passed, reason, value, wanted)


def _measured(tracked: ExecutionMetrics, quantity: Quantity) -> tuple[float, str]:
    """Return the value that a condition looks at, and where it was measured."""
    points = _points(tracked, quantity)
    if quantity.statistic == "last":
        found = last(points)
    elif any(math.isnan(point.value) for point in points):
        found = next(point for point in points if math.isnan(point.value))
    else:
        best = max if quantity.statistic == "max" else min
        found = best(points, key=lambda point: point.value)
    where = [] if found.step is None else [f"step {found.step}"]
    where += [_shown(_labels(found))] if found.labels else []
    return found.value, f" ({', '.join(where)})" if where else ""


def _points(tracked: ExecutionMetrics, quantity: Quantity) -> list[Metric]:
    """Return the points that a condition is about, of which there is at least one."""
    written = tracked.metrics or []
    if not written:
        raise MissingMetricError("no metrics were written, or the execution is not in this resource group")
    points = [point for point in written if point.name == quantity.metric]
    if not points:
        names = sorted({point.name for point in written})
        raise MissingMetricError(f"no metric {quantity.metric!r}; there are {_listed(names)}")
    points = _with_labels(points, quantity)
    if quantity.step is None:
        return points
    at_step = [point for point in points if point.step == quantity.step]
    if not at_step:
        steps = sorted({point.step for point in points if point.step is not None})
        known = f"the steps are {steps[0]} to {steps[-1]}" if steps else "it has no steps"
        raise MissingMetricError(f"no value of {quantity.metric!r} at step {quantity.step}; {known}")
    return at_step


def _with_labels(points: list[Metric], quantity: Quantity) -> list[Metric]:
    """Return the points with exactly these labels, else those with more, if they are of one kind."""
    wanted = quantity.labels
    if wanted is None:
        return points
    if exactly := [point for point in points if _labels(point) == wanted]:
        return exactly
    fitting = [point for point in points if wanted.items() <= _labels(point).items()]
    kinds = sorted({_shown(_labels(point)) for point in fitting or points})
    if not fitting:
        raise MissingMetricError(f"no {quantity.metric!r} with {_shown(wanted)}; there are {_listed(kinds)}")
    if len(kinds) > 1:
        raise MissingMetricError(
            f"{quantity.metric!r} has values with different labels: {_listed(kinds)}; "
            f"say which, or write {quantity.metric}{{*}} for all of them"
        )
    return fitting


def _labels(point: Metric) -> dict[str, str]:
    return {label.name: label.value for label in point.labels or []}


def _shown(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) + "}"


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
