"""Parameters and input artifacts of an executable, as AI Core keeps them: names and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api.validation import (
    MAX_BINDINGS,
    MAX_NAME,
    Complaints,
    check_id,
    check_mapping,
    check_range,
    check_text,
)
from airflow_provider_aicore.signature import parameter_value

if TYPE_CHECKING:
    from collections.abc import Mapping


def parameter_values(parameters: Mapping[str, object]) -> dict[str, str]:
    """Check parameters and turn their values into the text that AI Core takes."""
    check_mapping("parameters", parameters)
    check_range("number of parameters", len(parameters), 0, MAX_BINDINGS)
    complaints, values = Complaints(), {}
    for key, value in parameters.items():
        with complaints.kept():
            values[_key("parameter", key)] = parameter_value(key, value)
    complaints.tell()
    return values


def artifact_ids(input_artifacts: Mapping[str, str]) -> dict[str, str]:
    """Check the input artifacts' names and ids."""
    check_mapping("input_artifacts", input_artifacts)
    check_range("number of input artifacts", len(input_artifacts), 0, MAX_BINDINGS)
    complaints, ids = Complaints(), {}
    for key, value in input_artifacts.items():
        with complaints.kept():
            ids[_key("input artifact", key)] = check_id(f"id of input artifact {key!r}", value)
    complaints.tell()
    return ids


def _key(what: str, key: object) -> str:
    text = check_text(f"name of a {what}", key, MAX_NAME)
    if not text:
        raise ValueError(f"the name of a {what} is empty.")
    return text
