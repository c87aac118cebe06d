"""What is tracked for an execution: checks, limits, and how one report joins what is there.

AI Core does not document whether a second report appends or replaces: an option says. By default metrics are
appended, as they are reported one step at a time, and a tag or custom info takes the place of the one with
the same name.
"""

from collections.abc import Mapping
from typing import Any

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request
from airflow_provider_aicore.emulator.state import ResourceGroup
from airflow_provider_aicore.emulator.timestamps import parse_nanoseconds, whole_seconds
from airflow_provider_aicore.emulator.workloads import Metrics

MOST_METRICS = 1000
MOST_TAGS = 100
MOST_CUSTOM_INFOS = 100
MOST_CUSTOM_INFO_BYTES = 5_000_000
PAYLOAD_TOO_LARGE = "02000005"


def report(group: ResourceGroup, body: Mapping[str, Any], now: float, options: Options) -> None:
    """Add what *body* reports to what is tracked for its execution.

    Source: operation ``metrics.patch``, schema ``TrckMetricResource``.

    :param body: ``executionId`` and any of ``metrics``, ``tags``, ``customInfo``.
    :param now: seconds since the epoch, the time of metrics that carry none.
    :raises Refusal: 400, a field is bad or the execution unknown; 413, more than AI Core keeps.
    """
    execution_id = checks.identifier(body, "executionId")
    known = group.metrics.get(execution_id)
    if known is None and execution_id not in group.executions:
        raise bad_request(f"executionId: there is no execution {execution_id}")
    metrics = [_metric(each, now) for each in checks.objects(body, "metrics") or []]
    tags = [_named(each, longest=256) for each in checks.objects(body, "tags") or []]
    custom_info = [_named(each, longest=None) for each in checks.objects(body, "customInfo") or []]
    joined = known or Metrics(execution_id, created_at=now, modified_at=now)
    if options.repeated_metrics == "append":
        metrics = joined.metrics + metrics
        tags = _replaced(joined.tags, tags)
        custom_info = _replaced(joined.custom_info, custom_info)
    else:
        metrics = metrics if body.get("metrics") is not None else joined.metrics
        tags = tags if body.get("tags") is not None else joined.tags
        custom_info = custom_info if body.get("customInfo") is not None else joined.custom_info
    _refuse_too_much(metrics, tags, custom_info)
    joined.metrics, joined.tags, joined.custom_info = metrics, tags, custom_info
    joined.modified_at = now
    group.metrics[execution_id] = joined


def _metric(item: Mapping[str, Any], now: float) -> dict[str, Any]:
    metric: dict[str, Any] = {
        "name": checks.text(item, "name", pattern=checks.METRIC_NAME, longest=256),
        "value": checks.number(item, "value"),
        "timestamp": _timestamp(item, now),
        "labels": [_named(each, longest=256) for each in checks.objects(item, "labels", most=20) or []],
    }
    step = item.get("step")
    if step is None:
        return metric
    if isinstance(step, bool) or not isinstance(step, int) or step < 0:
        raise bad_request("step: a whole number from 0 is required")
    return {**metric, "step": step}


def _timestamp(item: Mapping[str, Any], now: float) -> str:
    timestamp = checks.optional_text(item, "timestamp")
    if timestamp is None:
        return whole_seconds(now)
    try:
        parse_nanoseconds(timestamp)
    except ValueError as error:
        raise bad_request(f"timestamp: {error}") from error
    return timestamp


def _named(item: Mapping[str, Any], *, longest: int | None) -> dict[str, Any]:
    name = checks.text(item, "name", shortest=1, longest=256)
    return {"name": name, "value": checks.text(item, "value", shortest=1, longest=longest)}


def _replaced(known: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({each["name"]: each for each in [*known, *new]}.values())


def _refuse_too_much(
    metrics: list[dict[str, Any]], tags: list[dict[str, Any]], custom_info: list[dict[str, Any]]
) -> None:
    custom_info_bytes = sum(len(each["value"].encode()) for each in custom_info)
    for what, amount, most in (
        ("metrics", len(metrics), MOST_METRICS),
        ("tags", len(tags), MOST_TAGS),
        ("customInfo", len(custom_info), MOST_CUSTOM_INFOS),
        ("bytes of customInfo", custom_info_bytes, MOST_CUSTOM_INFO_BYTES),
    ):
        if amount > most:
            message = f"PayloadLimitException: {amount} {what}, at most {most} are kept for an execution"
            raise Refusal(413, message, PAYLOAD_TOO_LARGE)
