"""Nothing is started during maintenance: an execution schedule is paused before it, and resumed after it.

The schedule is resumed even if the maintenance fails, since that is the teardown of the pause. What AI Core
would have started meanwhile is not made up for.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

from airflow_provider_aicore.operators.execution_schedule import (
    AICorePauseExecutionScheduleOperator,
    AICoreResumeExecutionScheduleOperator,
)

with DAG(
    "pause_schedule",
    description="Pause an execution schedule during maintenance",
    schedule=None,
    params={"name": Param("digits classifier, nightly", type="string")},
    tags=["aicore", "example"],
    doc_md=__doc__,
):

    @task
    def maintain() -> None:
        """Do what must not meet an execution that has just been started."""

    # [START pause_schedule]
    pause = AICorePauseExecutionScheduleOperator(task_id="pause", name="{{ params.name }}")
    resume = AICoreResumeExecutionScheduleOperator(
        task_id="resume", execution_schedule_id=pause.output["id"]
    ).as_teardown(setups=pause)
    pause >> maintain() >> resume
    # [END pause_schedule]
