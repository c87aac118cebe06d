"""``withItems`` and ``withParam``: a call becomes one for each item."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_aicore.emulator.argo import Call, WorkflowError, as_text
from airflow_provider_aicore.emulator.tags import substitute


def loop_items(call: Call, values: Mapping[str, str]) -> Sequence[Any]:
    """Give the items of a loop.

    :raises WorkflowError: ``withParam`` is no JSON list.
    """
    if call.with_param is None:
        return call.items or ()
    text = substitute(call.with_param, values)
    try:
        items = json.loads(text)
    except ValueError:
        items = None
    if not isinstance(items, list):
        raise WorkflowError(f"withParam of {call.name} has to be a JSON list, it is {text[:200]!r}")
    return items


def item_values(item: Any) -> dict[str, str]:
    """Give the values of ``{{item}}`` and, for a mapping, of ``{{item.<key>}}``."""
    values = {"item": _text(item)}
    if isinstance(item, Mapping):
        values |= {f"item.{name}": _text(value) for name, value in item.items()}
    return values


def _text(value: Any) -> str:
    if value is None or isinstance(value, (Mapping, list)):
        return json.dumps(value)
    return as_text(value)
