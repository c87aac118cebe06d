"""Schedules and their executions, as AI Core tells of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_aicore.api.models import Execution, ExecutionSchedule

BEGIN = datetime(2026, 11, 22, 2, tzinfo=UTC)


def make_schedule(cron: str = "0 * * * *", **change: Any) -> ExecutionSchedule:
    """Make a schedule that is older than a year."""
    body = {
        "id": "47b3eed9",
        "name": "n",
        "cron": cron,
        "configurationId": "47b3eed9",
        "createdAt": BEGIN - timedelta(days=400),
        "modifiedAt": BEGIN,
    }
    return ExecutionSchedule.model_validate({**body, **change})


def make_execution(created_at: datetime, number: int = 0, status: str = "COMPLETED") -> Execution:
    """Make an execution of it."""
    body = {
        "id": f"e{number:015x}",
        "configurationId": "47b3eed9",
        "status": status,
        "createdAt": created_at,
        "modifiedAt": created_at + timedelta(hours=3),  # Long after the next one has been started.
    }
    return Execution.model_validate(body)
