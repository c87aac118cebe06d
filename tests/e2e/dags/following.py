"""DAGs that follow an execution schedule: a run for each event, and a run for each execution by name."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_aicore.triggers.aicore import AICoreExecutionEventTrigger


def completed_executions(schedule: str, **settings: Any) -> Asset:
    """Make the asset of what a schedule of the AI Core with the clock to turn has completed."""
    trigger = AICoreExecutionEventTrigger(
        aicore_conn_id="aicore_by_hand",
        execution_schedule_name=schedule,
        poll_interval=10,
        **settings,
    )
    return Asset(schedule, watchers=[AssetWatcher(name="completed", trigger=trigger)])


def executions_of(events: Any) -> list[dict[str, Any]]:
    """Return the executions that events of assets tell."""
    return [
        execution
        for of_asset in events.values()
        for event in of_asset
        for execution in event.extra["payload"]["executions"]
    ]


with DAG("follow", schedule=[completed_executions("followed", event_interval=5)], max_active_runs=32):

    @task
    def told(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        """Return what this run was told."""
        return executions_of(triggering_asset_events)

    told()

with DAG("hand_on", schedule=[completed_executions("handed on", executions_per_event=50)]):

    @task
    def runs(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        """Return the run that each execution is to have; Airflow gives an id only once."""
        return [
            {"trigger_run_id": execution["id"], "conf": execution}
            for execution in executions_of(triggering_asset_events)
        ]

    TriggerDagRunOperator.partial(
        task_id="run", trigger_dag_id="handed_on", skip_when_already_exists=True
    ).expand_kwargs(runs())

with DAG("handed_on", schedule=None):
    EmptyOperator(task_id="use")
