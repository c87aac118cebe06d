"""What fails in each of its two tries, on its worker and after a deferral."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator

with DAG("failing", schedule=None) as dag:
    run = AICoreRunExecutableOperator.partial(
        task_id="run",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        poll_interval=1,
        retries=1,
        retry_delay=timedelta(0),
    ).expand(deferrable=[False, True])

with DAG("failing_once", schedule=None) as dag_once:
    AICoreRunExecutableOperator(
        task_id="run",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        deferrable=False,
        poll_interval=1,
    )
