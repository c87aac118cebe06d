"""AI Core owns the clock: each COMPLETED execution of a schedule gets a run of another DAG, and exactly one.

The watcher of this DAG tells of each execution at least once, Airflow may give several events to one run, and
a task may be tried again. So the run of `use_execution` is called by the execution's id: Airflow takes an id
only once, and what is there already is skipped. Many executions at once come in one event, without waiting.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_aicore.triggers.aicore import AICoreExecutionEventTrigger

# [START hand_on_executions]
completed = Asset(
    "digits-classifier-nightly-completed",
    watchers=[
        AssetWatcher(
            name="completed",
            trigger=AICoreExecutionEventTrigger(
                execution_schedule_name="digits classifier, nightly", executions_per_event=50
            ),
        )
    ],
)


@task
def runs(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
    """Return the runs that are to be there; none if someone has started this DAG by hand."""
    return [
        {"trigger_run_id": execution["id"], "conf": {"execution": execution}}
        for events in (triggering_asset_events or {}).values()
        for event in events
        for execution in event.extra["payload"]["executions"]
    ]


with DAG(
    "hand_on_executions",
    description="Make one run of another DAG for each execution that a schedule has completed",
    schedule=[completed],
    # [END hand_on_executions]
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    TriggerDagRunOperator.partial(
        task_id="run", trigger_dag_id="use_execution", skip_when_already_exists=True
    ).expand_kwargs(runs())
