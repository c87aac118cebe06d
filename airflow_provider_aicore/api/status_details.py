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


_NO_SUCH_COMMAND = frozenset({126, 127})
"""Exit codes of a shell, and of Argo, whose command is no program or is not there."""


def cannot_run(status_details: Any) -> bool:
    """Tell whether the container's command could not be run at all, as it could not be another time."""
    culprit = _culprit(status_details)
    return culprit is not None and _exit_code(culprit) in _NO_SUCH_COMMAND


def cause_of_death(status_details: Any) -> str:
    """Return the failed container, its exit code and its last words, or an empty string."""
    culprit = _culprit(status_details)
    if culprit is not None:
        words = _text(culprit, "message") or _end_of_log(_text(culprit, "last_log_messages"))
        said = (
            f"container {_text(culprit, 'container_name') or '?'!r} "
            f"ended with exit code {_exit_code(culprit)}"
        )
        return f"{said}: {words}" if words else said
    nodes = [item for item in _list(status_details, "workflow_info") if _text(item, "message")]
    return _text(nodes[0], "message") if nodes else ""


def _culprit(status_details: Any) -> Mapping[str, Any] | None:
    """Find the container that failed; Argo's own fail along with it, which is called main."""
    containers = [item for item in _list(status_details, "details") if _exit_code(item) > 0]
    return min(containers, key=lambda item: item.get("container_name") != "main", default=None)


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
