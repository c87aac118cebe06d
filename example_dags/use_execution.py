"""What is to be done with an execution that AI Core has run by itself; see `hand_on_executions`."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

with DAG(
    "use_execution",
    description="Do what has to be done with one execution",
    schedule=None,
    params={
        "execution": Param(
            type="object", description="An execution as AICoreExecutionEventTrigger tells of it"
        )
    },
    tags=["aicore", "example"],
    doc_md=__doc__,
):

    @task
    def use(params: Any = None) -> str:
        """Do it."""
        return str(params["execution"]["output_artifacts"]["digits-model"]["url"])

    use()
