"""The ``statusDetails`` of an execution in their real shape: snake_case, exit codes as number and as text.

The description leaves the object open (schema ``AiExecutionStatusDetails``); the shape follows answers of the
live service that SAP's published notebooks show.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LAST_LOG_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class PodReport:
    """How one pod of an execution is doing.

    :param name: of the pod.
    :param exit_code: of the container that ended it; None while it runs, or when it never started.
    :param message: what the workflow engine says; empty when all is well.
    :param culprit: the container that failed, None for none. ``main`` is the user's; ``init`` fetches the
        input artifacts before it, ``wait`` stores the outputs after it.
    :param log_tail: the end of what ``main`` wrote.
    :param waits: whether it cannot start yet; *message* says why.
    """

    name: str
    exit_code: int | None = None
    message: str = ""
    culprit: str | None = None
    log_tail: str = ""
    waits: bool = False


def describe(pods: Iterable[PodReport]) -> dict[str, Any]:
    """Shape the details of an execution from its pods; containers are listed for failed pods only."""
    pods = list(pods)
    return {
        "details": [container for pod in pods if pod.culprit for container in _containers(pod)],
        "workflow_info": [_node(pod) for pod in pods],
    }


def tail(messages: Iterable[str]) -> str:
    """Shorten log lines as AI Core does: blanks for line ends, cut at the front."""
    return " ".join(" ".join(messages).split())[-LAST_LOG_CHARACTERS:]


def _containers(pod: PodReport) -> list[dict[str, Any]]:
    containers = ["init"] if pod.culprit == "init" else ["main", "wait"]
    return [
        {
            "container_name": each,
            "exit_code": (pod.exit_code or 0) if each == pod.culprit else 0,
            "pod_name": pod.name,
            "ready": False,
            "message": "" if each != pod.culprit or each == "main" else pod.message,
            "last_log_messages": pod.log_tail if each == "main" else "",
        }
        for each in containers
    ]


def _node(pod: PodReport) -> dict[str, Any]:
    return {
        "id": pod.name,
        "name": pod.name,
        "type": "Pod",
        "phase": _phase(pod),
        "exit_code": "" if pod.exit_code is None else str(pod.exit_code),
        "message": pod.message,
        "outputs": "",
    }


def _phase(pod: PodReport) -> str:
    if pod.culprit:  # Argo tells what its own containers did wrong from what the user's did.
        return "Failed" if pod.culprit == "main" else "Error"
    if pod.waits:
        return "Pending"
    if pod.message and pod.exit_code is None:  # The cluster has taken it away.
        return "Error"
    return "Running" if pod.exit_code is None else "Succeeded"
