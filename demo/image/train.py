"""Train a classifier of handwritten digits: the program which the demo's executable runs.

It reads ``train.csv`` and ``test.csv`` (a label and 64 pixels per line), learns from the first, judges itself
by the second and leaves ``model.joblib``. It knows nothing about Airflow, and of AI Core only the tracking
endpoint, without which it prints and no more.
"""
# ruff: noqa: INP001 (an image is a folder of programs, not a package)

from __future__ import annotations

import argparse
import json
import os
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import joblib
import numpy as np
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

SIDE = 8  # an image is 8 x 8 pixels
BRIGHTEST = 16.0
DIGITS = np.arange(10)
BATCH = 32


class Tracking:
    """Sends metrics of this execution to AI Core.

    Inside an execution the tracking service takes them without a token. AI Core names it in the environment.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.endpoint = environment.get("AICORE_TRACKING_ENDPOINT")
        self.execution_id = environment.get("AICORE_EXECUTION_ID")
        # These two variables are written with hyphens, as the headers are.
        names = ("AI-MAIN-TENANT", "AI-RESOURCE-GROUP")
        self.headers = {name: environment[name] for name in names if name in environment}

    def log(self, step: int, **values: float) -> None:
        """Send one point of each given metric.

        :param step: the epoch to which the values belong.
        :param values: metric name to value.
        """
        if not (self.endpoint and self.execution_id):
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        points = [
            {"name": name, "value": float(value), "timestamp": now, "step": step, "labels": []}
            for name, value in values.items()
        ]
        request = urllib.request.Request(  # noqa: S310, AI Core chooses the endpoint
            f"{self.endpoint}/api/v1/metrics",
            data=json.dumps({"executionId": self.execution_id, "metrics": points}).encode(),
            headers={"Content-Type": "application/json", **self.headers},
            method="PATCH",
        )
        try:
            urllib.request.urlopen(request, timeout=60).close()  # noqa: S310
        except OSError as error:
            # A model without its learning curve is worth more than no model.
            print(
                f"warning: metrics of step {step} were not stored at {request.full_url}: {error}", flush=True
            )


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images and labels.

    :param path: a CSV file with a label and 64 pixels per line.
    :return: the images, each pixel between 0 and 1, and their labels.
    """
    table = np.loadtxt(path, delimiter=",", dtype=np.float64, ndmin=2)
    return table[:, 1:] / BRIGHTEST, table[:, 0].astype(int)


def shifted(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add each image moved by one pixel in eight directions, so that the place of a digit does not matter."""
    framed = np.pad(images.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    moved = [framed[:, row : row + SIDE, column : column + SIDE] for row in range(3) for column in range(3)]
    return np.concatenate(moved).reshape(-1, SIDE * SIDE), np.tile(labels, len(moved))


def train(arguments: argparse.Namespace, tracking: Tracking) -> MLPClassifier:
    """Learn epoch by epoch, and say after each how well it goes.

    A tenth of the training data is kept apart to judge the epochs: the test data is for the very end.
    """
    images, labels = read(arguments.data / "train.csv")
    apart = len(images) // 10
    seen_images, seen_labels = shifted(images[apart:], labels[apart:])
    model = MLPClassifier(
        hidden_layer_sizes=(arguments.hidden_units,),
        learning_rate_init=arguments.learning_rate,
        batch_size=BATCH,
        random_state=7,
    )
    print(f"training on {len(seen_images)} images, {apart} kept apart", flush=True)
    for epoch in range(1, arguments.epochs + 1):
        began = time.monotonic()
        model.partial_fit(seen_images, seen_labels, classes=DIGITS)
        loss = log_loss(labels[:apart], model.predict_proba(images[:apart]), labels=DIGITS)
        accuracy = model.score(images[:apart], labels[:apart])
        took = f"{time.monotonic() - began:.1f} s"
        print(
            f"epoch {epoch}/{arguments.epochs}: loss {loss:.4f}, accuracy {accuracy:.4f}, {took}", flush=True
        )
        tracking.log(epoch, validation_loss=loss, validation_accuracy=accuracy)
    return model


def parse_arguments() -> argparse.Namespace:
    """Read the command line; the names are those of the template's parameters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv and test.csv")
    parser.add_argument("--model", type=Path, required=True, help="folder for model.joblib")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--hidden-units", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=0.001)
    return parser.parse_args()


def main() -> None:
    """Train, judge, store."""
    arguments = parse_arguments()
    tracking = Tracking(dict(os.environ))
    model = train(arguments, tracking)
    images, labels = read(arguments.data / "test.csv")
    accuracy = float(model.score(images, labels))
    tracking.log(arguments.epochs, accuracy=accuracy)
    arguments.model.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, arguments.model / "model.joblib")
    print(f"accuracy on {len(images)} held-out images: {accuracy:.4f}", flush=True)


if __name__ == "__main__":
    main()
