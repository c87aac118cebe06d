"""Calls on ``/lm/metrics``: one resource for each execution."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from airflow_provider_aicore.api.call import Call, Flow, once
from airflow_provider_aicore.api.errors import NotFoundError
from airflow_provider_aicore.api.models import Created, ExecutionMetrics, Metric, Reader, nothing, resources
from airflow_provider_aicore.api.query import id_list
from airflow_provider_aicore.api.validation import (
    MAX_NAME,
    check_count,
    check_id,
    check_mapping,
    check_number,
    check_range,
    check_text,
    instant,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_provider_aicore.api.retry import RetryPolicy

MAX_EXECUTIONS = 10
MAX_METRICS = 1000
MAX_TAGS = 100
MAX_LABELS = 20
"""Of one metric."""

_IN_A_METRIC_NAME = re.compile(r"[\w-]", re.ASCII)
_METRICS = resources(ExecutionMetrics)
_DELETED = Reader(Created)


def query(execution_ids: Sequence[str]) -> Call[list[ExecutionMetrics]]:
    """Read the metrics of up to ten executions; none where none were written.

    Source: operation ``metrics.find``, ``GET /lm/metrics``. An execution without metrics is answered with
    404, as SAP's own end-to-end tests show, though the description has none: :func:`find` reads that as
    "none".
    """
    ids = id_list("execution_ids", execution_ids, most=MAX_EXECUTIONS)
    return Call("GET", "/lm/metrics", _METRICS, {"executionIds": ids or ""}, repeatable=True)


def modify(
    execution_id: str, *, metrics: Sequence[Mapping[str, object]] = (), tags: Mapping[str, str] | None = None
) -> Call[None]:
    """Write metrics and tags. Send each point once: whether a repeat appends or replaces is not known.

    Source: operation ``metrics.patch``, ``PATCH /lm/metrics``.

    :param metrics: each with `name`, a finite `value`, and if wanted `timestamp` (aware, now if not given),
        `step` (from 0) and `labels` (up to 20, each with `name` and `value`).
    :param tags: values by name; names and values have 1 to 256 characters.
    :raises ValueError: something is not as AI Core takes it, or there is nothing to write.
    """
    body: dict[str, object] = {"executionId": check_id("execution_id", execution_id)}
    if not (metrics or tags):
        raise ValueError("there is nothing to write: give metrics or tags.")
    if metrics:
        check_range("number of metrics", len(metrics), 0, MAX_METRICS)
        body["metrics"] = [_point(f"metrics[{number}]", metric) for number, metric in enumerate(metrics)]
    if tags:
        check_mapping("tags", tags)
        check_range("number of tags", len(tags), 0, MAX_TAGS)
        body["tags"] = [_pair("tag", name, value) for name, value in tags.items()]
    return Call("PATCH", "/lm/metrics", nothing, json=body, content_type="application/merge-patch+json")


def _point(what: str, metric: Mapping[str, object]) -> dict[str, object]:
    """Check one metric; what is ``None`` counts as not given."""
    _check_keys(what, metric, {"name", "value"}, {"timestamp", "step", "labels"})
    point: dict[str, object] = {
        "name": _metric_name(f"name of {what}", metric["name"]),
        "value": check_number(f"value of {what}", metric["value"]),
    }
    if metric.get("timestamp") is not None:
        point["timestamp"] = instant(f"timestamp of {what}", metric["timestamp"])
    if metric.get("step") is not None:
        point["step"] = check_count(f"step of {what}", metric["step"])
    if metric.get("labels") is not None:
        point["labels"] = _labels(f"labels of {what}", metric["labels"])
    return point


def _metric_name(what: str, value: object) -> str:
    """Check a metric's name; beside a letter, digit, ``_`` or ``-`` any other character is taken."""
    name = check_text(what, value, MAX_NAME)
    if not _IN_A_METRIC_NAME.search(name):
        raise ValueError(f"{what} is {name!r}, but a letter, digit, '_' or '-' is needed in it.")
    return name


def _labels(what: str, labels: object) -> list[dict[str, str]]:
    if not isinstance(labels, list | tuple):
        raise ValueError(  # noqa: TRY004 - one kind of error for bad input
            f"{what} are {labels!r}, but a list of dicts with name and value is needed."
        )
    check_range(f"number of {what}", len(labels), 0, MAX_LABELS)
    for label in labels:
        _check_keys(f"a label in {what}", label, {"name", "value"})
    return [_pair(f"a label in {what}", label["name"], label["value"]) for label in labels]


def _pair(what: str, name: object, value: object) -> dict[str, str]:
    """Check name and value of a tag or a label."""
    pair = {
        "name": check_text(f"name of {what}", name, MAX_NAME),
        "value": check_text(f"value of {what}", value, MAX_NAME),
    }
    for part, text in pair.items():
        if not text:
            raise ValueError(f"{part} of {what} is empty: name is {name!r}, value is {value!r}.")
    return pair


def _check_keys(what: str, given: object, needed: set[str], optional: Collection[str] = ()) -> None:
    check_mapping(what, given)
    keys = set(cast("Mapping[str, object]", given))
    missing, unknown = sorted(needed - keys), sorted(map(repr, keys - needed - set(optional)))
    if missing:
        raise ValueError(f"{what} has no {' and no '.join(missing)}: {given!r}.")
    if unknown:
        known = ", ".join([*sorted(needed), *sorted(optional)])
        raise ValueError(f"{what} has {', '.join(unknown)}, but only {known} can be given.")


def delete(execution_id: str) -> Call[Created]:
    """Delete an execution's metrics. Source: operation ``metrics.delete``, ``DELETE /lm/metrics``.

    :raises NotFoundError: there are none.
    """
    params = {"executionId": check_id("execution_id", execution_id)}
    return Call("DELETE", "/lm/metrics", _DELETED, params, repeatable=True)


def find(execution_id: str, retry: RetryPolicy) -> Flow[ExecutionMetrics | None]:
    """Get the metrics of one execution, or ``None`` where none were written."""
    try:
        found = yield from once(query([execution_id]), retry)
    except NotFoundError:
        return None
    return next((resource for resource in found if resource.execution_id == execution_id), None)


def last_values(resource: ExecutionMetrics | None) -> dict[str, float]:
    """Return the last value of each metric.

    It is the one of the highest step, and of equal steps the one that came last.
    """
    last: dict[str, Metric] = {}
    for metric in (resource.metrics or []) if resource else []:
        before = last.get(metric.name)
        if before is None or (metric.step or 0) >= (before.step or 0):
            last[metric.name] = metric
    return {name: metric.value for name, metric in last.items()}
