"""Reads `statusDetails`, whose shape is not described anywhere.

Source: answers of the live service in SAP's sample notebooks. Keys are snake_case, exit codes come as numbers
and as text, and any part may be missing; what cannot be read is left out, never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_SURELY_WHOLE = 100
"""AI Core cuts a log at some hundred characters; a shorter one it has not cut."""
_LONGEST = 1000
_ARGO_S_OWN = frozenset({"init", "wait"})


class FailedContainer(NamedTuple):
    """The container of which an execution died.

    :param exit_code: above 0.
    :param message: what AI Core says of it.
    :param log: the end of what it printed.
    """

    name: str
    pod: str
    exit_code: int
    message: str
    log: str

    @property
    def is_argo_s(self) -> bool:
        """Whether it fetches inputs or stores outputs, in place of running the user's program."""
        return self.name in _ARGO_S_OWN


def failed_container(status_details: Any) -> FailedContainer | None:
    """Find the container that failed: the user's, first of all main, since Argo's own fail along with it."""
    failed = [item for item in _list(status_details, "details") if _exit_code(item) > 0]
    culprit = min(failed, key=_suspicion, default=None)
    if culprit is None:
        return None
    return FailedContainer(
        _text(culprit, "container_name") or "?",
        _text(culprit, "pod_name"),
        _exit_code(culprit),
        _text(culprit, "message"),
        _end_of_log(_text(culprit, "last_log_messages")),
    )


def messages(status_details: Any) -> list[str]:
    """Return what is said of the workflow's nodes, failed ones first, and of the runtime's own trouble."""
    nodes = [item for item in _list(status_details, "workflow_info") if _text(item, "message")]
    nodes.sort(key=lambda item: _text(item, "phase") not in {"Failed", "Error"})
    parts = _mapping(status_details, "aiApiDetails")
    runtime = [item for part in parts for item in _list(parts[part], "message")]
    return list(
        dict.fromkeys(_text(item, "message") for item in (*nodes, *runtime) if _text(item, "message"))
    )


def _end_of_log(log: str) -> str:
    """Begin at a whole line, or a whole word where AI Core has put blanks for line ends.

    It cuts the log's front off wherever that falls.
    """
    if len(log) < _SURELY_WHOLE:
        return log
    end = log[-_LONGEST:]
    _, _, whole = end.partition("\n" if "\n" in end else " ")
    return f"… {whole or end}"


def _mapping(container: Any, key: str) -> Mapping[Any, Any]:
    value = container.get(key) if isinstance(container, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _list(container: Any, key: str) -> list[Mapping[str, Any]]:
    items = container.get(key) if isinstance(container, Mapping) else None
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value.strip() if isinstance(value, str) else ""


def _suspicion(item: Mapping[str, Any]) -> tuple[bool, bool]:
    name = _text(item, "container_name")
    return name in _ARGO_S_OWN, name != "main"


def _exit_code(item: Mapping[str, Any]) -> int:
    try:
        return int(item.get("exit_code") or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
