"""The short form: one task configures, starts an execution, waits and hands on what came out.

Its result holds the output artifacts and the last metrics by name. The data set has to be registered before.
A run of ``demo_pipeline`` does so: its task ``register`` returns the id.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator

with DAG(
    "run_executable",
    description="Run an executable of AI Core in one task",
    schedule=None,
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
    # [START run_executable]
    train = AICoreRunExecutableOperator(
        task_id="train",
        scenario_id="digits-classifier",
        executable_id="digits-classifier-train",
        parameters={"epochs": "{{ params.epochs }}"},
        input_artifacts={"digits": "{{ params.digits_artifact_id }}"},
        deferrable=True,
    )
    # [END run_executable]
