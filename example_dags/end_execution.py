"""End an execution by hand: stop it, and delete it once it has ended."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.execution import (
    AICoreDeleteExecutionOperator,
    AICoreStopExecutionOperator,
)

with DAG(
    "end_execution",
    schedule=None,
    params={
        "execution_id": Param(type="string", description="Id of the execution, such as e42493be71676403")
    },
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    # [START stop_execution]
    stop = AICoreStopExecutionOperator(
        task_id="stop",
        execution_id="{{ params.execution_id }}",
    )
    # [END stop_execution]

    # [START delete_execution]
    delete = AICoreDeleteExecutionOperator(
        task_id="delete",
        execution_id=stop.output["id"],
    )
    # [END delete_execution]
