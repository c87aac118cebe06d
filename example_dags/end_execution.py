"""End an execution by hand: stop it, and delete it once it has ended.

The id is what the task that started it pushed as XCom ``execution_id``, right after the start. One that has
ended already is only deleted; its artifacts and their files stay.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.execution import (
    AICoreDeleteExecutionOperator,
    AICoreStopExecutionOperator,
)

with DAG(
    "end_execution",
    description="Stop an execution and delete it",
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
