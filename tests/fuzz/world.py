"""An emulator in which there is something of everything, and the ids under which it is to be found."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import requests
from hypothesis import reject

from airflow_provider_aicore.emulator import Emulator, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemathesis import Case

THINGS = {
    "/resourceGroups": {"resourceGroupId": "team-a", "labels": [{"key": "ext.ai.sap.com/a", "value": "b"}]},
    "/objectStoreSecrets": {
        "name": "store",
        "type": "S3",
        "bucket": "data",
        "data": {"AWS_SECRET_ACCESS_KEY": "x"},
    },
    "/dockerRegistrySecrets": {"name": "registry", "data": {".dockerconfigjson": "{}"}},
    "/repositories": {
        "name": "templates",
        "url": "https://git.example.com/a",
        "username": "u",
        "password": "p",
    },
    "/applications": {
        "applicationName": "pipelines",
        "repositoryName": "templates",
        "revision": "HEAD",
        "path": ".",
    },
    "/secrets": {"name": "warehouse", "data": {"password": "c2VjcmV0"}},
}
"""What an administrator has put in, by the path below ``/v2/admin``."""


class World:
    """Sends requests to an emulator that has things in it.

    Its clock moves a second with each request, so that what was started comes to its end.
    """

    def __init__(self) -> None:
        self._seconds = 1_800_000_000.0
        self.emulator = Emulator(now=lambda: self._seconds, kept_requests=0)
        self.emulator.add_executable(
            "text-clf",
            "text-clf-train",
            parameters={"epochs": "10"},
            input_artifacts={"text-data": "dataset"},
            output_artifacts={"text-model": "model"},
        )
        self.emulator.add_executable("text-clf", "text-clf-serve", deployable=True)
        self.emulator.script(
            "text-clf-train", [Progress.by_reads(), Progress.stuck("RUNNING"), Progress.by_clock(running=20)]
        )
        self._headers = {"AI-Resource-Group": "default"}
        self._headers["Authorization"] = f"Bearer {self._token()}"
        self.ids = self._prepare()
        """Values that lead somewhere, by the name of the parameter or field."""

    def send(self, case: Case[Any]) -> httpx.Response:
        """Send a generated request, with a good token."""
        made = requests.Request(**case.as_transport_kwargs(base_url=f"{self.emulator.url}/v2")).prepare()
        content = made.body.encode() if isinstance(made.body, str) else made.body
        assert made.method
        assert made.url
        content_type = made.headers.get("Content-Type")
        headers = {"Content-Type": content_type} if content_type else {}
        try:
            return self._send(made.method, made.url, headers=headers, content=content)
        except httpx.InvalidURL:
            reject()  # Longer than what any server takes.

    def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        self._seconds += 1
        headers = {**self._headers, **options.pop("headers", {})}
        request = httpx.Request(method, url, headers=headers, **options)
        answer = self.emulator.handle(request)
        answer.request, answer.elapsed = request, timedelta()
        return answer

    def _token(self) -> str:
        key = self.emulator.service_key
        form = {
            "grant_type": "client_credentials",
            "client_id": key["clientid"],
            "client_secret": key["clientsecret"],
        }
        answer = self.emulator.handle(httpx.Request("POST", f"{key['url']}/oauth/token", data=form))
        token: str = answer.json()["access_token"]
        return token

    def _create(self, path: str, body: Mapping[str, Any]) -> str:
        answer = self._send("POST", f"{self.emulator.url}/v2{path}", json=body).raise_for_status()
        created: str = answer.json()["id"]
        return created

    def _prepare(self) -> dict[str, list[str]]:
        scenario = {"scenarioId": "text-clf"}
        artifact = {"name": "data", "kind": "dataset", "url": "ai://default/data", **scenario}
        artifact_id = self._create("/lm/artifacts", artifact)
        configuration = {"name": "train", "executableId": "text-clf-train", **scenario}
        configuration_id = self._create("/lm/configurations", configuration)
        executions = [self._create("/lm/executions", {"configurationId": configuration_id}) for _ in range(3)]
        for each in executions:
            self._send("GET", f"{self.emulator.url}/v2/lm/executions/{each}")
            self.emulator.write_log(each, "epoch 1")
        tracked = {"executionId": executions[0], "tags": [{"name": "a", "value": "b"}]}
        self._send("PATCH", f"{self.emulator.url}/v2/lm/metrics", json=tracked).raise_for_status()
        serving = {"name": "serve", "executableId": "text-clf-serve", **scenario}
        serving_id = self._create("/lm/configurations", serving)
        deployments = [self._create("/lm/deployments", {"configurationId": serving_id}) for _ in range(2)]
        hourly = {"name": "hourly", "cron": "0 * * * *", "configurationId": configuration_id}
        schedule_id = self._create("/lm/executionSchedules", hourly)
        file = f"{self.emulator.url}/v2/lm/dataset/files/default/data.csv"
        self._send(
            "PUT", file, content=b"a,b", headers={"Content-Type": "application/octet-stream"}
        ).raise_for_status()
        for path, thing in THINGS.items():
            self._send("POST", f"{self.emulator.url}/v2/admin{path}", json=thing).raise_for_status()
        return {
            "applicationName": ["pipelines"],
            "dockerRegistryName": ["registry"],
            "objectStoreName": ["store"],
            "repositoryName": ["templates"],
            "resourceGroupId": ["default", "team-a"],
            "secretName": ["warehouse"],
            "artifactId": [artifact_id],
            "configurationId": [configuration_id, serving_id],
            "deploymentId": deployments,
            "executableId": ["text-clf-train", "text-clf-serve"],
            "executableIds": ["text-clf-train"],
            "executionId": executions,
            "executionIds": executions,
            "executionScheduleId": [schedule_id],
            "path": ["default/data.csv"],
            "scenarioId": ["text-clf"],
        }
