"""What a task returns about an execution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_aicore.api import Execution
    from airflow_provider_aicore.ledger.memory import Started


def xcom_value(
    execution: Execution, metrics: Mapping[str, float] | None, resource_group: str
) -> dict[str, Any]:
    """Return the XCom value for an execution that has ended."""
    return {
        "id": execution.id,
        "status": execution.status.value,
        "configuration_id": execution.configuration_id,
        "configuration_name": execution.configuration_name,
        "scenario_id": execution.scenario_id,
        "executable_id": execution.executable_id,
        "resource_group": resource_group,
        "created_at": _iso(execution.created_at),
        "submission_time": _iso(execution.submission_time),
        "start_time": _iso(execution.start_time),
        "completion_time": _iso(execution.completion_time),
        "output_artifacts": {
            artifact.name: {
                "id": artifact.id,
                "name": artifact.name,
                "kind": artifact.kind,
                "url": artifact.url,
            }
            for artifact in execution.output_artifacts
        },
        "metrics": None if metrics is None else dict(metrics),
    }


def started_result(started: Started, resource_group: str) -> dict[str, Any]:
    """Return the XCom value for an execution that nobody waits for here.

    It has the keys of one that has ended.
    """
    from airflow_provider_aicore.api import ExecutionStatus

    return {
        "id": started.execution_id,
        "status": ExecutionStatus.UNKNOWN.value,
        "configuration_id": started.configuration_id,
        "configuration_name": None,
        "scenario_id": None,
        "executable_id": None,
        "resource_group": resource_group,
        "created_at": None,
        "submission_time": None,
        "start_time": None,
        "completion_time": None,
        "output_artifacts": {},
        "metrics": None,
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
