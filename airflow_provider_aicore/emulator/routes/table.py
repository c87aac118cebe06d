"""Which method and path leads to which operation."""

import re

from airflow_provider_aicore.emulator.checks import ID
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request
from airflow_provider_aicore.emulator.routes import (
    artifacts,
    configurations,
    execution_changes,
    executions,
    logs,
    meta,
    metrics,
    scenarios,
)
from airflow_provider_aicore.emulator.routes.admin import table as admin
from airflow_provider_aicore.emulator.routes.admin.naming import PATH_IDS
from airflow_provider_aicore.emulator.routes.route import Route

ROUTES = (  # below /v2/lm; those below /v2/admin are in routes/admin
    Route("POST", "/artifacts", artifacts.create),
    Route("GET", "/artifacts", artifacts.query),
    Route("GET", "/artifacts/$count", artifacts.count),
    Route("GET", "/artifacts/{artifactId}", artifacts.get),
    Route("POST", "/configurations", configurations.create),
    Route("GET", "/configurations", configurations.query),
    Route("GET", "/configurations/$count", configurations.count),
    Route("GET", "/configurations/{configurationId}", configurations.get),
    Route("POST", "/executions", executions.create),
    Route("GET", "/executions", executions.query),
    Route("PATCH", "/executions", execution_changes.batch_modify),
    Route("GET", "/executions/$count", executions.count),
    Route("GET", "/executions/{executionId}", executions.get),
    Route("PATCH", "/executions/{executionId}", execution_changes.modify),
    Route("DELETE", "/executions/{executionId}", execution_changes.delete),
    Route("GET", "/executions/{executionId}/logs", logs.get_logs),
    Route("GET", "/metrics", metrics.find),
    Route("PATCH", "/metrics", metrics.patch),
    Route("DELETE", "/metrics", metrics.delete),
    Route("GET", "/scenarios", scenarios.query),
    Route("GET", "/scenarios/{scenarioId}", scenarios.get),
    Route("GET", "/scenarios/{scenarioId}/executables", scenarios.query_executables),
    Route("GET", "/scenarios/{scenarioId}/executables/{executableId}", scenarios.get_executable),
    Route("GET", "/scenarios/{scenarioId}/versions", scenarios.query_versions),
    Route("GET", "/scenarios/{scenarioId}/models", scenarios.query_models),
    Route("GET", "/meta", meta.get, grouped=False),
    Route("GET", "/meta/versions", meta.versions, grouped=False),
    Route("GET", "/healthz", meta.healthz, grouped=False),
)
TRACKING = Route("PATCH", "/api/v1/metrics", metrics.patch_from_inside, grouped=False)


def _path_pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


_PATTERNS = [(_path_pattern(f"{route.area}{route.path}"), route) for route in (*ROUTES, *admin.ROUTES)]


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Give the route for a request and the ids in its path.

    :param path: below ``/v2``.
    :raises Refusal: 404, no such path; 405, it does not take this method; 400, an id is malformed.
    """
    here = [(route, match) for pattern, route in _PATTERNS if (match := pattern.fullmatch(path))]
    if not here:
        raise Refusal(404, f"There is nothing at {path}")
    # "$count" would also pass for an id: the first path that fits is the right one.
    first = here[0][0].path
    fitting = [(route, match) for route, match in here if (route.method, route.path) == (method, first)]
    if not fitting:
        raise Refusal(405, f"{method} is not allowed on {path}")
    route, match = fitting[0]
    ids = match.groupdict()
    for name, value in ids.items():
        pattern = PATH_IDS.get(name, ID)
        if not pattern.fullmatch(value):
            raise bad_request(f"{name}: {value!r} does not match the pattern {pattern.pattern}")
    return route, ids
