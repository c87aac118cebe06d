"""A DAG whose task shows the log of its execution while it waits."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator

with DAG("live_log", schedule=None, params={"until": Param("", type="string")}):
    AICoreRunExecutableOperator(
        task_id="run",
        scenario_id="end-to-end",
        executable_id="print-lines",
        parameters={"until": "{{ params.until }}"},
        deferrable=True,
        poll_interval=2,
        logs="live",
    )
