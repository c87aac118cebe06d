"""Calls on ``/lm/configurations``.

A configuration never changes and cannot be deleted; names are not unique.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api.bindings import artifact_ids, parameter_values
from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.models import Configuration, Created
from airflow_provider_aicore.api.query import id_list, optional_id
from airflow_provider_aicore.api.query import query as to_params
from airflow_provider_aicore.api.reading import Reader, number, resources
from airflow_provider_aicore.api.validation import check_id, check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONFIGURATION = Reader(Configuration)
_CONFIGURATIONS = resources(Configuration)
_CREATED = Reader(Created)
_MAX_EXECUTABLE_IDS = 1000


def create(
    *,
    name: str,
    scenario_id: str,
    executable_id: str,
    parameters: Mapping[str, object] | None = None,
    input_artifacts: Mapping[str, str] | None = None,
) -> Call[Created]:
    """Bind an executable's parameters and input artifacts.

    Source: operation ``configuration.create``, ``POST /lm/configurations``.

    :param parameters: values by name; see :func:`~.signature.parameter_value` for what becomes of what is no
        text.
    :param input_artifacts: artifact ids by the name of the input.
    :raises BadRequestError: scenario or executable does not exist.
    """
    body: dict[str, object] = {
        "name": check_name("name", name),
        "scenarioId": check_id("scenario_id", scenario_id),
        "executableId": check_id("executable_id", executable_id),
        "parameterBindings": [
            {"key": key, "value": value} for key, value in parameter_values(parameters or {}).items()
        ],
        "inputArtifactBindings": [
            {"key": key, "artifactId": value} for key, value in artifact_ids(input_artifacts or {}).items()
        ],
    }
    return Call("POST", "/lm/configurations", _CREATED, json=body)


def get(configuration_id: str) -> Call[Configuration]:
    """Read one configuration. Source: ``configuration.get``, ``GET /lm/configurations/{configurationId}``."""
    path = f"/lm/configurations/{check_id('configuration_id', configuration_id)}"
    return Call("GET", path, _CONFIGURATION, repeatable=True)


def query(
    *,
    scenario_id: str | None = None,
    executable_ids: Sequence[str] | None = None,
    search: str | None = None,
    top: int | None = None,
    skip: int = 0,
) -> Call[list[Configuration]]:
    """Read one page of configurations, in no promised order.

    Source: operation ``configuration.query``, ``GET /lm/configurations``.

    :param search: 1 to 80 characters that occur in the name, without ``~``.
    """
    filters = _filters(scenario_id, executable_ids)
    params = to_params(filters, search=search, top=top, skip=skip)
    return Call("GET", "/lm/configurations", _CONFIGURATIONS, params, repeatable=True)


def count(
    *, scenario_id: str | None = None, executable_ids: Sequence[str] | None = None, search: str | None = None
) -> Call[int]:
    """Count configurations. Source: operation ``configuration.count``, ``GET /lm/configurations/$count``."""
    params = to_params(_filters(scenario_id, executable_ids), search=search)
    return Call("GET", "/lm/configurations/$count", number, params, repeatable=True)


def _filters(scenario_id: str | None, executable_ids: Sequence[str] | None) -> dict[str, str | None]:
    return {
        "scenarioId": optional_id("scenario_id", scenario_id),
        "executableIds": id_list("executable_ids", executable_ids, most=_MAX_EXECUTABLE_IDS),
    }
