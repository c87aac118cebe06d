"""DAGs whose tasks are killed while their executions go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator

LONG = {"seconds": 600}
TASK: dict[str, Any] = {
    "task_id": "run",
    "scenario_id": "end-to-end",
    "executable_id": "sleep-and-exit",
    "poll_interval": 2,
}

with DAG("blocking_execution", schedule=None):
    AICoreRunExecutableOperator(**TASK, parameters=LONG, deferrable=False)

with DAG("too_long_execution", schedule=None, dagrun_timeout=timedelta(hours=1)):
    AICoreRunExecutableOperator(**TASK, parameters=LONG, deferrable=True)

with DAG("many_executions", schedule=None):
    AICoreRunExecutableOperator.partial(**TASK, deferrable=True).expand(parameters=[LONG] * 8)
