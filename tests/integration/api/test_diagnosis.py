"""Why an execution does not start."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aicore.api import configurations, executions
from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.diagnosis import why_not_started
from airflow_provider_aicore.api.reading import nothing
from airflow_provider_aicore.emulator import Answer, Progress, unavailable

STORE = {"name": "default", "type": "S3", "data": {"AWS_ACCESS_KEY_ID": "x"}}
REGISTRY = {"name": "hub", "data": {".dockerconfigjson": json.dumps({"auths": {}})}}


@pytest.fixture
def execution(client, emulator):
    """Return an execution that does not start."""
    emulator.script("text-clf-train", Progress.stuck("PENDING"))
    configuration = client.send(
        configurations.create(
            name="train",
            scenario_id="text-clf",
            executable_id="text-clf-train",
            parameters={"learning-rate": 0.1},
        )
    )
    return client.send(executions.get(client.send(executions.create(configuration.id)).id))


@pytest.fixture
def find(client, execution, retry):
    """Return a function that looks for the reason, and gives the sentences."""

    def find(seen=execution):
        return client.run(why_not_started(seen, retry))

    return find


def test_a_missing_object_store_secret_is_the_cause(find, client):
    """Without the secret `default` nothing starts; with another one, neither."""
    client.send(Call("POST", "/admin/objectStoreSecrets", nothing, json={**STORE, "name": "other"}))

    causes = [finding.text for finding in find() if finding.is_the_cause]

    assert len(causes) == 1
    assert "no object store secret 'default' (others: other)" in causes[0]


def test_what_is_there_is_told_and_no_cause(find, client):
    """Someone who reads the error sees what has been checked and was found to be right."""
    client.send(Call("POST", "/admin/objectStoreSecrets", nothing, json=STORE))
    client.send(Call("POST", "/admin/dockerRegistrySecrets", nothing, json=REGISTRY))

    findings = find()

    assert not any(finding.is_the_cause for finding in findings)
    said = " ".join(finding.text for finding in findings)
    assert "The object store secret 'default' is there." in said
    assert "docker registry secrets are: hub" in said


def test_without_a_docker_registry_secret_images_may_be_out_of_reach(find):
    """That is no sure cause, since an image may be public."""
    assert "The tenant has no docker registry secret" in " ".join(finding.text for finding in find())


def test_ai_core_s_own_words_come_first(find, execution):
    """The status message and the workflow's are what is known for sure."""
    details = {"workflow_info": [{"message": "ImagePullBackOff"}]}
    seen = execution.model_copy(update={"status_message": "waiting", "status_details": details})

    assert find(seen)[0].text == "AI Core says: waiting; ImagePullBackOff."
    assert find()[0].text == "AI Core gives no reason."


def test_ai_core_s_own_words_are_bounded_and_without_secrets(find, execution):
    """Nobody knows what they hold."""
    seen = execution.model_copy(update={"status_message": f"password=hunter2 {'x' * 3000}"})

    words = find(seen)[0].text
    assert "password=***" in words
    assert len(words) < 1100


def test_an_image_that_cannot_be_pulled_is_named_with_its_registry(find, execution, client):
    """It takes a docker registry secret for just that one."""
    client.send(Call("POST", "/admin/dockerRegistrySecrets", nothing, json=REGISTRY))

    def told(image):
        message = f'Back-off pulling image "{image}": ImagePullBackOff'
        details = {"workflow_info": [{"message": message}]}
        return " ".join(one.text for one in find(execution.model_copy(update={"status_details": details})))

    assert "in the registry 'ghcr.io'" in told("ghcr.io/acme/train:1")
    assert "in the registry 'localhost:5000'" in told("localhost:5000/train@sha256:0")
    for image in ("train", "acme/train:1"):
        assert "in the registry 'docker.io'" in told(image)
    assert "secrets are: hub" in told("train")


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (0, "0 executions are RUNNING in the resource group of at most 0, which is why others wait"),
        (5, "0 executions are RUNNING in the resource group of at most 5, so others may start"),
        (-1, "AI Core names no limit"),
    ],
)
def test_the_limit_of_running_executions_is_told(find, emulator, most, said):
    """Beyond the limit executions wait in PENDING without a word."""
    limits = {"limits": {"executions": {"maxRunningCount": most}}}
    emulator.faults.add(Answer(200, json={"runtimeIdentifier": "aicore", "aiApi": limits}), path="/lm/meta")

    assert said in find()[-1].text


def test_a_check_that_fails_hides_no_other(find, emulator):
    """What is not allowed, and what does not answer, is told; the rest is checked all the same."""
    emulator.faults.add(Answer(403, "RBAC: access denied"), path="/admin/objectStoreSecrets")
    emulator.faults.add(unavailable(), path="/admin/dockerRegistrySecrets", times=None)

    said = [finding.text for finding in find()]

    assert said[1] == "The object store secrets could not be checked: the service key is not allowed to."
    assert said[2].startswith("The docker registry secrets could not be checked: GET")
    assert "503" in said[2]
    assert "RUNNING in the resource group" in said[3]
