"""All operators for execution schedules: by XComArg, mapped, by template, and as setup and teardown."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution_schedule import (
    AICoreDeleteExecutionScheduleOperator,
    AICoreEnsureExecutionScheduleOperator,
    AICorePauseExecutionScheduleOperator,
    AICoreResumeExecutionScheduleOperator,
)

with DAG("schedules", schedule=None, params={"name": "nightly", "cron": "30 2 * * mon-fri"}) as dag:
    configure = AICoreCreateConfigurationOperator(
        task_id="configure", name="train", scenario_id="text-clf", executable_id="text-clf-train"
    )
    ensure = AICoreEnsureExecutionScheduleOperator(
        task_id="ensure",
        name="{{ params.name }}",
        cron="{{ params.cron }}",
        configuration_id=configure.output["id"],
        start="{{ dag_run.run_after }}",
    )
    pause = AICorePauseExecutionScheduleOperator(task_id="pause", name=ensure.output["name"])
    resume = AICoreResumeExecutionScheduleOperator(task_id="resume", execution_schedule_id=pause.output["id"])
    mapped = AICoreEnsureExecutionScheduleOperator.partial(
        task_id="mapped", configuration_id=configure.output["id"]
    ).expand_kwargs([{"name": "first", "cron": "@daily"}, {"name": "second", "cron": "@weekly"}])


def _temporary(dag_id: str, error: type[Exception] | None) -> Any:
    """Make a DAG whose schedule goes at its end, whatever came of the task in between."""
    with DAG(dag_id, schedule=None) as dag:
        configure = AICoreCreateConfigurationOperator(
            task_id="configure", name="train", scenario_id="text-clf", executable_id="text-clf-train"
        )
        ensure = AICoreEnsureExecutionScheduleOperator(
            task_id="ensure",
            name="during {{ run_id }}",
            cron="@hourly",
            configuration_id=configure.output["id"],
        )
        delete = AICoreDeleteExecutionScheduleOperator(
            task_id="delete", execution_schedule_id=ensure.output["id"]
        ).as_teardown(setups=ensure)

        @task
        def campaign() -> None:
            if error:
                raise error

        ensure >> campaign() >> delete
    return dag


succeeding = _temporary("temporary_schedule_of_a_success", None)
failing = _temporary("temporary_schedule_of_a_failure", RuntimeError)
