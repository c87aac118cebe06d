"""Parameters and input artifacts of an executable, as AI Core keeps them: names and text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_aicore.api.validation import (
    MAX_BINDINGS,
    MAX_NAME,
    MAX_TEXT,
    check_id,
    check_mapping,
    check_range,
    check_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def parameter_values(parameters: Mapping[str, object]) -> dict[str, str]:
    """Check parameters and turn their values into the text that AI Core takes."""
    check_mapping("parameters", parameters)
    check_range("number of parameters", len(parameters), 0, MAX_BINDINGS)
    return {_key("parameter", key): parameter_value(key, value) for key, value in parameters.items()}


def parameter_value(key: str, value: object) -> str:
    """Turn one value into text.

    Text as it is, ``true``/``false``, numbers as Python writes them, the rest as JSON.

    :raises ValueError: it is ``None``, of another type, or longer than 5000 characters as text.
    """
    what = f"parameter {key!r}"
    if value is None:
        raise ValueError(
            f"{what} is None, but AI Core knows text only. Leave it out to take the executable's default."
        )
    match value:
        case str():
            text = str(value)
        case bool():
            text = "true" if value else "false"
        case int():
            text = int.__repr__(value)
        case float():
            text = float.__repr__(value)
        case dict() | list() | tuple():
            text = _json(what, value)
        case _:
            raise ValueError(
                f"{what} is of type {type(value).__name__}: "
                "give text, a number, a bool, or a dict or list for JSON."
            )
    return check_text(what, text, MAX_TEXT)


def artifact_ids(input_artifacts: Mapping[str, str]) -> dict[str, str]:
    """Check the input artifacts' names and ids."""
    check_mapping("input_artifacts", input_artifacts)
    check_range("number of input artifacts", len(input_artifacts), 0, MAX_BINDINGS)
    return {
        _key("input artifact", key): check_id(f"id of input artifact {key!r}", value)
        for key, value in input_artifacts.items()
    }


def _json(what: str, value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} cannot be written as JSON: {error}.") from error


def _key(what: str, key: object) -> str:
    text = check_text(f"name of a {what}", key, MAX_NAME)
    if not text:
        raise ValueError(f"the name of a {what} is empty.")
    return text
