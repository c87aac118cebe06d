"""Calls on ``/lm/metrics``: one resource for each execution."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

from airflow_provider_aicore.api.call import Call, Flow, once, pages
from airflow_provider_aicore.api.errors import NotFoundError
from airflow_provider_aicore.api.metric_checks import custom_info_list, points, tag_filters, tag_list
from airflow_provider_aicore.api.models import Created, ExecutionMetrics, Metric
from airflow_provider_aicore.api.query import id_list
from airflow_provider_aicore.api.query import query as to_params
from airflow_provider_aicore.api.reading import Reader, nothing, resources
from airflow_provider_aicore.api.validation import check_id, check_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_aicore.api.retry import RetryPolicy

Part = Literal["metrics", "tags", "customInfo"]

MAX_EXECUTIONS = 10
MAX_TOP = 10_000
"""The largest page of metrics; without `$top` AI Core gives 1000."""

_METRICS = resources(ExecutionMetrics)
_DELETED = Reader(Created)


def query(
    execution_ids: Sequence[str] | None = None,
    *,
    tags: Mapping[str, str | None] | None = None,
    tags_not: Mapping[str, str] | None = None,
    select: Sequence[Part] = (),
    top: int | None = None,
    skip: int = 0,
) -> Call[list[ExecutionMetrics]]:
    """Read one page of what was tracked: for up to ten executions, for tags, or both.

    Source: operation ``metrics.find``, ``GET /lm/metrics``. An execution without metrics is answered with
    404, as SAP's own end-to-end tests show, though the description has none: the flows of this module read
    that as "none".

    :param tags: values by name, all of which have to fit; ``None`` stands for any value.
    :param tags_not: the tag has to be there with another value. Up to 100 of both together, and 5000
        characters once encoded.
    :param select: the parts to answer, all if not given.
    """
    for part in select:
        if part not in get_args(Part):
            raise ValueError(f"select has {part!r}, but only {', '.join(get_args(Part))} can be given.")
    filters = {
        "executionIds": id_list("execution_ids", execution_ids, most=MAX_EXECUTIONS),
        "tagFilters": tag_filters(tags or {}, tags_not or {}),
    }
    if not any(filters.values()):
        raise ValueError("metrics of which executions are wanted? Give execution_ids, tags or tags_not.")
    if top is not None:
        check_range("top", top, 1, MAX_TOP)
    params = to_params({**filters, "$select": ",".join(select) or None}, top=top, skip=skip)
    return Call("GET", "/lm/metrics", _METRICS, params, repeatable=True)


def modify(
    execution_id: str,
    *,
    metrics: Sequence[Mapping[str, object]] = (),
    tags: Mapping[str, str] | None = None,
    custom_info: Mapping[str, str] | None = None,
) -> Call[None]:
    """Write metrics, tags and custom info.

    Send each point once: whether a repeat appends or replaces is not known. What one execution keeps is
    limited, too; more than that is refused with 413.

    Source: operation ``metrics.patch``, ``PATCH /lm/metrics``.

    :param metrics: up to 1000, each with `name`, a finite `value`, and if wanted `timestamp` (aware, now if
        not given), `step` (from 0) and `labels` (up to 20, each with `name` and `value`).
    :param tags: up to 100 values by name; names and values have 1 to 256 characters.
    :param custom_info: up to 100 texts by name, JSON by habit, of 1 character to 5 MB together.
    :raises ValueError: something is not as AI Core takes it, or there is nothing to write.
    """
    body: dict[str, object] = {"executionId": check_id("execution_id", execution_id)}
    if not (metrics or tags or custom_info):
        raise ValueError("there is nothing to write: give metrics, tags or custom_info.")
    if metrics:
        body["metrics"] = points(metrics)
    if tags:
        body["tags"] = tag_list(tags)
    if custom_info:
        body["customInfo"] = custom_info_list(custom_info)
    return Call("PATCH", "/lm/metrics", nothing, json=body, content_type="application/merge-patch+json")


def delete(execution_id: str) -> Call[Created]:
    """Delete an execution's metrics. Source: operation ``metrics.delete``, ``DELETE /lm/metrics``.

    :raises NotFoundError: there are none.
    """
    params = {"executionId": check_id("execution_id", execution_id)}
    return Call("DELETE", "/lm/metrics", _DELETED, params, repeatable=True)


def find(execution_id: str, retry: RetryPolicy) -> Flow[ExecutionMetrics | None]:
    """Get the metrics of one execution, or ``None`` where none were written."""
    found = yield from find_many([execution_id], retry)
    return found.get(execution_id)


def find_many(
    execution_ids: Iterable[str], retry: RetryPolicy, *, select: Sequence[Part] = ()
) -> Flow[dict[str, ExecutionMetrics]]:
    """Get the metrics of executions by their ids, ten with one request; who wrote none is missing.

    Whether AI Core answers 404 for ten executions as soon as one of them has no metrics is not known: it is
    asked again for each half of them then.
    """
    ids = list(dict.fromkeys(execution_ids))
    batches = [ids[at : at + MAX_EXECUTIONS] for at in range(0, len(ids), MAX_EXECUTIONS)]
    found: dict[str, ExecutionMetrics] = {}
    while batches:
        batch = batches.pop(0)
        try:
            answered = yield from once(query(batch, select=select), retry)
        except NotFoundError:
            half = len(batch) // 2
            batches += [batch[:half], batch[half:]] if half else []
        else:
            found |= {one.execution_id: one for one in answered if one.execution_id in batch}
    return found


def find_tagged(
    tags: Mapping[str, str | None],
    retry: RetryPolicy,
    *,
    tags_not: Mapping[str, str] | None = None,
    select: Sequence[Part] = (),
) -> Flow[list[ExecutionMetrics]]:
    """Get the metrics of all executions whose tags fit, page by page; each once. As :func:`query`."""

    def page(top: int, skip: int) -> Call[list[ExecutionMetrics]]:
        return query(tags=tags, tags_not=tags_not, select=select, top=top, skip=skip)

    try:
        found = yield from pages(page, retry)
    except NotFoundError:
        return []
    return list({resource.execution_id: resource for resource in found}.values())


def last_values(resource: ExecutionMetrics | None) -> dict[str, float]:
    """Return the last value of each metric, whatever its labels."""
    by_name: dict[str, list[Metric]] = {}
    for metric in (resource.metrics or []) if resource else []:
        by_name.setdefault(metric.name, []).append(metric)
    return {name: last(measured).value for name, measured in by_name.items()}


def last(measured: Sequence[Metric]) -> Metric:
    """Return the last of some points: of the highest step, of equal steps the latest, then as written.

    No step counts as step 0, which is where everything stands that is measured once.
    """
    return max(reversed(measured), key=lambda one: (one.step or 0, _measured_at(one)))


def _measured_at(metric: Metric) -> datetime:
    if metric.timestamp is None:
        return datetime.min.replace(tzinfo=UTC)
    return metric.timestamp if metric.timestamp.tzinfo else metric.timestamp.replace(tzinfo=UTC)
