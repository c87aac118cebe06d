"""Registering artifacts."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import artifacts
from airflow_provider_aicore.emulator import credentials_refused
from airflow_provider_aicore.exceptions import AICoreInvalidInput, AICoreRefused
from airflow_provider_aicore.operators.artifact import AICoreRegisterArtifactOperator


def _operator(**change):
    arguments = {
        "task_id": "register",
        "name": "travel data",
        "kind": "dataset",
        "url": "ai://default/travel",
        "scenario_id": "text-clf",
    }
    return AICoreRegisterArtifactOperator(**{**arguments, **change})


def test_an_artifact_is_registered_with_all_that_is_said(connection, context, client_for_looking):
    """The XCom value names what was registered, and AI Core has it with description and labels."""
    labels = {"ext.ai.sap.com/run": "r1"}
    result = _operator(description="flights", labels=labels).execute(context)

    assert result == {
        "id": result["id"],
        "name": "travel data",
        "kind": "dataset",
        "url": "ai://default/travel",
        "scenario_id": "text-clf",
        "reused": False,
    }
    artifact = client_for_looking.send(artifacts.get(result["id"]))
    assert (artifact.name, artifact.description) == ("travel data", "flights")
    assert {label.key: label.value for label in artifact.labels} == labels


def test_an_identical_artifact_is_reused_and_that_is_said(connection, context, capfd):
    """A retry leaves no second artifact, and the log says which one is taken."""
    first = _operator().execute(context)
    second = _operator().execute(context)

    assert second == {**first, "reused": True}
    assert f"Reused the identical artifact {first['id']}" in capfd.readouterr().out


def test_reuse_can_be_turned_off(connection, context):
    """Who wants a new artifact each time gets it."""
    assert _operator().execute(context)["id"] != _operator(reuse=False).execute(context)["id"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "banana"}, "kind is 'banana'"),
        ({"name": ""}, "name is empty"),
        ({"url": "nowhere"}, "url is 'nowhere'"),
        ({"scenario_id": "?"}, "scenario_id is '[?]'"),
        ({"resource_group": "-"}, "resource_group is '-'"),
    ],
)
def test_bad_input_fails_without_a_request_and_without_a_retry(
    connection, context, network, change, complaint
):
    """What cannot be right is refused before anything is sent."""
    with pytest.raises(AICoreInvalidInput, match=complaint):
        _operator(**change).execute(context)
    assert network.requests == []


def test_an_error_out_of_the_network_is_not_called_bad_input(connection, context, network):
    """Only what the user gave can be bad input: an error of httpx's own is left as it is."""

    class Broken:
        def answer(self, request, proceed):
            raise ValueError("boom")

    network.faults.add(Broken(), path="/lm/")

    with pytest.raises(ValueError, match="boom"):
        _operator().execute(context)


def test_refused_credentials_name_the_connection(connection, context, network):
    """One of several that may be of the same client."""
    network.faults.add(credentials_refused(), path="/oauth/token", times=None)

    with pytest.raises(AICoreRefused, match="Connection 'aicore_default': No token for client"):
        _operator().execute(context)
