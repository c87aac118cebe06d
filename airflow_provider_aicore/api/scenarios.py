"""Calls on ``/lm/scenarios`` and their executables; these lists are not paged."""

from __future__ import annotations

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.models import Executable, Scenario
from airflow_provider_aicore.api.reading import Reader, resources
from airflow_provider_aicore.api.validation import check_id

_SCENARIO = Reader(Scenario)
_SCENARIOS = resources(Scenario)
_EXECUTABLE = Reader(Executable)
_EXECUTABLES = resources(Executable)


def query() -> Call[list[Scenario]]:
    """Read all scenarios. Source: operation ``scenario.query``, ``GET /lm/scenarios``."""
    return Call("GET", "/lm/scenarios", _SCENARIOS, repeatable=True)


def get(scenario_id: str) -> Call[Scenario]:
    """Read one scenario. Source: operation ``scenario.get``, ``GET /lm/scenarios/{scenarioId}``."""
    return Call("GET", _path(scenario_id), _SCENARIO, repeatable=True)


def query_executables(scenario_id: str, *, version_id: str | None = None) -> Call[list[Executable]]:
    """Read a scenario's executables.

    Source: operation ``executable.query``, ``GET /lm/scenarios/{scenarioId}/executables``.
    """
    params = {} if version_id is None else {"versionId": version_id}
    return Call("GET", f"{_path(scenario_id)}/executables", _EXECUTABLES, params, repeatable=True)


def get_executable(scenario_id: str, executable_id: str) -> Call[Executable]:
    """Read one executable with the parameters and artifacts that it declares.

    Source: operation ``executable.get``, ``GET /lm/scenarios/{scenarioId}/executables/{executableId}``.
    """
    path = f"{_path(scenario_id)}/executables/{check_id('executable_id', executable_id)}"
    return Call("GET", path, _EXECUTABLE, repeatable=True)


def _path(scenario_id: str) -> str:
    return f"/lm/scenarios/{check_id('scenario_id', scenario_id)}"
