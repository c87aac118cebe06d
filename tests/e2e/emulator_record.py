"""What the emulator was asked, by its own record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from demo.emulator_process import EmulatorProcess

EXECUTIONS = "/v2/lm/executions"


def control(emulator: EmulatorProcess, method: str, name: str, body: Any = None) -> Any:
    """Ask the emulator's control path, for instance for ``requests``."""
    answer = httpx.request(method, f"{emulator.url}/emulator/{name}", json=body, trust_env=False, timeout=30)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def requests(emulator: EmulatorProcess) -> list[dict[str, Any]]:
    """Read the last thousand requests, the oldest first."""
    return list(control(emulator, "GET", "requests")["requests"])


def changes(emulator: EmulatorProcess) -> list[dict[str, Any]]:
    """Choose the requests that change executions: stops, of one or of many, and deletions."""
    return [
        each
        for each in requests(emulator)
        if each["method"] in {"PATCH", "DELETE"} and each["path"].startswith(EXECUTIONS)
    ]


def is_stop_of(request: dict[str, Any], execution_id: str) -> bool:
    """Tell whether a request stops an execution, alone or among others, and was granted."""
    if request["method"] != "PATCH" or request["status"] != 202:
        return False
    if request["path"] == f"{EXECUTIONS}/{execution_id}":
        return bool(request["json"]["targetStatus"] == "STOPPED")
    many = (request["json"] or {}).get("executions", []) if request["path"] == EXECUTIONS else []
    return any(each == {"id": execution_id, "targetStatus": "STOPPED"} for each in many)


def is_start_of(request: dict[str, Any], configuration_id: str) -> bool:
    """Tell whether a request starts an execution of a configuration, and was granted."""
    body = {"configurationId": configuration_id}
    asked = (request["method"], request["path"], request["json"])
    return asked == ("POST", EXECUTIONS, body) and request["status"] == 202
