"""Creating and finding configurations."""

from __future__ import annotations

import pytest


def found(api, **filters):
    """Give the ids that a list with these filters has."""
    answer = api.get("/configurations", params=filters).raise_for_status()
    return {each["id"] for each in answer.json()["resources"]}


def test_created_configuration_can_be_read(api):
    """A configuration comes back with its bindings, its creation time and no ``modifiedAt``."""
    body = {
        "name": "dev-train",
        "executableId": "text-clf-train",
        "scenarioId": "text-clf",
        "parameterBindings": [{"key": "epochs", "value": "20"}],
        "inputArtifactBindings": [{"key": "text-data", "artifactId": "5dde103a-0000"}],
    }
    answer = api.post("/configurations", json=body)
    created = answer.json()
    assert (answer.status_code, created["message"]) == (201, "Configuration created")
    assert answer.headers["location"].endswith(f"/v2/lm/configurations/{created['id']}")
    read = api.get(f"/configurations/{created['id']}").json()
    assert read == {"id": created["id"], "createdAt": "2027-01-15T08:00:00Z", **body}


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "~" * 257},
        {"name": "é"},
        {"executableId": "unknown-executable"},
        {"scenarioId": "other-scenario"},
        {"parameterBindings": [{"key": "epochs", "value": 20}]},
        {"parameterBindings": [{"key": "epochs"}]},
        {"parameterBindings": [{"key": "x" * 257, "value": "1"}]},
        {"parameterBindings": [{"key": "epochs", "value": "x" * 5001}]},
        {"parameterBindings": [{"key": "epochs", "value": "1"}] * 1001},
        {"inputArtifactBindings": [{"key": "text-data", "artifactId": "no"}]},
        {"inputArtifactBindings": [{"key": "text-data", "artifactId": "5dde103a"}] * 1001},
    ],
)
def test_bad_configuration_is_refused(api, fields):
    """What breaks the description, or names an executable that the scenario does not have, is 400."""
    body = {"name": "train", "executableId": "text-clf-train", "scenarioId": "text-clf", **fields}
    assert api.post("/configurations", json=body).status_code == 400


def test_bindings_are_not_compared_with_the_executable(api):
    """As on AI Core, an undeclared key or an unknown artifact is no reason to refuse a configuration."""
    assert api.configure(
        parameterBindings=[{"key": "undeclared", "value": "1"}],
        inputArtifactBindings=[{"key": "undeclared", "artifactId": "no-such-artifact"}],
    )


def test_null_is_as_good_as_absent(api):
    """An optional field of a request may be null."""
    configuration_id = api.configure(parameterBindings=None, inputArtifactBindings=None)
    assert "parameterBindings" not in api.get(f"/configurations/{configuration_id}").json()


def test_names_are_not_unique(api):
    """Two configurations may have the same name."""
    assert api.configure(name="twin") != api.configure(name="twin")


def test_filters_narrow_the_list(emulator, api):
    """Scenario, executables and a part of the name select configurations."""
    emulator.add_executable("text-clf", "text-clf-test")
    train = api.configure(name="daily - af-1234")
    test = api.configure(name="daily test", executableId="text-clf-test")
    assert found(api, executableIds="text-clf-test") == {test}
    assert found(api, executableIds="text-clf-test,text-clf-train") == {train, test}
    assert found(api, **{"$search": "af-1234"}) == {train}
    assert found(api, **{"$search": "DAILY", "searchCaseInsensitive": "true"}) == {train, test}
    assert found(api, scenarioId="other-scenario") == set()
    assert api.get("/configurations/$count", params={"executableIds": "text-clf-test"}).text == "1"


def test_expand_adds_the_scenario(api):
    """``$expand=scenario`` puts the scenario into the configuration."""
    configuration_id = api.configure()
    read = api.get(f"/configurations/{configuration_id}", params={"$expand": "scenario"}).json()
    assert read["scenario"]["name"] == "text-clf"
    assert "scenario" not in api.get(f"/configurations/{configuration_id}").json()


def test_unknown_configuration_is_not_found(api):
    """An id that names nothing is 404."""
    assert api.get("/configurations/1a667982-0000").status_code == 404
