"""Thousands of conditions on made-up metrics, each judged a second time in the plainest way."""

from __future__ import annotations

import contextlib
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_aicore.api.metric_verdicts import judge
from airflow_provider_aicore.api.models import ExecutionMetrics, Metric, MetricLabel
from airflow_provider_aicore.metric_conditions import UnreadableConditionError, read

START = datetime(2026, 1, 1, tzinfo=UTC)
NUMBERS = [0.0, 0.1, 0.2, 0.3, 0.5, 1.0, -1.0, math.nan, math.inf, -math.inf]
LABELS: list[dict[str, str]] = [{}, {}, {}, {"split": "a"}, {"split": "b"}, {"split": "a", "fold": "1"}]


def _points(random_: random.Random) -> list[dict[str, Any]]:
    only_finite = random_.random() < 0.8
    return [
        {
            "name": random_.choice(["a", "b c"]),
            "value": random_.choice(NUMBERS[:7] if only_finite else NUMBERS),
            "step": random_.choice([None, 0, 1, 2]),
            "timestamp": random_.choice([None, START, START + timedelta(seconds=1)]),
            "labels": random_.choice(LABELS),
        }
        for _ in range(random_.choice([0, 1, 2, 4, 8]))
    ]


def _tracked(points: list[dict[str, Any]], execution_id: str) -> ExecutionMetrics:
    metrics = [
        Metric(**{**point, "labels": [MetricLabel(name=k, value=v) for k, v in point["labels"].items()]})
        for point in points
    ]
    return ExecutionMetrics(execution_id=execution_id, metrics=metrics)


def _wish(random_: random.Random) -> dict[str, Any]:
    """Make up what a condition is to say."""
    statistic = random_.choice(["", "", "last", "min", "max", "best"])
    comparison = random_.choice([">=", ">", "<=", "<"] + ["==", "!="] * (statistic != "best"))
    return {
        "name": random_.choice(["a", "b c"]),
        "labels": random_.choice([None, *LABELS]),
        "statistic": statistic,
        "step": None if statistic else random_.choice([None, None, 0, 1, 2, 3]),
        "comparison": comparison,
        "times": random_.choice([None, None, 1.0, 1.0, 2.0, -0.5]),
        "plus": random_.choice([0.0, 0.1, 0.3, -0.1, 1.0]),
    }


def _written(wish: dict[str, Any], random_: random.Random) -> str:
    """Write it down, with spaces where some may be."""
    labels = "{*}" if wish["labels"] is None else ",".join(f"{k} ='{v}'" for k, v in wish["labels"].items())
    labels = f"{{{labels}}}" if labels and labels != "{*}" else labels
    left = f"{wish['name']!r} {labels}"
    left = f"{wish['statistic']}( {left} )" if wish["statistic"] else left
    left += "" if wish["step"] is None else f" @ {wish['step']}"
    right = str(wish["plus"])
    if wish["times"] is not None:
        times = "" if wish["times"] == 1.0 else f"{wish['times']} * "
        right = f"{times}baseline {'-' if wish['plus'] < 0 else '+'} {abs(wish['plus'])}"
        right = right.removesuffix(" + 0.0")
    text = f"{left} {wish['comparison']} {right}"
    return text if random_.random() < 0.5 or " c" in text else text.replace(" ", "")


def _value(points: list[dict[str, Any]], wish: dict[str, Any]) -> float | None:
    """Find the value that is meant; ``None`` if there is none, or several that are not to be confused."""
    points = [point for point in points if point["name"] == wish["name"]]
    if wish["labels"] is not None:
        exact = [point for point in points if point["labels"] == wish["labels"]]
        more = [point for point in points if set(wish["labels"].items()) <= set(point["labels"].items())]
        if not exact and any(one["labels"] != other["labels"] for one in more for other in more):
            return None
        points = exact or more
    if wish["step"] is not None:
        points = [point for point in points if point["step"] == wish["step"]]
    values = [float(point["value"]) for point in points]
    if not values:
        return None
    statistic = wish["statistic"]
    if statistic in {"", "last"}:
        # Python's sort keeps the order of what is equal, and the last of it is wanted.
        by_time = sorted(points, key=lambda point: point["timestamp"] or datetime.min.replace(tzinfo=UTC))
        by_step = sorted(by_time, key=lambda point: point["step"] or 0)
        return float(by_step[-1]["value"])
    if any(math.isnan(value) for value in values):
        return math.nan
    is_max = statistic == "max" or (statistic == "best" and ">" in wish["comparison"])
    return sorted(values)[-1 if is_max else 0]


def _expected(
    wish: dict[str, Any], points: list[dict[str, Any]], of_baseline: list[dict[str, Any]] | None
) -> tuple[bool, bool]:
    """Return whether the condition holds, and whether something is missing."""
    value = _value(points, wish)
    if value is None or not math.isfinite(value):
        return False, value is None
    wanted = wish["plus"]
    if wish["times"] is not None:
        if of_baseline is None:
            return True, False
        its_value = _value(of_baseline, wish)
        if its_value is None or not math.isfinite(its_value):
            return False, its_value is None
        wanted = wish["times"] * its_value + wish["plus"]
    return {
        ">=": value >= wanted,
        ">": value > wanted,
        "<=": value <= wanted,
        "<": value < wanted,
        "==": value == wanted,
        "!=": value != wanted,
    }[wish["comparison"]], False


@pytest.mark.parametrize("seed", range(4))
def test_conditions_are_judged_as_by_hand(seed):
    """Two thousand conditions each, on executions with and without what they name."""
    random_ = random.Random(seed)
    seen = dict.fromkeys([(True, False), (False, False), (False, True)], 0)
    for _ in range(2000):
        wish, points = _wish(random_), _points(random_)
        of_baseline = random_.choice([None, _points(random_), _points(random_)])
        text = _written(wish, random_)
        baseline = None if of_baseline is None else _tracked(of_baseline, "e0000")

        verdict = judge(read(text), _tracked(points, "e0001"), baseline)

        outcome = verdict.passed, verdict.is_missing
        assert outcome == _expected(wish, points, of_baseline), (text, points, of_baseline, verdict)
        seen[outcome] += 1
    assert min(seen.values()) > 200, seen


def test_any_text_is_read_or_refused_with_its_place():
    """Whatever a condition is spoilt to, there is no other error."""
    random_ = random.Random(7)
    read_after_all = 0
    for _ in range(5000):
        text = list(_written(_wish(random_), random_))
        for _ in range(random_.randint(1, 3)):
            at = random_.randrange(len(text))
            text[at : at + random_.randint(0, 2)] = random_.choice(["", " ", *"@{}()*,=<>!'\"+-.eü0"])
        with contextlib.suppress(UnreadableConditionError):
            read_after_all += bool(read("".join(text)))
    assert 200 < read_after_all < 4800
