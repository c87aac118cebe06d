"""What became of many tasks and their executions, judged by what AI Core has of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.e2e.dag_run import LIVE

if TYPE_CHECKING:
    from tests.e2e.dag_run import DAGRun


@dataclass
class Verdict:
    """What is wrong; each entry names a task and its executions.

    :param duplicates: a task had two executions at once, or another one after one had COMPLETED.
    :param orphans: an execution goes on though its task has ended.
    :param stopped: an execution was stopped though nobody wanted it.
    :param wrong: a task succeeded without a COMPLETED execution, or failed with one.
    """

    duplicates: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def executions_by_label(run: DAGRun) -> dict[str, list[dict[str, Any]]]:
    """Read all executions of AI Core, by the label that their configuration binds, the oldest first."""
    configurations = run.emulator.get("/lm/configurations")["resources"]
    labels = {each["id"]: each["parameterBindings"][0]["value"] for each in configurations}
    found: dict[str, list[dict[str, Any]]] = {}
    for each in run.emulator.get("/lm/executions")["resources"]:
        found.setdefault(labels[each["configurationId"]], []).append(each)
    for executions in found.values():
        executions.sort(key=lambda each: (each["createdAt"], each.get("completionTime", "~")))
    return found


def judge(run: DAGRun) -> Verdict:
    """Judge a run that has ended."""
    return judged(run.tasks(), executions_by_label(run))


def judged(tasks: list[dict[str, Any]], executions: dict[str, list[dict[str, Any]]]) -> Verdict:
    """Judge task instances by the executions of their labels, the oldest first."""
    verdict = Verdict()
    for task in tasks:
        own = executions.get(label(task), [])
        statuses = [each["status"] for each in own]
        text = f"{label(task)} {task['state']} after {task['try_number']} tries: " + ", ".join(
            map(describe, own)
        )
        if any(are_doubled(*pair) for pair in pairwise(own)):
            verdict.duplicates.append(text)
        if LIVE.intersection(statuses):
            verdict.orphans.append(text)
        if {"STOPPING", "STOPPED"}.intersection(statuses):
            verdict.stopped.append(text)
        if (task["state"] == "success") != (statuses[-1:] == ["COMPLETED"]):
            verdict.wrong.append(text)
    return verdict


def label(task: dict[str, Any]) -> str:
    """Say by which label a task instance's executions are known."""
    return f"{task['task_id']}-{task['map_index']}"


def are_doubled(earlier: dict[str, Any], later: dict[str, Any]) -> bool:
    """Tell whether the later execution was started though the earlier one went on or had succeeded."""
    ended_at = earlier.get("completionTime")
    return earlier["status"] == "COMPLETED" or ended_at is None or later["createdAt"] < ended_at


def describe(execution: dict[str, Any]) -> str:
    """Say what matters of an execution."""
    times = f"{execution['createdAt'][11:19]} to {execution.get('completionTime', 'now')[11:19]}"
    return f"{execution['id']} {execution['status']} {times}"
