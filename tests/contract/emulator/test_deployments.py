"""Deployments: what they share with executions, and their URL, time to live and change of configuration."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_aicore.emulator import Emulator, Options, Progress
from tests.emulators import Api, connect

STOP = {"targetStatus": "STOPPED"}
HOUR = 3600


@pytest.fixture
def emulator(make_emulator) -> Emulator:
    """Give an emulator with an executable for deployments."""
    emulator: Emulator = make_emulator(progress=Progress.by_clock(unknown=10, pending=20, stopping=5))
    emulator.add_executable("text-clf", "text-clf-serve", deployable=True)
    return emulator


def read(api: Api, deployment_id: str) -> dict[str, Any]:
    """Read one deployment."""
    return dict(api.get(f"/deployments/{deployment_id}").raise_for_status().json())


def test_started_deployment_is_unknown(emulator, api):
    """The answer to a start has an id as AI Core gives them, the status UNKNOWN and an empty URL."""
    answer = api.post("/deployments", json={"configurationId": api.configure(executableId="text-clf-serve")})
    created = answer.json()
    assert answer.status_code == 202
    assert re.fullmatch("d[0-9a-f]{15}", created.pop("id"))
    message = "Deployment scheduled."
    assert created == {"message": message, "deploymentUrl": "", "status": "UNKNOWN", "ttl": None}


def test_deployment_runs_until_it_is_stopped(emulator, api, clock):
    """UNKNOWN, PENDING and RUNNING, then no end of its own; it has a URL from RUNNING on."""
    deployment_id = api.deploy()
    seen = []
    for seconds in (0, 10, 20, 9 * HOUR):
        clock.move(seconds)
        shown = read(api, deployment_id)
        seen.append((shown["status"], shown["deploymentUrl"] != ""))
    assert seen == [("UNKNOWN", False), ("PENDING", False), ("RUNNING", True), ("RUNNING", True)]
    assert shown["deploymentUrl"] == f"{emulator.url}/v2/inference/deployments/{deployment_id}"
    assert (shown["targetStatus"], shown["lastOperation"]) == ("RUNNING", "CREATE")
    assert not {"completionTime", "outputArtifacts", "executionScheduleId", "ttl"} & set(shown)


def test_deployment_is_stopped_and_deleted_as_an_execution_is(emulator, api, clock):
    """Not while UNKNOWN, with the same codes and steps, and gone some seconds after its deletion."""
    path = f"/deployments/{api.deploy()}"
    assert api.patch(path, json=STOP).json()["error"]["code"] == "01010076"
    clock.move(60)
    assert api.delete(path).status_code == 400
    assert api.patch(path, json=STOP).json()["message"] == "Deployment modification scheduled"
    assert api.get(path).json()["status"] == "STOPPING"
    clock.move(5)
    assert api.get(path).json()["status"] == "STOPPED"
    assert api.delete(path).status_code == 202
    assert api.get(path).json()["lastOperation"] == "DELETE"
    clock.move(5)
    assert api.get(path).json()["error"]["code"] == "01010016"


def test_time_to_live_ends_in_deletion(emulator, api, clock):
    """When the time to live is over a deployment is stopped and deleted, as of that instant."""
    deployment_id, young = api.deploy(ttl="2h"), api.deploy(ttl="1D")
    clock.move(2 * HOUR)
    shown = read(api, deployment_id)
    assert (shown["status"], shown["targetStatus"], shown["ttl"]) == ("STOPPED", "DELETED", "2h")
    assert shown["completionTime"] == "2027-01-15T10:00:00Z"
    assert read(api, young)["status"] == "RUNNING"
    clock.move(5)
    assert [each["id"] for each in api.get("/deployments").json()["resources"]] == [young]


@pytest.mark.parametrize(("hours", "status"), [(1, "DEAD"), (3, "STOPPED")])
def test_what_comes_first_ends_a_deployment(make_emulator, clock, hours, status):
    """One that died before its time to live was over stays DEAD; after that it can no longer die."""
    progress = Progress.by_clock(running=hours * HOUR, outcome="DEAD")
    emulator = make_emulator(progress=progress, options=Options(deletion_seconds=9 * HOUR))
    emulator.add_executable("text-clf", "text-clf-serve", deployable=True)
    api = connect(emulator)
    deployment_id = api.deploy(ttl="2h")
    clock.move(4 * HOUR)
    shown = read(api, deployment_id)
    assert (shown["status"], shown["targetStatus"]) == (status, "DELETED")


@pytest.mark.parametrize("ttl", ["9m", "0h", "10", "10,", "2 h", "9999999999m", 600])
def test_bad_time_to_live_is_refused(emulator, api, ttl):
    """Minutes, hours or days, ten minutes at least."""
    body = {"configurationId": api.configure(executableId="text-clf-serve"), "ttl": ttl}
    assert api.post("/deployments", json=body).status_code == 400


def test_another_configuration_can_be_given(emulator, api, clock):
    """A running deployment takes another configuration, and remembers the one that ran."""
    deployment_id, other = api.deploy(), api.configure(executableId="text-clf-serve")
    path, body = f"/deployments/{deployment_id}", {"configurationId": other}
    assert api.patch(path, json=body).status_code == 400
    clock.move(60)
    before = read(api, deployment_id)["configurationId"]
    assert api.patch(path, json=body).status_code == 202
    shown = read(api, deployment_id)
    assert (shown["configurationId"], shown["latestRunningConfigurationId"]) == (other, before)
    assert shown["lastOperation"] == "UPDATE"


@pytest.mark.parametrize(
    "body", [{}, {"configurationId": "none"}, {"targetStatus": "DELETED"}, {"targetStatus": "STOPPED"}]
)
def test_bad_change_is_refused(emulator, api, clock, body):
    """One of target and configuration is needed, not both; the configuration has to be for deployments."""
    path = f"/deployments/{api.deploy()}"
    clock.move(60)
    if body == STOP:
        body = {**STOP, "configurationId": api.configure(executableId="text-clf-serve")}
    assert api.patch(path, json=body).status_code == 400
    assert api.patch(path, json={"configurationId": api.configure()}).status_code == 400


def test_executable_for_executions_is_refused(emulator, api):
    """A configuration of an executable that is not deployable starts no deployment."""
    assert api.post("/deployments", json={"configurationId": api.configure()}).status_code == 400


def test_deployments_and_executions_are_apart(emulator, api, clock):
    """A list, a count and a bulk change concern one kind only."""
    deployment_id, execution_id = api.deploy(), api.start()
    clock.move(60)
    assert [each["id"] for each in api.get("/deployments").json()["resources"]] == [deployment_id]
    assert [each["id"] for each in api.get("/executions").json()["resources"]] == [execution_id]
    assert api.get("/deployments/$count", params={"status": "PENDING"}).text == "0"
    body = {"deployments": [{"id": each, **STOP} for each in (deployment_id, execution_id)]}
    headers = {"Content-Type": "application/merge-patch+json"}
    first, second = api.patch("/deployments", json=body, headers=headers).json()["deployments"]
    assert first == {"id": deployment_id, "message": "Deployment modification scheduled"}
    assert second["error"]["code"] == "01010016"


def test_deployment_has_logs(emulator, api, clock):
    """Logs are 404 before the runtime knows the deployment, and lines from then on."""
    deployment_id = api.deploy()
    assert api.get(f"/deployments/{deployment_id}/logs").json()["error"]["code"] == "05011000"
    clock.move(60)
    emulator.write_log(deployment_id, "listening")
    (line,) = api.get(f"/deployments/{deployment_id}/logs").json()["data"]["result"]
    assert (line["msg"], line["pod"]) == ("listening", deployment_id)


def test_deployment_may_die(emulator):
    """A script may end a deployment in DEAD; COMPLETED is left out of it."""
    emulator.script("text-clf-serve", [Progress.at_once("DEAD", message="no model"), Progress.at_once()])
    api = connect(emulator)
    dead, well = api.deploy(), api.deploy()
    assert (read(api, dead)["status"], read(api, dead)["statusMessage"]) == ("DEAD", "no model")
    assert read(api, well)["status"] == "RUNNING"
