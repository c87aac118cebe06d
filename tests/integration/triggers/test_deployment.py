"""The trigger for deployments."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from airflow_provider_aicore.triggers.aicore import AICoreDeploymentTrigger
from tests import turned_loop

MANY = 20


@pytest.fixture
def deploy(network, api, connection):
    """Return a function that starts deployments, and one that changes what they are to be."""
    network.add_executable("text-clf", "text-clf-serve", deployable=True)
    names = {"name": "serve", "scenarioId": "text-clf", "executableId": "text-clf-serve"}
    configuration_id = api.post("/configurations", json=names).raise_for_status().json()["id"]

    def deploy(number=1):
        answers = [
            api.post("/deployments", json={"configurationId": configuration_id}) for _ in range(number)
        ]
        network.requests.clear()
        return [answer.raise_for_status().json()["id"] for answer in answers]

    return deploy


async def events_of(ids, **arguments):
    """Run triggers at the same time, made out of what Airflow stores, and give their events."""

    async def event(deployment_id):
        path, stored = AICoreDeploymentTrigger(deployment_id=deployment_id, **arguments).serialize()
        assert path == "airflow_provider_aicore.triggers.aicore.AICoreDeploymentTrigger"
        trigger = AICoreDeploymentTrigger(**json.loads(json.dumps(stored)))
        return [event.payload async for event in trigger.run()]

    return [payload for payloads in await asyncio.gather(*map(event, ids)) for payload in payloads]


def wait_for(ids, **arguments):
    """Have an event loop of its own wait."""
    return turned_loop.run(events_of(ids, **arguments))


def test_it_fires_when_the_deployment_serves(deploy):
    """With the URL where it does."""
    (event,) = wait_for(deploy())

    assert (event["version"], event["outcome"], event["status"]) == (1, "ended", "RUNNING")
    assert event["deployment_url"].endswith(f"/v2/inference/deployments/{event['deployment_id']}")


def test_it_fires_when_the_deployment_is_stopped(deploy, api):
    """RUNNING is no end then."""
    ids = deploy()
    wait_for(ids)
    api.patch(f"/deployments/{ids[0]}", json={"targetStatus": "STOPPED"}).raise_for_status()

    (event,) = wait_for(ids, until="STOPPED")

    assert (event["outcome"], event["status"]) == ("ended", "STOPPED")


def test_one_that_is_stopped_ends_the_wait_for_its_start(deploy, api):
    """It will not serve any more; the status says so."""
    ids = deploy()
    wait_for(ids)
    api.patch(f"/deployments/{ids[0]}", json={"targetStatus": "STOPPED"}).raise_for_status()
    wait_for(ids, until="STOPPED")

    (event,) = wait_for(ids)

    assert (event["outcome"], event["status"]) == ("ended", "STOPPED")


def test_many_share_a_poll(deploy, network):
    """With one token, and one read each at the end."""
    ids = deploy(MANY)

    events = wait_for(ids)

    assert Counter(event["deployment_id"] for event in events) == Counter(ids)
    asked = Counter(request.path for request in network.requests)
    assert asked["/oauth/token"] == 1
    assert [asked[f"/v2/lm/deployments/{each}"] for each in ids] == [1] * MANY


def test_no_step_of_a_wait_blocks_the_others(deploy, run_watched):
    """Airflow runs all triggers of a triggerer in one event loop."""
    events, slow = run_watched(lambda: events_of(deploy(MANY)))

    assert {event["outcome"] for event in events} == {"ended"}
    assert slow == []


def test_an_unknown_deployment_is_refused(deploy):
    """After a minute, for it may have been created just now."""
    deploy()

    (event,) = wait_for(["d123"])

    assert event["outcome"] == "refused"
    assert "d123" in event["message"]
    assert event["deployment_url"] == ""


def test_what_cannot_be_waited_for_is_refused_at_once():
    """DEAD is no aim."""
    with pytest.raises(ValueError, match="RUNNING, STOPPED"):
        AICoreDeploymentTrigger(deployment_id="d123", until="DEAD")  # type: ignore[arg-type]
