"""From data to a tested model: store images, train on AI Core, go on if the metrics are good, use the model.

Only ``train`` runs on AI Core. While it does, its Airflow task is deferred and no worker waits. The DAG needs

- the connection ``aicore_default``,
- the variable ``aicore_object_store``: where Airflow finds what AI Core calls ``ai://default``, for instance
  ``s3://aws_default@my-bucket/my-prefix``,
- the executable ``digits-classifier-train`` on AI Core (``demo/templates``, ``demo/image``),
- scikit-learn beside Airflow, in the version of the training image.
"""

from __future__ import annotations

import logging
import re
from io import BytesIO
from typing import Any

from airflow.sdk import DAG, ObjectStoragePath, Param, task

from airflow_provider_aicore.operators.artifact import AICoreRegisterArtifactOperator
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from airflow_provider_aicore.operators.metrics import AICoreMetricGateOperator

log = logging.getLogger(__name__)

# [START object_store]
AICORE_STORE = "ai://default"  # as AI Core calls it
OBJECT_STORE = "{{ var.value.aicore_object_store }}"  # as Airflow reaches it; read when a task runs


def reached_by_airflow(url: str, object_store: str) -> ObjectStoragePath:
    """Say where Airflow finds what AI Core calls *url*."""
    return ObjectStoragePath(object_store) / url.removeprefix(f"{AICORE_STORE}/")


# [END object_store]


# [START store_digits]
@task
def store_digits(dag_run_id: str, object_store: str) -> str:
    """Split the digits that scikit-learn ships and store both parts; return the folder's URL."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    # A folder of its own for every run: an artifact never changes under an execution that reads it.
    url = f"{AICORE_STORE}/digits/{re.sub('[^A-Za-z0-9_-]+', '-', dag_run_id)}"
    folder = reached_by_airflow(url, object_store)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = load_digits(return_X_y=True)
    table = np.column_stack([labels, images]).astype(int)
    parts = train_test_split(table, test_size=0.2, stratify=labels, random_state=7)
    for name, rows in zip(("train.csv", "test.csv"), parts, strict=True):
        lines = [",".join(map(str, row)) for row in rows]
        (folder / name).write_text("\n".join(lines) + "\n")
    return url


# [END store_digits]


# [START predict]
@task
def predict(output_artifacts: dict[str, Any], digits_url: str, object_store: str) -> dict[str, Any]:
    """Let the model read images which it has not seen in training."""
    import joblib
    import numpy as np

    model_file = reached_by_airflow(output_artifacts["digits-model"]["url"], object_store) / "model.joblib"
    test_file = reached_by_airflow(digits_url, object_store) / "test.csv"
    model = joblib.load(BytesIO(model_file.read_bytes()))
    table = np.loadtxt(test_file.read_text().splitlines(), delimiter=",")
    labels = table[:, 0].astype(int)
    predicted = model.predict(table[:, 1:] / 16)  # brightness from 0 to 1, as in training
    log.info("Written:   %s", labels[:20].tolist())
    log.info("Predicted: %s", predicted[:20].tolist())
    return {"images": len(labels), "accuracy": float((predicted == labels).mean())}


# [END predict]


with DAG(
    "demo_pipeline",
    description="Train a model of handwritten digits on AI Core, judge it by its metrics and use it",
    schedule=None,
    params={
        # AI Core takes 1000 metrics of an execution; training reports two for each epoch.
        "epochs": Param(
            30, type="integer", minimum=1, maximum=400, description="How often training sees each image"
        ),
        "required_accuracy": Param(0.9, type="number", minimum=0, maximum=1),
    },
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    digits_url = store_digits("{{ run_id }}", OBJECT_STORE)

    # [START register]
    register = AICoreRegisterArtifactOperator(
        task_id="register",
        name="digits",
        kind="dataset",
        url=digits_url,
        scenario_id="digits-classifier",
    )
    # [END register]

    # [START train]
    train = AICoreRunExecutableOperator(
        task_id="train",
        scenario_id="digits-classifier",
        executable_id="digits-classifier-train",
        parameters={"epochs": "{{ params.epochs }}"},
        input_artifacts={"digits": register.output["id"]},
        deferrable=True,
        logs="live",
        poll_interval=5,  # The demo trains for seconds; for minutes or hours leave it at its 30 s.
    )
    # [END train]

    # [START gate]
    accept_model = AICoreMetricGateOperator(
        task_id="accept_model",
        execution_id=train.output["id"],
        conditions="accuracy >= {{ params.required_accuracy }}",
    )
    # [END gate]

    # [START use_model]
    accept_model >> predict(train.output["output_artifacts"], digits_url, OBJECT_STORE)
    # [END use_model]
