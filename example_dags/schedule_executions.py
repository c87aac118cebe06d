"""AI Core owns the clock: this DAG keeps an execution schedule of it as it is described here.

AI Core starts the executions by itself from then on, also while Airflow is away. The DAG makes sure, once a
day, that the schedule is there and says what it should. A change of the description, such as another cron
expression or more epochs, reaches AI Core with the next run.

The data set has to be registered before. A run of ``demo_pipeline`` does so: its task ``register`` returns
the id.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution_schedule import AICoreEnsureExecutionScheduleOperator

with DAG(
    "schedule_executions",
    description="Keep an execution schedule of AI Core as it is described",
    schedule=None,  # Such as @daily.
    params={
        "digits_artifact_id": Param(
            type="string",
            description="Id of a registered data set, such as register of demo_pipeline returned",
        ),
        "epochs": Param(30, type="integer", minimum=1),
    },
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    configure = AICoreCreateConfigurationOperator(
        task_id="configure",
        name="digits classifier, nightly",
        scenario_id="digits-classifier",
        executable_id="digits-classifier-train",
        parameters={"epochs": "{{ params.epochs }}"},
        input_artifacts={"digits": "{{ params.digits_artifact_id }}"},
    )
    # [START ensure_schedule]
    ensure = AICoreEnsureExecutionScheduleOperator(
        task_id="ensure",
        name="digits classifier, nightly",
        cron="30 2 * * mon-fri",
        configuration_id=configure.output["id"],
    )
    # [END ensure_schedule]
