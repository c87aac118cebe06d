"""Emulators whose executions are real processes, and the templates for them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.emulator import Emulator
from tests.emulators import Api, connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TERMINAL = {"COMPLETED", "DEAD", "STOPPED"}
PATIENCE = 120
"""Seconds; a process that has to be ended sleeps for longer."""
REPORT = """
import json, os, urllib.request
body = {'executionId': os.environ['AICORE_EXECUTION_ID'], 'metrics': [{'name': 'loss', 'value': 0.5}]}
urllib.request.urlopen(urllib.request.Request(
    os.environ['AICORE_TRACKING_ENDPOINT'] + '/api/v1/metrics',
    data=json.dumps(body).encode(), headers={'Content-Type': 'application/json'}, method='PATCH',
))
"""
"""Source of a program that reports a metric."""


class Laboratory:
    """Writes templates of one executable, runs executions of them, and waits for what it expects."""

    def __init__(self, folder: Path) -> None:
        self.templates, self.object_store = folder / "templates", folder / "object-store"
        for each in (self.templates, self.object_store):
            each.mkdir()
        self.emulators: list[Emulator] = []

    def prepare(
        self, *templates: dict[str, Any], parameters: tuple[dict[str, Any], ...] = (), **spec: Any
    ) -> None:
        """Write the template: the first of *templates* is the entrypoint."""
        metadata = {
            "name": "text-clf-train",
            "labels": {"scenarios.ai.sap.com/id": "text-clf", "ai.sap.com/version": "1.0.0"},
            "annotations": {"artifacts.ai.sap.com/text-model.kind": "model"},
        }
        document = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "WorkflowTemplate",
            "metadata": metadata,
            "spec": {
                "entrypoint": templates[0]["name"],
                "arguments": {"parameters": list(parameters)},
                "templates": list(templates),
                **spec,
            },
        }
        (self.templates / "template.yaml").write_text(json.dumps(document))

    def open(self, **options: Any) -> Api:
        """Make an emulator and give a client of it."""
        emulator = Emulator(templates=self.templates, object_store=self.object_store, **options)
        self.emulators.append(emulator)
        return connect(emulator)

    def run(self, *templates: dict[str, Any], **options: Any) -> tuple[Api, dict[str, Any]]:
        """Prepare, start one execution, and wait for its end."""
        spec = {
            name: options.pop(name)
            for name in ("parameters", "activeDeadlineSeconds", "parallelism")
            if name in options
        }
        fields = {
            name: options.pop(name)
            for name in ("parameterBindings", "inputArtifactBindings")
            if name in options
        }
        self.prepare(*templates, **spec)
        api = self.open(**options)
        return api, self.wait(api, api.start(**fields), TERMINAL)

    def wait(self, api: Api, execution_id: str, statuses: set[str]) -> dict[str, Any]:
        """Wait until an execution has one of *statuses*."""
        read: dict[str, Any] = self.until(
            lambda: api.get(f"/executions/{execution_id}").json(), lambda read: read["status"] in statuses
        )
        return read

    def until(self, look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
        """Look again and again until it is good, for a limited time."""
        deadline = time.monotonic() + PATIENCE
        while not good(seen := look()):
            assert time.monotonic() < deadline, seen
            time.sleep(0.01)
        return seen


def python(source: str, *args: str, **template: Any) -> dict[str, Any]:
    """Make a template that runs Python source."""
    container = {"image": "docker.io/acme/trainer:1", "command": ["python", "-c", source], "args": list(args)}
    return {"name": "train", "container": container, **template}


def lines(api: Api, execution_id: str) -> list[str]:
    """Give the texts of an execution's log."""
    answer = api.get(f"/executions/{execution_id}/logs").raise_for_status()
    return [line["msg"] for line in answer.json()["data"]["result"]]
