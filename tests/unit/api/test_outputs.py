"""Which outputs a COMPLETED execution lacks, and why."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.outputs import SETTLE, settled
from airflow_provider_aicore.emulator import Progress, unavailable


@pytest.fixture
def completed(network, client_for_looking, configuration_id):
    """Return an execution that has COMPLETED, and wrote the declared output `text-model`."""
    network.script("text-clf-train", Progress.at_once())
    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    return client_for_looking.send(executions.get(execution_id))


@pytest.fixture
def look(client_for_looking, retry):
    """Return a function that makes sure of outputs."""
    return lambda execution, *needed: client_for_looking.run(settled(execution, needed, retry))


def test_an_execution_with_all_outputs_is_not_read_again(completed, look, network, clock):
    """That is the usual case, which costs nothing."""
    network.requests.clear()

    assert look(completed, "text-model") == (completed, None)
    assert (list(network.requests), clock.slept) == ([], [])


def test_an_output_that_is_late_is_waited_for(completed, look, clock):
    """It may be registered a moment after the status has changed."""
    early = completed.model_copy(update={"output_artifacts": []})

    assert look(early, "text-model") == (completed, None)
    assert sum(clock.slept) == SETTLE


def test_what_the_executable_does_not_declare_needs_a_global_name(completed, look):
    """The most usual reason; what it declares helps against a wrong spelling."""
    _, lacking = look(completed, "text-model", "Text-Model")

    assert "without output artifact 'Text-Model'. Its output artifacts are: text-model." in lacking
    assert "declares no output 'Text-Model' (but: text-model): the template needs" in lacking
    assert "`globalName: Text-Model`" in lacking


@pytest.mark.parametrize("readable", [True, False])
def test_what_is_declared_but_not_there_was_not_stored(completed, look, network, readable):
    """The program, the secret or the archive may be the reason; trouble in looking hides none of it."""
    execution = next(iter(network.state.groups["default"].executions.values()))
    execution.output_artifacts.clear()
    if not readable:
        network.faults.add(unavailable(), path="/executables/", times=None)

    _, lacking = look(completed.model_copy(update={"output_artifacts": []}), "text-model")

    for part in ("are: none", "not stored", "'default'", "`archive: none: {}`"):
        assert part in lacking
    assert ("is declared" in lacking) == readable
