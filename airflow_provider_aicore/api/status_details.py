"""Reads why an execution died out of `statusDetails`, whose shape is not described anywhere.

Source: answers of the live service in SAP's sample notebooks. Keys are snake_case, exit codes come as numbers
and as text, and any part may be missing; what cannot be read is left out, never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SURELY_WHOLE = 100
"""AI Core cuts a log at some hundred characters; a shorter one it has not cut."""
_LONGEST = 1000


def cause_of_death(status_details: Any) -> str:
    """Return the failed container, its exit code and its last words, or an empty string."""
    containers = [item for item in _list(status_details, "details") if _exit_code(item) > 0]
    # Argo's own containers fail along with the one that caused it, which is called main.
    containers.sort(key=lambda item: item.get("container_name") != "main")
    if containers:
        culprit = containers[0]
        words = _text(culprit, "message") or _end_of_log(_text(culprit, "last_log_messages"))
        said = (
            f"container {_text(culprit, 'container_name') or '?'!r} "
            f"ended with exit code {_exit_code(culprit)}"
        )
        return f"{said}: {words}" if words else said
    nodes = [item for item in _list(status_details, "workflow_info") if _text(item, "message")]
    return _text(nodes[0], "message") if nodes else ""


def _end_of_log(log: str) -> str:
    """Begin at a whole line, or a whole word where AI Core has put blanks for line ends.

    It cuts the log's front off wherever that falls.
    """
    if len(log) < _SURELY_WHOLE:
        return log
    end = log[-_LONGEST:]
    _, _, whole = end.partition("\n" if "\n" in end else " ")
    return f"… {whole or end}"


def _list(container: Any, key: str) -> list[Mapping[str, Any]]:
    items = container.get(key) if isinstance(container, Mapping) else None
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value.strip() if isinstance(value, str) else ""


def _exit_code(item: Mapping[str, Any]) -> int:
    try:
        return int(item.get("exit_code") or 0)
    except (TypeError, ValueError):
        return 0
