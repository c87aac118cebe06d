"""Airflow owns the clock: each run of this DAG starts one execution, with parameters of its own.

It is the DAG that takes over from an execution schedule of AI Core, too: ``hand_over_schedule`` ends that
one at an instant, which is the start date here. With ``catchup`` no tick from then on is left out, also if
Airflow was away meanwhile.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.artifact import AICoreRegisterArtifactOperator
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator

# [START airflow_clock]
with DAG(
    "airflow_clock",
    description="Let Airflow say when executions start",
    schedule="30 2 * * mon-fri",
    start_date=datetime(2027, 1, 4, tzinfo=UTC),  # Whose time zone is that of the cron expression, too.
    catchup=True,
    max_active_runs=1,
    # [END airflow_clock]
    params={"digits_url": Param("ai://default/digits", type="string"), "epochs": Param(30, type="integer")},
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    register = AICoreRegisterArtifactOperator(
        task_id="register",
        name="digits",
        kind="dataset",
        url="{{ params.digits_url }}",
        scenario_id="digits-classifier",
    )
    AICoreRunExecutableOperator(
        task_id="train",
        scenario_id="digits-classifier",
        executable_id="digits-classifier-train",
        parameters={"epochs": "{{ params.epochs }}"},
        input_artifacts={"digits": register.output["id"]},
        deferrable=True,
    )
