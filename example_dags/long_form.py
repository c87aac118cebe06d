"""The long form: one task for each step of AI Core's API.

It pays where the steps belong to different people or times: a configuration that several DAGs start, or an
execution that this DAG starts and another one waits for. Otherwise the short form does the same in one task.

The data set is a folder with ``train.csv``. A run of ``demo_pipeline`` makes one: its task ``store_digits``
returns the URL.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.artifact import AICoreRegisterArtifactOperator
from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution import AICoreStartExecutionOperator
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor

with DAG(
    "long_form",
    description="Register, configure, start and wait: a task for each step of AI Core's API",
    schedule=None,
    params={
        "digits_url": Param(
            type="string",
            description="Folder of the data set, ai://…, such as store_digits of demo_pipeline returned",
        ),
        "epochs": Param(30, type="integer", minimum=1),
    },
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    # [START register_artifact]
    register = AICoreRegisterArtifactOperator(
        task_id="register",
        name="digits",
        kind="dataset",
        url="{{ params.digits_url }}",
        scenario_id="digits-classifier",
    )
    # [END register_artifact]

    # [START create_configuration]
    configure = AICoreCreateConfigurationOperator(
        task_id="configure",
        name="digits, {{ params.epochs }} epochs",
        scenario_id="digits-classifier",
        executable_id="digits-classifier-train",
        parameters={"epochs": "{{ params.epochs }}"},
        input_artifacts={"digits": register.output["id"]},
    )
    # [END create_configuration]

    # [START start_execution]
    start = AICoreStartExecutionOperator(
        task_id="start",
        configuration_id=configure.output["id"],
        wait_for_completion=False,
    )
    # [END start_execution]

    # [START execution_sensor]
    wait = AICoreExecutionSensor(
        task_id="wait",
        execution_id=start.output["id"],
        deferrable=True,
    )
    # [END execution_sensor]
