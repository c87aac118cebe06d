"""DAGs for the end-to-end tests: an execution that sleeps, waits for a file, and ends as told."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution import (
    AICoreRunExecutableOperator,
    AICoreStartExecutionOperator,
)
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor

PARAMS = {
    "seconds": Param(5, type="integer"),
    "exit_code": Param(0, type="integer"),
    "until": Param("/", type="string"),
}
PARAMETERS = {
    "seconds": "{{ params.seconds }}",
    "exit-code": "{{ params.exit_code }}",
    "until": "{{ params.until }}",
}

with DAG("one_execution", schedule=None, params=PARAMS):
    AICoreRunExecutableOperator(
        task_id="run",
        scenario_id="end-to-end",
        executable_id="sleep-and-exit",
        parameters=PARAMETERS,
        deferrable=True,
        poll_interval=2,
    )

with DAG("short_of_time", schedule=None, params=PARAMS):
    AICoreRunExecutableOperator(
        task_id="run",
        scenario_id="end-to-end",
        executable_id="sleep-and-exit",
        parameters=PARAMETERS,
        deferrable=True,
        poll_interval=2,
        execution_timeout=timedelta(seconds=20),
    )

with DAG("blocking", schedule=None):
    for task_id, exit_code in {"succeed": "0", "fail": "3"}.items():
        AICoreRunExecutableOperator(
            task_id=task_id,
            scenario_id="end-to-end",
            executable_id="sleep-and-exit",
            parameters={"seconds": "2", "exit-code": exit_code, "until": "/"},
            deferrable=False,
            poll_interval=2,
            logs="live",
        )

with DAG("rescheduled", schedule=None, params=PARAMS):
    configure = AICoreCreateConfigurationOperator(
        task_id="configure",
        name="rescheduled",
        scenario_id="end-to-end",
        executable_id="sleep-and-exit",
        parameters=PARAMETERS,
    )
    start = AICoreStartExecutionOperator(
        task_id="start", configuration_id=configure.output["id"], wait_for_completion=False
    )
    AICoreExecutionSensor(
        task_id="wait", execution_id=start.output["id"], mode="reschedule", poke_interval=15
    )

with DAG("wrong_secret", schedule=None, params=PARAMS):
    for task_id, wrong in {"run": "secret", "run_by_certificate": "certificate"}.items():
        AICoreRunExecutableOperator(
            task_id=task_id,
            aicore_conn_id=f"aicore_wrong_{wrong}",
            scenario_id="end-to-end",
            executable_id="sleep-and-exit",
            parameters=PARAMETERS,
        )
