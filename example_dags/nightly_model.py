"""Both clocks: AI Core trains each night by itself, and a daily pipeline of Airflow needs last night's model.

The sensor waits without a worker for the execution of the last tick until this run, and fails at once with
the reason if there is none and will be none: the schedule is paused, or its tick was missed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider_aicore.sensors.aicore import AICoreScheduledExecutionSensor

with DAG(
    "nightly_model",
    description="Wait in a daily pipeline for the model that AI Core has trained last night",
    schedule="0 6 * * mon-fri",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params={"name": Param("digits classifier, nightly", type="string")},
    tags=["aicore", "example"],
    doc_md=__doc__,
):

    @task
    def use(execution: dict[str, Any]) -> str:
        """Do what needs the model."""
        return str(execution["output_artifacts"]["digits-model"]["url"])

    # [START nightly_model]
    model = AICoreScheduledExecutionSensor(
        task_id="model", name="{{ params.name }}", deferrable=True, timeout=4 * 3600
    )
    use(model.output)
    # [END nightly_model]
