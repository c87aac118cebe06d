"""All operators and the sensor: by XComArg, mapped, and by template."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG

from airflow_provider_aicore.operators.artifact import AICoreRegisterArtifactOperator
from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution import (
    AICoreDeleteExecutionOperator,
    AICoreRunExecutableOperator,
    AICoreStartExecutionOperator,
    AICoreStopExecutionOperator,
)
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor

executable: dict[str, Any] = {"scenario_id": "{{ params.scenario }}", "executable_id": "text-clf-read"}
with DAG("all_of_them", schedule=None, params={"scenario": "text-clf", "epochs": 3}) as dag:
    register = AICoreRegisterArtifactOperator(
        task_id="register",
        name="data of {{ run_id }}",
        kind="dataset",
        url="ai://default/{{ dag.dag_id }}",
        scenario_id="{{ params.scenario }}",
    )
    configure = AICoreCreateConfigurationOperator(
        task_id="configure",
        name="train",
        **executable,
        parameters={"epochs": "{{ params.epochs }}"},
        input_artifacts={"text-data": register.output["id"]},
    )
    start = AICoreStartExecutionOperator(
        task_id="start", configuration_id=configure.output["id"], wait_for_completion=False
    )
    wait = AICoreExecutionSensor(
        task_id="wait", execution_id=start.output["id"], deferrable=True, poll_interval=1
    )
    run = AICoreRunExecutableOperator.partial(
        task_id="run",
        **executable,
        input_artifacts={"text-data": register.output["id"]},
        deferrable=True,
        poll_interval=1,
    ).expand(parameters=[{"epochs": 1}, {"epochs": 2}])
    stop = AICoreStopExecutionOperator(task_id="stop", execution_id=wait.output["id"])
    delete = AICoreDeleteExecutionOperator(task_id="delete", execution_id=stop.output["id"])
    run >> delete
