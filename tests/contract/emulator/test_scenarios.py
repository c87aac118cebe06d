"""Scenarios, their executables and their versions."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Emulator


def test_executable_shows_its_signature(api):
    """Parameters are texts with or without default; artifacts have a name and a kind."""
    (executable,) = api.get("/scenarios/text-clf/executables").json()["resources"]
    assert executable["parameters"] == [
        {"name": "epochs", "type": "string", "default": "10"},
        {"name": "learning-rate", "type": "string"},
    ]
    assert executable["inputArtifacts"] == [{"name": "text-data", "kind": "dataset"}]
    assert executable["outputArtifacts"] == [{"name": "text-model", "kind": "model"}]
    assert executable["deployable"] is False
    assert executable["createdAt"] == "2027-01-15T08:00:00+00:00"
    assert api.get("/scenarios/text-clf/executables/text-clf-train").json() == executable


def test_scenarios_are_the_tenants(emulator, api):
    """Each scenario is listed once, however many executables it has."""
    emulator.add_executable("text-clf", "text-clf-test")
    emulator.add_executable("churn", "churn-train")
    assert {each["id"] for each in api.get("/scenarios").json()["resources"]} == {"text-clf", "churn"}
    assert api.get("/scenarios/churn").json()["name"] == "churn"


def test_executables_of_a_version(api):
    """``versionId`` leaves the executables of that version; the scenario lists the version."""
    path = "/scenarios/text-clf/executables"
    assert api.get(path, params={"versionId": "1.0.0"}).json()["count"] == 1
    assert api.get(path, params={"versionId": "2.0.0"}).json()["count"] == 0
    (version,) = api.get("/scenarios/text-clf/versions").json()["resources"]
    assert (version["id"], version["scenarioId"]) == ("1.0.0", "text-clf")


def test_there_are_no_models(api):
    """The emulator has no foundation models."""
    assert api.get("/scenarios/text-clf/models").json() == {"count": 0, "resources": []}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/scenarios/nowhere", 404),
        ("/scenarios/text-clf/executables/nothing", 404),
        ("/scenarios/nowhere/executables/text-clf-train", 404),
        ("/scenarios/nowhere/executables", 400),
        ("/scenarios/nowhere/versions", 400),
        ("/scenarios/nowhere/models", 400),
    ],
)
def test_what_does_not_exist_is_refused(api, path, status):
    """One that is missing is 404; for lists below a missing scenario the description knows only 400."""
    assert api.get(path).status_code == status


def test_executable_ids_are_unique_in_the_tenant():
    """The same executable id in two scenarios is refused, as AI Core does with templates."""
    emulator = Emulator()
    emulator.add_executable("text-clf", "train")
    with pytest.raises(ValueError, match="train"):
        emulator.add_executable("churn", "train")


@pytest.mark.parametrize(
    ("selector", "status"),
    [
        ("ext.ai.sap.com/a=b", 200),
        ("a=b", 400),
        ("ext.ai.sap.com/a", 400),
        ("ext.ai.sap.com/a=" + "x" * 5000, 400),
    ],
)
def test_versions_by_label(api, selector, status):
    """No version has a label, and a selector of the wrong form is refused."""
    answer = api.get("/scenarios/text-clf/versions", params={"labelSelector": selector})
    assert (answer.status_code, answer.json().get("count")) == (status, 0 if status == 200 else None)
