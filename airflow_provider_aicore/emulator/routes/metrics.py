"""Operations ``metrics.patch``, ``.find`` and ``.delete``, and the tracking endpoint of what runs."""

import re
from collections.abc import Callable
from operator import attrgetter
from urllib.parse import unquote

from airflow_provider_aicore.emulator import checks, render, tracking
from airflow_provider_aicore.emulator.exchange import JSON, MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request, not_found
from airflow_provider_aicore.emulator.workloads import Metrics

NO_METRICS = "02010055"
_PARTS = ("metrics", "tags", "customInfo")
_FILTER = re.compile(r"\s*executionId\s+(?:eq\s+('[^']*')|in\s+\((.*)\))\s*", re.IGNORECASE)


def patch(request: ApiRequest) -> Reply:
    """Add metrics, tags and custom info to an execution; nothing comes back.

    The description takes merge patches only; plain JSON worked in SAP's tests against the live service.
    """
    tracking.report(request.group, request.body(MERGE_PATCH, JSON), request.now, request.tenant.options)
    return Reply(204)


def patch_from_inside(request: ApiRequest) -> Reply:
    """Take what an execution reports to ``{AICORE_TRACKING_ENDPOINT}/api/v1/metrics``, without a token.

    Source: ``ai_core_sdk.tracking`` of SAP's ``sap-ai-sdk-core`` 3.5.0. Inside an execution it sends the body
    of `patch` with the method PATCH as plain JSON, with an empty ``Authorization`` and, where the environment
    has them, the headers ``AI-MAIN-TENANT`` and ``AI-RESOURCE-GROUP``. Here the execution's id, which is
    unique, says what the resource group is.
    """
    body = request.body(JSON, MERGE_PATCH)
    execution_id = checks.identifier(body, "executionId")
    for group in request.tenant.groups.values():
        if execution_id in group.executions:
            tracking.report(group, body, request.now, request.tenant.options)
            return Reply(204)
    raise not_found("Execution", execution_id)


def find(request: ApiRequest) -> Reply:
    """List what was tracked, for given executions or by tags.

    Executions without metrics are left out; if none is left of those asked for by id, the answer is 404.
    """
    selected = _selected(request)
    execution_ids = _execution_ids(request)
    tags_fit = _tag_filters(request)
    if execution_ids is None and tags_fit is None:
        raise bad_request("One of executionIds, $filter and tagFilters is required")
    known = request.group.metrics
    if execution_ids is not None:
        known = {each: known[each] for each in execution_ids if each in known}
    found = [each for each in known.values() if tags_fit is None or tags_fit(each)]
    found.sort(key=attrgetter("execution_id"))
    if execution_ids is not None and not found:
        raise Refusal(404, "Metrics was not found.", NO_METRICS)
    page = request.query.page(found, default=1000, most=10_000)
    return Reply(200, render.listed([render.metrics(each, selected) for each in page]))


def delete(request: ApiRequest) -> Reply:
    """Delete all that was tracked for an execution."""
    execution_id = request.query.text("executionId") or ""
    if request.group.metrics.pop(execution_id, None) is None:
        raise Refusal(404, "Metrics was not found.", NO_METRICS)
    return Reply(200, {"id": execution_id, "message": "Metric Resource was successfully deleted"})


def _selected(request: ApiRequest) -> set[str]:
    names = (request.query.text("$select") or "*").split(",")
    unknown = set(names) - {*_PARTS, "*"}
    if unknown:
        raise bad_request(f"$select: {', '.join(sorted(unknown))}: only {', '.join(_PARTS)} and * are there")
    return set(_PARTS if "*" in names else names)


def _execution_ids(request: ApiRequest) -> list[str] | None:
    ids = request.query.identifiers("executionIds", most=10)
    expression = request.query.text("$filter")
    if expression is None:
        return ids
    if ids is not None:
        raise bad_request("$filter and executionIds cannot be used together")
    match = _FILTER.fullmatch(expression)
    if match is None:
        raise bad_request("$filter: only executionId eq 'id' and executionId in ('id', ...) are known")
    return [each.strip().strip("'") for each in (match[1] or match[2]).split(",")]


def _tag_filters(request: ApiRequest) -> Callable[[Metrics], bool] | None:
    """Read ``tagFilters``: ``name=value``, ``name!=value`` and ``name``, commas between them; all must fit.

    Special characters in a name or value are percent-encoded once more within the parameter.
    Source: parameter ``TrcktagFilters``.
    """
    text = request.query.text("tagFilters")
    if text is None:
        return None
    expressions = text.split(",")
    if len(text) > 5000 or len(expressions) > 100 or "" in expressions:
        raise bad_request("tagFilters: 1 to 100 expressions in 5000 characters are allowed")
    return lambda metrics: all(_tag_fits(metrics, each) for each in expressions)


def _tag_fits(metrics: Metrics, expression: str) -> bool:
    tags = {tag["name"]: tag["value"] for tag in metrics.tags}
    name, equals, value = expression.partition("=")
    unequal = name.endswith("!")
    name = unquote(name.removesuffix("!"))
    if name not in tags or not equals:
        return name in tags
    return (tags[name] == unquote(value)) is not unequal
