"""Which execution belongs to a task instance."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_aicore import ledger
from airflow_provider_aicore.api import configurations, ensure, executions
from airflow_provider_aicore.api.validation import check_name
from airflow_provider_aicore.emulator import Progress, Step

RUN = ledger.LogicalRun("training", "manual__2026-01-01T00:00:00+00:00", "train", -1, generation=0)
BINDINGS = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.1}, {})


@pytest.fixture
def start(client, emulator, retry):
    """Return a function that starts the run as a try of its task does."""
    emulator.script("text-clf-train", Progress.stuck("RUNNING"))
    return lambda run=RUN, bindings=BINDINGS: client.run(ledger.start(run, bindings, retry))


@pytest.mark.parametrize(
    "change",
    [
        {"dag_id": "other"},
        {"run_id": "other"},
        {"task_id": "other"},
        {"map_index": 1},
        {"generation": 1},
        {"dag_id": "training.train", "task_id": ""},
    ],
    ids=str,
)
def test_each_part_of_the_identity_changes_the_mark(change):
    """Two runs that differ in anything have different marks."""
    assert dataclasses.replace(RUN, **change).mark != RUN.mark


def test_the_mark_is_the_same_in_every_version():
    """The mark is how a newer version finds what an older one has started: it never changes."""
    assert RUN.mark == "af-b1d00f9de2d493a00fdd92c5"


@pytest.mark.parametrize(
    "run", [RUN, ledger.LogicalRun("dägs/x", "r" * 250, "t" * 250, 7, 3)], ids=["plain", "long and odd"]
)
def test_the_name_is_one_that_ai_core_takes(run):
    """Any DAG and run id gives a name within AI Core's limits that ends in the mark."""
    assert check_name("name", run.configuration_name).endswith(f" {run.mark}")


def test_a_first_try_starts_an_execution(start, emulator):
    """Nothing is there, so a configuration is created and started."""
    started = start()

    assert not started.adopted
    assert list(emulator.statuses()) == [started.execution_id]


def test_a_retry_adopts_the_live_execution(start, emulator):
    """The second try finds what the first has started."""
    first = start()
    second = start()

    assert second == dataclasses.replace(first, adopted=True)
    assert len(emulator.statuses()) == 1


def test_a_retry_adopts_a_completed_execution(start, emulator):
    """A result that is there is taken."""
    emulator.script("text-clf-train", Progress((Step("COMPLETED"),)))

    assert start().execution_id == start().execution_id


@pytest.mark.parametrize("end", ["DEAD", "STOPPED"])
def test_a_retry_leaves_a_failed_execution_alone(start, emulator, end):
    """A failed try is followed by a new execution of the same configuration."""
    emulator.script("text-clf-train", Progress((Step(end),)))
    first, second = start(), start()

    assert first.execution_id != second.execution_id
    assert first.configuration_id == second.configuration_id


def test_a_retry_does_not_adopt_what_is_being_stopped(start, client):
    """An execution on its way out would only fail the new try."""
    first = start()
    client.send(executions.stop(first.execution_id))

    assert start().execution_id != first.execution_id


def test_a_cleared_task_starts_anew(start):
    """Another generation is another run."""
    assert start().execution_id != start(dataclasses.replace(RUN, generation=2)).execution_id


def test_a_live_execution_is_adopted_also_when_the_dag_has_changed(start):
    """What runs for this task instance is its execution, whatever the parameters are by now."""
    other = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.9}, {})

    assert start().execution_id == start(RUN, other).execution_id


def test_a_new_execution_gets_the_present_parameters(start, client, emulator):
    """After a failed try with other parameters the configuration is made anew."""
    emulator.script("text-clf-train", Progress((Step("DEAD"),)))
    start()
    other = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.9}, {})

    configuration = client.send(configurations.get(start(RUN, other).configuration_id))

    assert [(one.key, one.value) for one in configuration.parameter_bindings] == [("learning-rate", "0.9")]


def test_a_configuration_of_another_run_is_not_taken_for_ours(start, client):
    """Only the end of the name is the mark; a name that merely contains it is someone else's."""
    call = configurations.create(
        name=f"{RUN.mark} copied by a person",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    foreign = client.send(executions.create(client.send(call).id)).id

    assert start().execution_id != foreign
