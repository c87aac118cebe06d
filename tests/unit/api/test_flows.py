"""The flows that need more than one call: ensure, stop, delete, pages, metrics."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import ServiceKey, configurations, ensure, executions, metrics, termination
from airflow_provider_aicore.api.call import once, pages
from airflow_provider_aicore.api.models import ExecutionStatus
from airflow_provider_aicore.emulator import ConnectionLost, Emulator, Options, Progress, Step

BINDINGS = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.1}, {})
ARTIFACT = ensure.ArtifactData("travel data", "dataset", "ai://default/travel", "text-clf", None, {})


def _posts(emulator):
    return [
        request.path for request in emulator.requests if request.method == "POST" and "/lm/" in request.path
    ]


def _start(client, retry):
    configuration = client.run(ensure.configuration("a name", BINDINGS, retry))
    return client.send(executions.create(configuration.id)).id


def _patience(clock, retry, seconds=300.0):
    return termination.Patience(retry, seconds, now=clock.now)


def test_an_identical_artifact_is_reused(client, emulator, retry):
    """The second registration of the same thing sends nothing but a question."""
    first = client.run(ensure.artifact(ARTIFACT, retry))
    second = client.run(ensure.artifact(ARTIFACT, retry))

    assert (first.reused, second.reused) == (False, True)
    assert first.id == second.id
    assert len(_posts(emulator)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ai://default/other"},
        {"kind": "other"},
        {"description": "another"},
        {"labels": {"ext.ai.sap.com/run": "1"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_artifact_that_differs_is_registered_anew(client, retry, change):
    """Only an identical artifact is reused."""
    first = client.run(ensure.artifact(ARTIFACT, retry))
    other = ensure.ArtifactData(
        **{**{name: getattr(ARTIFACT, name) for name in ARTIFACT.__slots__}, **change}
    )

    assert client.run(ensure.artifact(other, retry)).id != first.id
    assert client.run(ensure.artifact(ARTIFACT, retry)).id == first.id


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda retry, **how: ensure.artifact(ARTIFACT, retry, **how), id="artifact"),
        pytest.param(
            lambda retry, **how: ensure.configuration("a name", BINDINGS, retry, **how), id="configuration"
        ),
    ],
)
def test_the_oldest_of_identical_ones_is_reused(client, clock, retry, make):
    """Names are not unique, and whoever asks gets the same one, in whatever order they are listed."""
    ids = [client.run(make(retry, reuse=False)).id]
    while ids[-1] == min(ids):  # The emulator lists by id: the oldest must not be the first by chance.
        clock.time -= 60
        ids.append(client.run(make(retry, reuse=False)).id)
    clock.time += 60 * len(ids)  # What is of the future is not listed.

    assert client.run(make(retry)).id == ids[-1]


def test_reuse_can_be_turned_off(client, retry):
    """Who wants a new one gets it."""
    first = client.run(ensure.artifact(ARTIFACT, retry))

    assert client.run(ensure.artifact(ARTIFACT, retry, reuse=False)).id != first.id


@pytest.mark.parametrize(
    "name",
    ["plain", "with ~ tilde ~ twice", "long " + "n" * 251, "~", "~~~"],
    ids=["plain", "tilde", "long", "~", "~~~"],
)
def test_an_identical_configuration_is_found_by_any_name(client, emulator, retry, name):
    """The search takes 80 characters and no tilde, names may have both; the exact one is still found."""
    client.run(ensure.configuration(f"{name[:250]} not", BINDINGS, retry))
    first = client.run(ensure.configuration(name, BINDINGS, retry))
    second = client.run(ensure.configuration(name, BINDINGS, retry))

    assert (first.reused, second.reused) == (False, True)
    assert first.id == second.id


def test_a_configuration_with_other_bindings_is_created_anew(client, retry):
    """The same name with another parameter is another configuration."""
    first = client.run(ensure.configuration("a name", BINDINGS, retry))
    other = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.2}, {})

    assert client.run(ensure.configuration("a name", other, retry)).id != first.id


def test_pages_are_read_until_one_is_not_full(client, retry):
    """All items of a list come, however small the pages; the answer's count is that of the page only."""
    for number in range(5):
        client.run(ensure.configuration(f"name {number}", BINDINGS, retry, reuse=False))

    found = client.run(pages(lambda top, skip: configurations.query(top=top, skip=skip), retry, size=2))

    assert {one.name for one in found} == {f"name {number}" for number in range(5)}


def test_an_unknown_execution_is_stopped_as_soon_as_it_can_be(client, emulator, clock, retry):
    """AI Core refuses to stop while UNKNOWN, so the stop is asked for again until it is taken."""
    emulator.script("text-clf-train", Progress.by_clock(unknown=20, running=600, stopping=10))
    execution_id = _start(client, retry)

    ended = client.run(termination.stop(execution_id, _patience(clock, retry)))

    assert ended.status is ExecutionStatus.STOPPED
    assert 30 <= sum(clock.slept) <= 45


@pytest.mark.parametrize("refusal", [400, 412])
def test_a_refused_stop_is_read_in_both_forms(clock, make_client, retry, refusal):
    """Whether AI Core refuses with 400 or 412 is not known; both mean later."""
    emulator = Emulator(now=clock.now, options=Options(refused_transition_status=refusal))
    emulator.add_executable("text-clf", "text-clf-train", parameters={"learning-rate": None})
    emulator.script("text-clf-train", Progress.by_clock(unknown=20, running=600, stopping=10))
    client = make_client(service_key=ServiceKey.parse(emulator.service_key), transport=emulator.transport())
    execution_id = _start(client, retry)

    assert (
        client.run(termination.stop(execution_id, _patience(clock, retry))).status is ExecutionStatus.STOPPED
    )


def test_one_that_has_ended_is_left_as_it_is(client, emulator, clock, retry):
    """Stopping what has COMPLETED sends no change and is no error."""
    emulator.script("text-clf-train", Progress((Step("COMPLETED"),)))
    execution_id = _start(client, retry)

    ended = client.run(termination.stop(execution_id, _patience(clock, retry)))

    assert ended.status is ExecutionStatus.COMPLETED
    assert not [request for request in emulator.requests if request.method == "PATCH"]


def test_a_stop_that_takes_too_long_names_the_status(client, emulator, clock, retry):
    """Patience ends with the status that stood in the way."""
    emulator.script("text-clf-train", Progress.stuck("UNKNOWN"))
    execution_id = _start(client, retry)

    with pytest.raises(
        TimeoutError, match=f"{execution_id} has not ended within 60 s: it is UNKNOWN.*refused"
    ):
        client.run(termination.stop(execution_id, _patience(clock, retry, 60)))


def test_a_running_execution_is_stopped_before_it_is_deleted(client, emulator, clock, retry):
    """AI Core deletes only what has ended."""
    emulator.script("text-clf-train", Progress.by_clock(unknown=5, running=600, stopping=10))
    execution_id = _start(client, retry)

    assert client.run(termination.delete(execution_id, _patience(clock, retry))) is True
    assert emulator.statuses() == {}


def test_an_execution_that_never_begins_is_deleted(client, emulator, clock, retry):
    """AI Core deletes what is UNKNOWN, though it cannot stop it."""
    emulator.script("text-clf-train", Progress.stuck("UNKNOWN"))

    assert client.run(termination.delete(_start(client, retry), _patience(clock, retry))) is True
    assert emulator.statuses() == {}


def test_a_deletion_whose_answer_is_lost_is_a_deletion(client, emulator, clock, retry):
    """The repeated request is refused, for the first one has taken effect."""
    emulator.script("text-clf-train", Progress.at_once())
    emulator.faults.add(ConnectionLost(), method="DELETE")

    assert client.run(termination.delete(_start(client, retry), _patience(clock, retry))) is True


def test_a_deletion_that_takes_too_long_is_told(clock, make_client, retry):
    """AI Core takes its time after it has accepted a deletion, and patience may end before."""
    emulator = Emulator(now=clock.now, options=Options(deletion_seconds=3600), progress=Progress.at_once())
    emulator.add_executable("text-clf", "text-clf-train", parameters={"learning-rate": None})
    client = make_client(service_key=ServiceKey.parse(emulator.service_key), transport=emulator.transport())
    execution_id = _start(client, retry)

    with pytest.raises(TimeoutError, match=f"{execution_id} is still there 60 s after its deletion"):
        client.run(termination.delete(execution_id, _patience(clock, retry, 60)))
    assert [one.method for one in emulator.requests].count("DELETE") == 1


def test_deleting_what_is_not_there_is_no_error(client, clock, retry):
    """The answer says that there was none."""
    assert client.run(termination.delete("e0123456789abcde", _patience(clock, retry))) is False


def test_an_execution_without_metrics_has_none(client, retry):
    """AI Core answers 404 there, which is no error."""
    execution_id = _start(client, retry)

    assert client.run(metrics.find(execution_id, retry)) is None


def test_metrics_are_read_back(client, retry):
    """What was written for an execution is found by its id."""
    execution_id = _start(client, retry)
    client.send(
        metrics.modify(execution_id, metrics=[{"name": "loss", "value": 0.5, "step": 1}], tags={"a": "b"})
    )

    found = client.run(metrics.find(execution_id, retry))

    assert metrics.last_values(found) == {"loss": 0.5}


class Broken:
    """A network that fails in a way that no flow is told of."""

    def answer(self, _request, _proceed):
        """Raise what is no error of httpx."""
        raise RuntimeError("boom")


@pytest.mark.parametrize("driver", ["blocking", "async"])
def test_a_flow_is_closed_when_its_driver_is_left(client, emulator, retry):
    """An error in a driver ends the flow, so that it can put things in order."""
    closed = []

    def flow():
        try:
            yield from once(executions.get("e0123456789abcde"), retry)
        finally:
            closed.append(True)

    emulator.faults.add(Broken(), path="/lm/")
    kept = flow()  # Otherwise it might be closed as garbage.

    with pytest.raises(RuntimeError, match="boom"):
        client.run(kept)
    assert closed == [True]
