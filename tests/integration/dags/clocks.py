"""The sensor for what a schedule has started: by template and by XComArg."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_aicore.sensors.aicore import AICoreScheduledExecutionSensor

with DAG("clocks", schedule=None, params={"name": "nightly"}) as dag:
    here = AICoreScheduledExecutionSensor(task_id="here", name="{{ params.name }}", poll_interval=1)
    AICoreScheduledExecutionSensor(
        task_id="deferred",
        name=here.output["scenario_id"],
        pick="newest",
        deferrable=True,
        poll_interval=1,
    )
