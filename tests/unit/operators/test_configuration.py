"""Creating configurations."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import configurations
from airflow_provider_aicore.exceptions import AICoreInvalidInput, AICoreRefused
from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator


def _operator(**change):
    arguments = {
        "task_id": "configure",
        "name": "train",
        "scenario_id": "text-clf",
        "executable_id": "text-clf-train",
        "parameters": {"epochs": 20, "learning-rate": 0.001, "shuffle": True},
    }
    return AICoreCreateConfigurationOperator(**{**arguments, **change})


def test_a_configuration_is_created_with_values_as_text(connection, context, client_for_looking):
    """Numbers and bools arrive as the text that AI Core takes."""
    result = _operator().execute(context)

    configuration = client_for_looking.send(configurations.get(result["id"]))
    bindings = {binding.key: binding.value for binding in configuration.parameter_bindings}
    assert bindings == {"epochs": "20", "learning-rate": "0.001", "shuffle": "true"}
    assert result == {
        "id": result["id"],
        "name": "train",
        "scenario_id": "text-clf",
        "executable_id": "text-clf-train",
        "reused": False,
    }


def test_an_identical_configuration_is_reused_and_that_is_said(connection, context, capfd):
    """A retry leaves no second configuration, and the log says which one is taken."""
    first = _operator().execute(context)

    assert _operator().execute(context) == {**first, "reused": True}
    assert f"Reused the identical configuration {first['id']}" in capfd.readouterr().out
    assert _operator(reuse=False).execute(context)["id"] != first["id"]
    assert _operator(parameters={"learning-rate": 21}).execute(context)["id"] != first["id"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"parameters": {"epochs": None}}, "parameter 'epochs' is None"),
        ({"parameters": {"": 1}}, "name of a parameter is empty"),
        ({"parameters": {"p": "x" * 5001}}, "parameter 'p' has 5001 characters"),
        ({"input_artifacts": {"data": None}}, "id of input artifact 'data' is None"),
        ({"executable_id": "a/b"}, "executable_id is 'a/b'"),
        ({"name": ""}, "name is empty"),
    ],
)
def test_bad_input_fails_without_a_request_and_without_a_retry(
    connection, context, network, change, complaint
):
    """What cannot be right is refused before anything is sent."""
    with pytest.raises(AICoreInvalidInput, match=complaint):
        _operator(**change).execute(context)
    assert network.requests == []


def test_a_refusal_of_ai_core_is_raised_with_its_reason(connection, context):
    """An executable that does not exist is AI Core's to tell."""
    with pytest.raises(AICoreRefused, match="no-such-executable"):
        _operator(executable_id="no-such-executable", preflight="off").execute(context)


def test_an_error_out_of_the_network_is_not_called_bad_input(connection, context, network):
    """Only what the user gave can be bad input: an error of httpx's own is left as it is."""

    class Broken:
        def answer(self, request, proceed):
            raise ValueError("boom")

    network.faults.add(Broken(), path="/lm/")

    with pytest.raises(ValueError, match="boom"):
        _operator().execute(context)
