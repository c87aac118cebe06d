"""AI Core owns the clock and Airflow follows: this DAG runs once for each COMPLETED execution of a schedule.

A watcher looks at AI Core while this DAG is not paused, and makes an asset event of each execution. From
Airflow 3.3 on it goes on where it was after a restart; before, it begins with what ends from then on. A run
may get several executions if Airflow's scheduler does not keep up, and in rare cases one a second time, so
the task is mapped over what came, and what it does may be done twice. Where that will not do, take
`hand_on_executions`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_aicore.triggers.aicore import AICoreExecutionEventTrigger

# [START follow_executions]
models = Asset(
    "digits-classifier-nightly",
    watchers=[
        AssetWatcher(
            name="completed",
            trigger=AICoreExecutionEventTrigger(execution_schedule_name="digits classifier, nightly"),
        )
    ],
)


@task
def completed(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
    """Return the executions that this run is for; none if someone has started it by hand."""
    return [
        execution
        for events in (triggering_asset_events or {}).values()
        for event in events
        for execution in event.extra["payload"]["executions"]
    ]


@task
def use(execution: dict[str, Any]) -> str:
    """Do what has to be done with a new model."""
    return str(execution["output_artifacts"]["digits-model"]["url"])


with DAG(
    "follow_executions",
    description="Run once for each execution that an execution schedule has completed",
    schedule=[models],
    max_active_runs=32,  # More executions than that at a time would share runs.
    # [END follow_executions]
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    use.expand(execution=completed())
