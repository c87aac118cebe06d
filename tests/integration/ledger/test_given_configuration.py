"""Started once, with a configuration that others may start as well."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_aicore.api import configurations, executions
from airflow_provider_aicore.api.errors import NotFoundError, ServerError
from airflow_provider_aicore.emulator import Options, Progress, Step
from airflow_provider_aicore.emulator.faults import Answer, ConnectionLost, unavailable
from airflow_provider_aicore.ledger import given_configuration
from airflow_provider_aicore.ledger.given_configuration import AmbiguousStartError, Attempt


@pytest.fixture
def configuration_id(client):
    """Return the configuration that is given."""
    call = configurations.create(
        name="shared",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    return client.send(call).id


@pytest.fixture
def someone_else(client, configuration_id):
    """Return a function that starts the same configuration, as others may."""
    return lambda: client.send(executions.create(configuration_id)).id


@pytest.fixture
def start(client, memory, patience, configuration_id, clock):
    """Return a function that starts the configuration as a try of a task does."""
    dag_run_began = datetime.fromtimestamp(clock.now() + 60, UTC)
    clock.sleep(60)

    def start(*, is_first_try=True, generation=2, configuration=configuration_id):
        attempt = Attempt(configuration, generation, is_first_try, dag_run_began)
        return client.run(given_configuration.start(attempt, patience, memory))

    return start


def test_a_start_starts(start, emulator):
    """Nothing is there yet."""
    assert [start().execution_id] == list(emulator.statuses())


def test_a_retry_adopts_what_the_first_try_started(start, emulator):
    """By its id where that is remembered, else as the only one since the DAG run began."""
    first, second = start(), start(is_first_try=False)

    assert (second.execution_id, second.adopted) == (first.execution_id, True)


def test_what_others_started_before_is_not_taken(start, someone_else, clock):
    """It began before the window did."""
    foreign = someone_else()
    clock.sleep(600)

    assert start().execution_id != foreign


@pytest.mark.parametrize("emulator_options", [Options(list_lag=10.0)], ids=["list lag"])
def test_a_start_whose_answer_was_lost_is_looked_for(start, emulator):
    """It took effect, so it is not repeated, though it shows late."""
    emulator.faults.add(ConnectionLost(), method="POST", path="/lm/executions$")

    assert [start().execution_id] == list(emulator.statuses())


def test_a_retry_finds_what_a_killed_try_started(start, memory, emulator, someone_else, clock):
    """It had written its intent and nothing more; what others start later is not taken."""
    first = start()
    memory.record = memory.written[0] if memory.is_lasting else None
    if memory.is_lasting:
        clock.sleep(600)
        someone_else()

    assert start(is_first_try=False).execution_id == first.execution_id


def test_several_that_can_be_the_one_are_named_and_nothing_is_started(start, memory, emulator, someone_else):
    """To adopt the wrong one, or start another one, would both be wrong."""
    first, second = start().execution_id, someone_else()
    memory.record = memory.written[0] if memory.is_lasting else None

    with pytest.raises(
        AmbiguousStartError, match=r"2 executions can be the one.*created 20.*clone"
    ) as caught:
        start(is_first_try=False)
    assert first in str(caught.value)
    assert second in str(caught.value)
    assert len(emulator.statuses()) == 2


def test_a_failed_execution_is_followed_by_a_new_one(start, emulator):
    """A retry of a failed execution starts another one."""
    emulator.script("text-clf-train", Progress((Step("DEAD"),)))

    assert start().execution_id != start(is_first_try=False).execution_id


def test_a_cleared_task_ends_what_it_remembers_and_starts_anew(start, memory, emulator):
    """Without a memory of it there is nothing to end: a try of a new generation takes nothing."""
    first = start()
    second = start(generation=5)

    assert second.execution_id != first.execution_id
    assert second.ended_before == ((first.execution_id,) if memory.is_lasting else ())


def test_a_configuration_that_does_not_exist_is_not_started(start, emulator):
    """The request for the time says so."""
    with pytest.raises(NotFoundError):
        start(configuration="00000000-0000-0000-0000-000000000000")
    assert [one for one in emulator.requests if one.path.endswith("/executions")] == []


def test_abandoning_a_start_ends_what_is_remembered_of_it(start, client, memory, patience):
    """Whose time is over leaves nothing behind; what might be another's is left alone."""
    first = start()
    ended = client.run(given_configuration.abandon(patience, memory))

    assert ended == ((first.execution_id,) if memory.is_lasting else ())


def test_without_a_store_one_of_several_is_not_taken_for_the_task_s_because_the_others_failed(
    start, someone_else, memory, emulator
):
    """The one that failed may be the task's, and the one that COMPLETED another's."""
    emulator.script("text-clf-train", Progress((Step("DEAD"),)))
    start()
    emulator.script("text-clf-train", Progress((Step("COMPLETED"),)))
    someone_else()

    if memory.is_lasting:
        assert not start(is_first_try=False).adopted
    else:
        with pytest.raises(AmbiguousStartError, match="DEAD"):
            start(is_first_try=False)


def test_a_known_execution_that_is_not_found_for_a_moment_is_not_started_again(start, memory, emulator):
    """AI Core may answer 404 right after a start."""
    first = start()
    emulator.faults.add(Answer(404), path=f"/lm/executions/{first.execution_id}$")

    if memory.is_lasting:
        assert start(is_first_try=False).execution_id == first.execution_id


def test_a_start_that_may_have_taken_effect_is_left_to_the_next_try(start, emulator):
    """A second one would lie outside of the time that was noted."""
    emulator.faults.add(unavailable(), method="POST", path="/lm/executions$")

    with pytest.raises(ServerError):
        start()
    assert emulator.statuses() == {}
