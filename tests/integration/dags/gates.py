"""Gates on the metrics of executions: fail, skip and branch, mapped and not."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, TaskGroup, task, task_group

from airflow_provider_aicore.operators.metrics import AICoreMetricGateOperator

params: dict[str, Any] = {"ids": [], "required": 0.9}
first: dict[str, Any] = {
    "execution_id": "{{ params.ids[0] }}",
    "conditions": ["accuracy >= {{ params.required }}", "accuracy >= baseline"],
    "baseline_execution_id": "{{ params.ids[1] if params.ids | length > 1 }}",
}


@task
def given(params: dict[str, Any] | None = None) -> list[str]:
    """Return the executions of this run."""
    return list((params or {})["ids"])


@task
def step() -> None:
    """Do nothing."""


@task(trigger_rule="none_failed")
def join() -> None:
    """Run unless something failed."""


with DAG("gate_fails", schedule=None, params=params):
    gate = AICoreMetricGateOperator(task_id="gate", **first)
    gate >> step.override(task_id="after")()

with DAG("gate_skips", schedule=None, params=params):
    gate = AICoreMetricGateOperator(task_id="gate", otherwise="skip", **first)
    gate >> step.override(task_id="after")() >> step.override(task_id="later")() >> join()

with DAG("gate_branches", schedule=None, params=params):
    gate = AICoreMetricGateOperator(
        task_id="gate", otherwise="branch", if_passed=["promote", "tell"], if_failed="again", **first
    )
    with TaskGroup("promote") as promote:
        step.override(task_id="a")()
        step.override(task_id="b")()
    end = join()
    gate >> [promote, step.override(task_id="tell")(), step.override(task_id="again")()] >> end

with DAG("gate_of_many", schedule=None, params=params):
    (
        AICoreMetricGateOperator.partial(
            task_id="gate", conditions="accuracy >= 0.9", otherwise="skip", on_missing="not_passed"
        ).expand(execution_id=given())
        >> join()
    )

with DAG("gate_in_groups", schedule=None, params=params):

    @task_group
    def model(execution_id: str) -> None:
        """Promote one model, or look at it."""
        gate = AICoreMetricGateOperator(
            task_id="gate",
            execution_id=execution_id,
            conditions="accuracy >= 0.9",
            otherwise="branch",
            if_passed="model.promote",
            if_failed="model.look",
        )
        gate >> [step.override(task_id="promote")(), step.override(task_id="look")()]

    model.expand(execution_id=given())

with DAG("gate_of_many_branches", schedule=None, params=params):
    (
        AICoreMetricGateOperator.partial(
            task_id="gate", conditions="accuracy >= 0.9", otherwise="branch", if_passed="after"
        ).expand(execution_id=given())
        >> step.override(task_id="after")()
    )

with DAG("gate_to_nowhere", schedule=None, params=params):
    gate = AICoreMetricGateOperator(task_id="gate", otherwise="branch", if_passed="later", **first)
    gate >> step.override(task_id="after")() >> step.override(task_id="later")()
