"""Bindings that are checked: against a template when the DAG is parsed, and against AI Core before training.

The WorkflowTemplate lies beside this file and gives scenario and executable. Mistype ``epochs`` below, and
the DAG has an import error that says what was meant. ``check`` looks at what only AI Core knows, such as the
artifact that a run is given, and creates nothing; it could stand before hours of other work.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from airflow_provider_aicore.workflow_template import WorkflowTemplate

with DAG(
    "checked_bindings",
    description="Find mistakes in parameters and artifacts before anything is started",
    schedule=None,
    params={
        "digits_artifact_id": Param(
            type="string",
            description="Id of a registered data set, such as register of demo_pipeline returned",
        ),
        "epochs": Param(30, type="integer", minimum=1),
    },
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    # [START checked_bindings]
    training: dict[str, Any] = {
        "template": WorkflowTemplate.from_file("digits-classifier.yaml"),
        "parameters": {"epochs": "{{ params.epochs }}"},
        "input_artifacts": {"digits": "{{ params.digits_artifact_id }}"},
    }
    check = AICoreRunExecutableOperator(task_id="check", **training, validate_only=True)
    train = AICoreRunExecutableOperator(task_id="train", **training, deferrable=True)
    check >> train
    # [END checked_bindings]
