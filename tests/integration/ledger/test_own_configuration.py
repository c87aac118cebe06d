"""Started once, with a configuration of our own."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_aicore.api import RetryPolicy, configurations, ensure, executions
from airflow_provider_aicore.api.call import Sleep
from airflow_provider_aicore.api.errors import APIConnectionError, BadRequestError
from airflow_provider_aicore.emulator import Options, Progress, Step
from airflow_provider_aicore.emulator.faults import Answer, ConnectionLost, unavailable
from airflow_provider_aicore.ledger import own_configuration
from airflow_provider_aicore.ledger.logical_run import LogicalRun
from airflow_provider_aicore.ledger.own_configuration import SupersededError

RUN = LogicalRun("training", "manual__2026-01-01T00:00:00+00:00", "train", -1, generation=2)
BINDINGS = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.1}, {})


@pytest.fixture
def start(client, memory, patience):
    """Return a function that starts the run as a try of its task does."""

    def start(try_number, *, run=RUN, bindings=BINDINGS, before_creation=None):
        run = dataclasses.replace(run, try_number=try_number)
        flow = own_configuration.start(run, bindings, patience, memory, before_creation=before_creation)
        return client.run(flow)

    return start


def cleared(run=RUN):
    """Return the run after a user cleared its task."""
    return dataclasses.replace(run, generation=run.generation + 3)


def test_a_first_try_starts_an_execution(start, emulator):
    """Nothing is there, so a configuration is created and started."""
    started = start(1)

    assert not started.adopted
    assert list(emulator.statuses()) == [started.execution_id]


def test_a_retry_adopts_the_live_execution(start, emulator):
    """The second try finds what the first has started."""
    first, second = start(1), start(2)

    assert second == dataclasses.replace(first, adopted=True)
    assert len(emulator.statuses()) == 1


def refuse():
    """Refuse what is about to be created, as a flow."""
    yield Sleep(0)
    raise ValueError("it does not fit")


def test_what_is_refused_before_its_creation_leaves_nothing(start, memory, emulator):
    """Neither a configuration nor an intent."""
    with pytest.raises(ValueError, match="it does not fit"):
        start(1, before_creation=refuse())

    assert [one.path for one in emulator.requests if one.method == "POST" and "/lm/" in one.path] == []
    assert memory.read() is None


def test_a_try_that_finds_a_configuration_asks_nobody_whether_to_create_it(start, client, emulator):
    """Neither one that adopts an execution, nor one that starts another one after it has failed."""
    emulator.script("text-clf-train", [Progress.at_once("DEAD"), Progress.stuck("RUNNING")])
    dead = start(1)
    client.send(executions.get(dead.execution_id))

    again = start(2, before_creation=refuse())

    assert (again.configuration_id, again.adopted) == (dead.configuration_id, False)
    assert start(3, before_creation=refuse()).adopted


def test_a_retry_that_remembers_the_execution_needs_one_request(start, memory, emulator):
    """The store is the fast path."""
    start(1)
    before = len(emulator.requests)
    start(2)

    requests = [f"{one.method} {one.path}" for one in emulator.requests[before:]]
    assert (len(requests) == 1) is memory.is_lasting, requests


def test_a_retry_adopts_a_completed_execution(start, emulator):
    """A result that is there is taken."""
    emulator.script("text-clf-train", Progress((Step("COMPLETED"),)))

    assert start(1).execution_id == start(2).execution_id


@pytest.mark.parametrize("end", ["DEAD", "STOPPED"])
def test_a_retry_leaves_a_failed_execution_alone(start, emulator, end):
    """A failed try is followed by a new execution of the same configuration."""
    emulator.script("text-clf-train", Progress((Step(end),)))
    first, second = start(1), start(2)

    assert first.execution_id != second.execution_id
    assert first.configuration_id == second.configuration_id


def test_a_retry_after_a_known_failure_loses_no_time(start, emulator, clock):
    """Each earlier try has left an execution, so none can be on its way."""
    emulator.script("text-clf-train", Progress((Step("DEAD"),)))
    start(1)
    start(2)
    clock.slept.clear()
    start(3)

    assert clock.slept == []


def test_a_retry_waits_for_the_end_of_what_is_being_stopped(start, client, emulator):
    """An execution on its way out would only fail the new try, and is not to live beside it."""
    first = start(1)
    client.send(executions.stop(first.execution_id))
    second = start(2)

    assert second.execution_id != first.execution_id
    assert emulator.statuses()[first.execution_id] == "STOPPED"


def test_a_cleared_task_ends_the_execution_before_it_starts_anew(start, emulator):
    """Another generation is another run, and two of them never live at the same time."""
    first = start(1)
    second = start(2, run=cleared())

    assert second.ended_before == (first.execution_id,)
    assert emulator.statuses() == {first.execution_id: "STOPPED", second.execution_id: "RUNNING"}
    changes = [one.method for one in emulator.requests if one.method in {"PATCH", "POST"}]
    assert changes.index("PATCH") < len(changes) - 1


def test_nothing_is_started_while_the_one_before_does_not_end(start, emulator):
    """Better late than twice."""
    first = start(1)
    emulator.faults.add(Answer(409), method="PATCH", times=None)

    with pytest.raises(Exception, match=first.execution_id):
        start(2, run=cleared())
    assert list(emulator.statuses()) == [first.execution_id]


def test_a_task_with_fewer_retries_than_before_can_be_cleared(start, emulator):
    """Airflow counts from the try that is cleared, so a later generation may be a smaller number."""
    first = start(1)
    second = start(2, run=dataclasses.replace(RUN, generation=1))

    assert second.ended_before == (first.execution_id,)


def test_a_cleared_task_leaves_a_result_of_before_alone(start, emulator):
    """Clearing a task that succeeded runs it again."""
    emulator.script("text-clf-train", Progress((Step("COMPLETED"),)))
    first, second = start(1), start(2, run=cleared())

    assert first.execution_id != second.execution_id
    assert set(emulator.statuses().values()) <= {"COMPLETED", "UNKNOWN"}


def test_a_try_that_was_overtaken_by_a_clear_starts_nothing(start, memory, emulator):
    """A worker that comes back from the dead does not interfere with the run after it."""
    start(1)
    second = start(3, run=cleared())
    memory.record = None

    with pytest.raises(SupersededError, match="this is try 2, and try 3 has been in AI Core"):
        start(2)
    assert emulator.statuses()[second.execution_id] != "STOPPED"


def test_a_dag_run_made_anew_under_the_same_id_takes_nothing_of_the_deleted_one(start, memory, emulator):
    """Its first try is the first of all, so that a result of before is not its own."""
    emulator.script("text-clf-train", Progress((Step("COMPLETED"),)))
    old = start(1)
    memory.record = None
    new, retried = start(1), start(2)

    assert new.execution_id != old.execution_id
    assert retried.execution_id == new.execution_id


def test_a_live_execution_is_adopted_also_when_the_dag_has_changed(start):
    """What runs for this task instance is its execution, whatever the parameters are by now."""
    other = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.9}, {})

    assert start(1).execution_id == start(2, bindings=other).execution_id


def test_a_new_execution_gets_the_present_parameters(start, client, emulator):
    """After a failed try with other parameters the configuration is made anew."""
    emulator.script("text-clf-train", Progress((Step("DEAD"),)))
    start(1)
    other = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.9}, {})

    configuration = client.send(configurations.get(start(2, bindings=other).configuration_id))

    assert [(one.key, one.value) for one in configuration.parameter_bindings] == [("learning-rate", "0.9")]


def test_a_start_whose_answer_was_lost_is_looked_for(start, emulator):
    """It took effect, so it is not repeated."""
    emulator.faults.add(ConnectionLost(), method="POST", path="/lm/executions$")

    assert [start(1).execution_id] == list(emulator.statuses())


@pytest.mark.parametrize("emulator_options", [Options(list_lag=10.0)], ids=["list lag"])
def test_a_start_whose_answer_was_lost_is_looked_for_until_lists_have_settled(start, emulator):
    """AI Core does not promise that a list shows at once what was created."""
    emulator.faults.add(ConnectionLost(), method="POST", path="/lm/executions$")

    assert [start(1).execution_id] == list(emulator.statuses())


def test_a_start_that_did_not_take_effect_is_repeated_after_the_settle_time(start, emulator, clock):
    """A 503 leaves open what happened; when nothing shows, nothing has."""
    emulator.faults.add(unavailable(), method="POST", path="/lm/executions$")
    began = clock.now()
    started = start(1)

    assert list(emulator.statuses()) == [started.execution_id]
    assert clock.now() - began >= 30


def test_a_start_that_never_gets_a_good_answer_fails(start, emulator, retry):
    """The next try goes on from there."""
    emulator.faults.add(ConnectionLost(takes_effect=False), method="POST", path="/lm/executions$", times=None)

    with pytest.raises(APIConnectionError):
        start(1)
    assert emulator.statuses() == {}


def test_a_refused_start_is_forgotten(start, memory, emulator):
    """Nothing was started, so the next try has nothing to look for."""
    emulator.faults.add(Answer(400), method="POST", path="/lm/executions$")

    with pytest.raises(BadRequestError):
        start(1)
    assert memory.record is None


def test_the_intent_is_written_before_the_start(start, memory, emulator):
    """Who dies between the two has said so."""
    emulator.faults.add(Answer(400), method="POST", path="/lm/executions$")

    with pytest.raises(BadRequestError):
        start(1)
    assert [record.execution_id for record in memory.written] == [None]


def test_of_two_executions_the_older_is_kept(start, client, memory, emulator, clock):
    """A worker that was taken for dead and its successor have started one each."""
    first = start(1)
    clock.sleep(1)
    second = client.send(executions.create(first.configuration_id)).id
    memory.record = None
    third = start(2)

    assert (third.execution_id, third.superfluous) == (first.execution_id, (second,))
    assert second not in emulator.statuses() or emulator.statuses()[second] == "STOPPED"


def test_one_that_completed_is_kept_before_an_older_live_one(start, client, memory, emulator, clock):
    """A result that is there is the result."""
    first = start(1)
    clock.sleep(1)
    emulator.script("text-clf-train", Progress((Step("COMPLETED"),)))
    second = client.send(executions.create(first.configuration_id)).id
    memory.record = None

    assert start(2).execution_id == second


def test_abandoning_a_run_ends_what_it_started(start, client, memory, patience, emulator):
    """Whose time is over leaves nothing behind."""
    first = start(1)
    ended = client.run(own_configuration.abandon(RUN, patience, memory))

    assert ended == (first.execution_id,)
    assert emulator.statuses()[first.execution_id] == "STOPPED"


def test_a_start_uses_the_policy_of_its_patience(client, memory, patience, emulator):
    """No request of it is repeated more often than the caller wants."""
    emulator.faults.add(unavailable(), method="GET", times=None)
    once_only = dataclasses.replace(patience, retry=RetryPolicy(repeats=0))

    with pytest.raises(Exception, match="503"):
        client.run(own_configuration.start(RUN, BINDINGS, once_only, memory))
    assert len([one for one in emulator.requests if one.method == "GET"]) == 1


def test_abandoning_a_run_ends_what_it_has_noted_also_if_no_list_shows_it(
    client, memory, patience, start, emulator
):
    """The id is known, so no list is needed."""
    if not memory.is_lasting:
        pytest.skip("nothing is noted")
    first = start(1)
    emulator.faults.add(Answer(200, json={"count": 0, "resources": []}), path="/lm/configurations$")

    assert client.run(own_configuration.abandon(RUN, patience, memory)) == (first.execution_id,)


def test_what_a_list_shows_alive_is_looked_at_before_it_is_adopted(start, client, memory, emulator):
    """A list may lag behind: an execution that has failed by now would only fail the new try."""
    first = start(1)
    listed = client.send(executions.query(configuration_id=first.configuration_id))
    client.send(executions.stop(first.execution_id))
    memory.record = None
    stale = {
        "id": first.execution_id,
        "configurationId": first.configuration_id,
        "status": "RUNNING",
        "createdAt": listed[0].created_at.isoformat(),
        "modifiedAt": listed[0].modified_at.isoformat(),
    }
    emulator.faults.add(Answer(200, json={"count": 1, "resources": [stale]}), path="/lm/executions$")

    assert start(2).execution_id != first.execution_id


def test_an_execution_that_is_not_found_for_a_moment_is_ended_all_the_same(start, emulator):
    """A clear right after a start meets a 404; the execution would go on."""
    first = start(1)
    emulator.faults.add(Answer(404), path=f"/lm/executions/{first.execution_id}$", times=2)
    start(2, run=cleared())

    assert emulator.statuses()[first.execution_id] == "STOPPED"
