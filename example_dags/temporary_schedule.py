"""An execution schedule for as long as something else goes on: it is made before, and deleted after it.

It is deleted even if that fails, since the deletion is the teardown. The executions that it has started stay,
and those that still run go on.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

from airflow_provider_aicore.operators.execution_schedule import (
    AICoreDeleteExecutionScheduleOperator,
    AICoreEnsureExecutionScheduleOperator,
)

with DAG(
    "temporary_schedule",
    description="Let AI Core start executions while something goes on",
    schedule=None,
    params={
        "configuration_id": Param(
            type="string",
            description="Id of a configuration, such as configure of schedule_executions returned",
        ),
    },
    tags=["aicore", "example"],
    doc_md=__doc__,
):

    @task
    def campaign() -> None:
        """Do what the executions are needed for."""

    # [START temporary_schedule]
    ensure = AICoreEnsureExecutionScheduleOperator(
        task_id="ensure",
        name="during {{ run_id }}",
        cron="@hourly",
        configuration_id="{{ params.configuration_id }}",
    )
    delete = AICoreDeleteExecutionScheduleOperator(
        task_id="delete", execution_schedule_id=ensure.output["id"]
    ).as_teardown(setups=ensure)
    ensure >> campaign() >> delete
    # [END temporary_schedule]
