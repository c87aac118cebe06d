"""Which method and path leads to which operation."""

import re
from collections.abc import Iterable

from airflow_provider_aicore.emulator.checks import ID
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request
from airflow_provider_aicore.emulator.routes import (
    artifacts,
    configurations,
    dataset_files,
    execution_schedules,
    meta,
    metrics,
    scenarios,
)
from airflow_provider_aicore.emulator.routes.admin import table as admin
from airflow_provider_aicore.emulator.routes.admin.naming import PATH_IDS
from airflow_provider_aicore.emulator.routes.deployments import Deployments
from airflow_provider_aicore.emulator.routes.executions import Executions
from airflow_provider_aicore.emulator.routes.route import Route

FILE_PATH = "path"


def _of_workloads(operations: Executions | Deployments) -> Iterable[Route]:
    path = f"/{operations.noun.lower()}s"
    one = f"{path}/{{{operations.noun.lower()}Id}}"
    yield Route("POST", path, operations.create)
    yield Route("GET", path, operations.query)
    yield Route("PATCH", path, operations.batch_modify)
    yield Route("GET", f"{path}/$count", operations.count)
    yield Route("GET", one, operations.get)
    yield Route("PATCH", one, operations.modify)
    yield Route("DELETE", one, operations.delete)
    yield Route("GET", f"{one}/logs", operations.get_logs)


ROUTES = (  # below /v2/lm; those below /v2/admin are in routes/admin
    Route("POST", "/artifacts", artifacts.create),
    Route("GET", "/artifacts", artifacts.query),
    Route("GET", "/artifacts/$count", artifacts.count),
    Route("GET", "/artifacts/{artifactId}", artifacts.get),
    Route("POST", "/configurations", configurations.create),
    Route("GET", "/configurations", configurations.query),
    Route("GET", "/configurations/$count", configurations.count),
    Route("GET", "/configurations/{configurationId}", configurations.get),
    *_of_workloads(Executions()),
    *_of_workloads(Deployments()),
    Route("POST", "/executionSchedules", execution_schedules.create),
    Route("GET", "/executionSchedules", execution_schedules.query),
    Route("GET", "/executionSchedules/$count", execution_schedules.count),
    Route("GET", "/executionSchedules/{executionScheduleId}", execution_schedules.get),
    Route("PATCH", "/executionSchedules/{executionScheduleId}", execution_schedules.modify),
    Route("DELETE", "/executionSchedules/{executionScheduleId}", execution_schedules.delete),
    Route("GET", "/metrics", metrics.find),
    Route("PATCH", "/metrics", metrics.patch),
    Route("DELETE", "/metrics", metrics.delete),
    Route("GET", "/scenarios", scenarios.query),
    Route("GET", "/scenarios/{scenarioId}", scenarios.get),
    Route("GET", "/scenarios/{scenarioId}/executables", scenarios.query_executables),
    Route("GET", "/scenarios/{scenarioId}/executables/{executableId}", scenarios.get_executable),
    Route("GET", "/scenarios/{scenarioId}/versions", scenarios.query_versions),
    Route("GET", "/scenarios/{scenarioId}/models", scenarios.query_models),
    Route("PUT", "/dataset/files/{path}", dataset_files.upload, resource_group="optional"),
    Route("GET", "/dataset/files/{path}", dataset_files.download, resource_group="optional"),
    Route("DELETE", "/dataset/files/{path}", dataset_files.delete, resource_group="optional"),
    Route("GET", "/meta", meta.get, resource_group="ignored"),
    Route("GET", "/meta/versions", meta.versions, resource_group="ignored"),
    Route("GET", "/healthz", meta.healthz, resource_group="ignored"),
)
TRACKING = Route("PATCH", "/api/v1/metrics", metrics.patch_from_inside, resource_group="ignored")


def _path_pattern(path: str) -> re.Pattern[str]:
    # Of all of them only the path of a file has slashes, and it may have anything, even the end of a line.
    path = re.escape(path).replace(r"\{path\}", f"(?P<{FILE_PATH}>(?s:.)+)")
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", path))


def _by_path(routes: Iterable[Route]) -> list[tuple[re.Pattern[str], dict[str, Route]]]:
    """Give the routes of each path by method, in the order in which the paths are tried."""
    paths: dict[str, dict[str, Route]] = {}
    for route in routes:
        paths.setdefault(f"{route.area}{route.path}", {})[route.method] = route
    return [(_path_pattern(path), by_method) for path, by_method in paths.items()]


_PATHS = _by_path((*ROUTES, *admin.ROUTES))


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Give the route for a request and the ids in its path.

    :param path: below ``/v2``.
    :raises Refusal: 404, no such path; 405, it does not take this method; 400, an id is malformed.
    """
    # "$count" would also pass for an id: the first path that fits is the right one.
    fitting = ((match, routes) for pattern, routes in _PATHS if (match := pattern.fullmatch(path)))
    match, routes = next(fitting, (None, {}))
    if match is None:
        raise Refusal(404, f"There is nothing at {path}")
    if method not in routes:
        raise Refusal(405, f"{method} is not allowed on {path}")
    ids = match.groupdict()
    for name, value in ids.items():
        pattern = PATH_IDS.get(name, ID)
        if name != FILE_PATH and not pattern.fullmatch(value):
            raise bad_request(f"{name}: {value!r} does not match the pattern {pattern.pattern}")
    return routes[method], ids
