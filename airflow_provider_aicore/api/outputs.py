"""The output artifacts of an execution that has COMPLETED: which of those that are needed it lacks, and why.

Source: SAP's documentation registers the outputs that have a `globalName`, and stores them with the object
store secret ``default``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api import executions, scenarios
from airflow_provider_aicore.api.call import Flow, Sleep, once
from airflow_provider_aicore.api.errors import AICoreError

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

SETTLE = 5.0
"""Seconds after which outputs are looked at again: whether they are there with the status is not promised."""


def settled(
    execution: Execution, needed: Collection[str], retry: RetryPolicy
) -> Flow[tuple[Execution, str | None]]:
    """Make sure of outputs by name: what lacks one is read once more, a little later.

    :return: the execution as read last, and what it lacks and why, in sentences.
    """
    if not _lacking(execution, needed):
        return execution, None
    yield Sleep(SETTLE)
    execution = yield from once(executions.get(execution.id), retry)
    lacking = _lacking(execution, needed)
    if not lacking:
        return execution, None
    declared = yield from _declared(execution, retry)
    there = ", ".join(sorted(artifact.name for artifact in execution.output_artifacts)) or "none"
    why = " ".join(_why(name, execution, declared) for name in lacking)
    return execution, f"without {_quoted(lacking)}. Its output artifacts are: {there}. {why}"


def _lacking(execution: Execution, needed: Collection[str]) -> list[str]:
    there = {artifact.name for artifact in execution.output_artifacts}
    return [name for name in needed if name not in there]


def _declared(execution: Execution, retry: RetryPolicy) -> Flow[list[str] | None]:
    """Return the outputs that the executable declares; ``None`` if they cannot be read."""
    if not (execution.scenario_id and execution.executable_id):
        return None
    call = scenarios.get_executable(execution.scenario_id, execution.executable_id)
    try:
        executable = yield from once(call, retry)
    except AICoreError:
        return None
    return [artifact.name for artifact in executable.output_artifacts or ()]


def _why(name: str, execution: Execution, declared: list[str] | None) -> str:
    if declared is not None and name not in declared:
        return (
            f"Executable {execution.executable_id} declares no output {name!r} (but: "
            f"{', '.join(sorted(declared)) or 'none'}): the template needs `globalName: {name}` there."
        )
    certainty = "is declared, but was not stored" if declared else "was not stored"
    return (
        f"{name!r} {certainty}: check that the program writes it to the path of the template, that the "
        "resource group's object store secret for it is called 'default', and that the template has "
        f"`globalName: {name}` and `archive: none: {{}}` for it."
    )


def _quoted(names: list[str]) -> str:
    return f"output artifact{'s' if len(names) > 1 else ''} {', '.join(repr(name) for name in names)}"
