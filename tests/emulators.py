"""An executable for every emulator, and a plain HTTP client that knows nothing of the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aicore.emulator import Emulator


def with_text_clf(emulator: Emulator, input_artifacts: Mapping[str, str] | None = None) -> Emulator:
    """Add the scenario ``text-clf`` with its executable ``text-clf-train``, and give the emulator back.

    :param input_artifacts: kinds by name; what is declared has to be bound by each task that runs it.
    """
    emulator.add_executable(
        "text-clf",
        "text-clf-train",
        parameters={"epochs": "10", "learning-rate": None},
        input_artifacts=input_artifacts,
        output_artifacts={"text-model": "model"},
    )
    return emulator


class Api(httpx.Client):
    """A client below ``/v2/lm`` of one resource group, and the few steps that most tests begin with."""

    def register(self, **fields: object) -> str:
        """Register an artifact and give its id."""
        body = {
            "name": "data",
            "kind": "dataset",
            "url": "ai://default/data",
            "scenarioId": "text-clf",
            **fields,
        }
        return str(self.post("/artifacts", json=body).raise_for_status().json()["id"])

    def configure(self, **fields: object) -> str:
        """Create a configuration and give its id."""
        body = {"name": "train", "executableId": "text-clf-train", "scenarioId": "text-clf", **fields}
        return str(self.post("/configurations", json=body).raise_for_status().json()["id"])

    def start(self, **fields: object) -> str:
        """Start an execution of a new configuration and give its id."""
        body = {"configurationId": self.configure(**fields)}
        return str(self.post("/executions", json=body).raise_for_status().json()["id"])

    def deploy(self, **fields: object) -> str:
        """Start a deployment of a new configuration of ``text-clf-serve``, and give its id."""
        body = {"configurationId": self.configure(executableId="text-clf-serve"), **fields}
        return str(self.post("/deployments", json=body).raise_for_status().json()["id"])

    def schedule(self, **fields: object) -> str:
        """Create an hourly schedule for a new configuration, and give its id."""
        body = {"name": "hourly", "cron": "0 * * * *", **fields}
        body.setdefault("configurationId", self.configure())
        return str(self.post("/executionSchedules", json=body).raise_for_status().json()["id"])

    def status(self, execution_id: str) -> str:
        """Read the status of an execution."""
        return str(self.get(f"/executions/{execution_id}").raise_for_status().json()["status"])


def connect(emulator: Emulator, resource_group: str = "default") -> Api:
    """Get a token and give a client that carries it."""
    key = emulator.service_key
    client = Api(
        transport=emulator.transport(),
        base_url=f"{key['serviceurls']['AI_API_URL']}/v2/lm",
        headers={"AI-Resource-Group": resource_group},
    )
    answer = client.post(
        f"{key['url']}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(key["clientid"], key["clientsecret"]),
    )
    client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
    return client
