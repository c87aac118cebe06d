"""What a task says of executions that really run, and fail by themselves."""

from __future__ import annotations

import time

import pytest

from airflow_provider_aicore.api import artifacts
from airflow_provider_aicore.emulator import Emulator
from airflow_provider_aicore.exceptions import AICoreExecutionCannotRun, AICoreExecutionFailed
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from tests.integration.emulator.laboratory import Laboratory, python

INPUT = {"inputs": {"artifacts": [{"name": "text-data", "path": "/app/data"}]}}
MODEL = {"name": "m", "path": "/app/model", "globalName": "m", "archive": {"none": {}}}
OUTPUT = {"outputs": {"artifacts": [MODEL]}}


class HurriedClock:
    """The real time; whoever waits does so for a moment only."""

    now = staticmethod(time.time)

    def sleep(self, seconds):
        """Give the processes their turn."""
        time.sleep(min(seconds, 0.05))


@pytest.fixture
def clock():
    """Return the clock of the tasks."""
    return HurriedClock()


@pytest.fixture
def laboratory(tmp_path):
    """Return a place for templates and files."""
    return Laboratory(tmp_path)


@pytest.fixture
def emulator(laboratory, template):
    """Return a local AI Core that runs a template."""
    laboratory.prepare(template)
    with Emulator(templates=laboratory.templates, object_store=laboratory.object_store) as emulator:
        yield emulator


@pytest.mark.parametrize(
    ("template", "kind", "parts"),
    [
        (
            python("", **INPUT),
            AICoreExecutionCannotRun,
            [
                "(input-missing)",
                "ai://default/nowhere.csv",
                "'init'",
                "init | Error: failed to load the input",
            ],
        ),
        (
            python("print('epoch 1')", **OUTPUT),
            AICoreExecutionCannotRun,
            ["(output-not-written)", "nothing was written to /app/model", "'wait'"],
        ),
        (
            {"name": "train", "container": {"image": "docker.io/acme/trainer:1", "command": ["pyhton"]}},
            AICoreExecutionCannotRun,
            ["(no-such-command)", "pyhton"],
        ),
        (
            python("import os; print('epoch 1', flush=True); os.kill(os.getpid(), 9)"),
            AICoreExecutionFailed,
            ["Probable cause (out-of-memory)", "exit code 137", "| epoch 1"],
        ),
        (
            python("raise PermissionError(13, 'Permission denied', '/app/model')"),
            AICoreExecutionFailed,
            ["(permission-denied)", "65534", "exit code 1", "Permission denied: '/app/model'"],
        ),
        (
            python("import no_such_package"),
            AICoreExecutionFailed,
            ["(package-missing)", "No module named 'no_such_package'"],
        ),
    ],
    ids=["input", "output", "command", "killed", "permission", "package"],
)
def test_the_cause_of_a_real_failure_is_told(connection, context, client_for_looking, template, kind, parts):
    """The process runner fails as AI Core does, so that a DAG can be tried on a laptop."""
    data = client_for_looking.send(
        artifacts.create(name="data", kind="dataset", url="ai://default/nowhere.csv", scenario_id="text-clf")
    )
    operator = AICoreRunExecutableOperator(
        task_id="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        input_artifacts={"text-data": data.id} if "inputs" in template else {},
    )

    with pytest.raises(kind) as caught:
        operator.execute(context)

    assert type(caught.value) is kind
    for part in parts:
        assert part in str(caught.value)
