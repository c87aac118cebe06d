"""Calls on ``/lm/metrics``: one resource for each execution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api.call import Call, Flow, once
from airflow_provider_aicore.api.errors import NotFoundError
from airflow_provider_aicore.api.models import Created, ExecutionMetrics, Metric, Reader, nothing, resources
from airflow_provider_aicore.api.query import id_list
from airflow_provider_aicore.api.validation import MAX_NAME, check_id, check_range, check_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aicore.api.retry import RetryPolicy

MAX_EXECUTIONS = 10
MAX_METRICS = 1000
MAX_TAGS = 100

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

    :param metrics: each with `name`, `value`, and if wanted `timestamp`, `step` and `labels`.
    """
    check_range("number of metrics", len(metrics), 0, MAX_METRICS)
    check_range("number of tags", len(tags or {}), 0, MAX_TAGS)
    body: dict[str, object] = {"executionId": check_id("execution_id", execution_id)}
    if metrics:
        points = [Metric.model_validate(metric) for metric in metrics]
        body["metrics"] = [
            point.model_dump(mode="json", by_alias=True, exclude_none=True) for point in points
        ]
    if tags:
        body["tags"] = [
            {
                "name": check_text("tag name", name, MAX_NAME),
                "value": check_text("tag value", value, MAX_NAME),
            }
            for name, value in tags.items()
        ]
    return Call("PATCH", "/lm/metrics", nothing, json=body, content_type="application/merge-patch+json")


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
