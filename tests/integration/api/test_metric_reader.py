"""Whom to ask for together, whichever way AI Core answers for executions without metrics."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import configurations, executions, metrics
from airflow_provider_aicore.api.metric_reader import MetricReader


class _AllOrNothing:
    """Answers 404 as soon as one of those asked for has no metrics."""

    def answer(self, request, proceed):
        """Count what is asked for and what is answered."""
        response = proceed(request)
        asked = request.url.params.get("executionIds", "").split(",")
        if request.method == "GET" and response.is_success and len(response.json()["resources"]) < len(asked):
            response.status_code = 404
        return response


@pytest.fixture(params=[False, True], ids=["left out", "404 for all"])
def start(request, client, emulator):
    """Return what starts executions, at an AI Core that answers in one way or the other."""
    if request.param:
        emulator.faults.add(_AllOrNothing(), path="/lm/metrics", times=None)
    configuration = configurations.create(
        name="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    configuration_id = client.send(configuration).id
    return lambda number: [client.send(executions.create(configuration_id)).id for _ in range(number)]


@pytest.fixture
def read(client, emulator):
    """Return what reads one round and gives who has metrics and how many requests it took."""
    reader = MetricReader()

    def one_round(ids):
        found, before = set(), len(emulator.requests)
        for batch in reader.batches(ids):
            assert len(batch) <= 10
            found |= client.run(reader.ask(batch)).keys()
        return found, len(emulator.requests) - before

    return one_round


def _measure(client, ids):
    for execution_id in ids:
        client.send(metrics.modify(execution_id, metrics=[{"name": "loss", "value": 1}]))


def test_all_that_have_metrics_are_read_ten_with_a_request(client, start, read):
    """One round finds them, and all later ones take a request for ten, whatever the others do."""
    ids = start(25)
    _measure(client, ids)

    for _ in range(9):
        found, _ = read(ids)
    assert found == set(ids)
    assert read(ids)[1] == 3


def test_those_with_many_points_are_read_in_smaller_batches(client, start, read):
    """An answer of ten thousand points would stop the event loop for longer than others bear."""
    ids = start(7)
    for execution_id in ids:
        points = [{"name": "loss", "value": 1, "step": step} for step in range(1000)]
        client.send(metrics.modify(execution_id, metrics=points))

    read(ids)
    assert read(ids) == (set(ids), 3)


def test_those_without_metrics_hide_nobody(client, start, read):
    """Who has some is found within a few rounds, and then read in each."""
    ids = start(24)
    _measure(client, ids[::3])

    rounds = [read(ids) for _ in range(8)]

    assert rounds[-1][0] == set(ids[::3])
    # One for those that have some; the others in two, or five of them one by one.
    assert rounds[-1][1] <= 6


def test_as_long_as_nobody_has_metrics_a_round_stays_small(start, read):
    """A batch that may tell, and a few one by one, whose turn comes round."""
    ids = start(24)

    assert [read(ids) for _ in range(6)] == [(set(), 6)] * 6


def test_who_writes_the_first_metrics_late_is_found(client, start, read):
    """Everybody has a turn within as many rounds as it takes to ask five at a time."""
    ids = start(12)
    for _ in range(4):
        read(ids)
    _measure(client, ids[7:8])

    found = [read(ids)[0] for _ in range(4)]
    assert {ids[7]} in found


def test_whose_metrics_are_deleted_hides_nobody_for_long(client, start, read):
    """A 404 for those that had some lets them be looked for again."""
    ids = start(5)
    _measure(client, ids)
    for _ in range(3):
        read(ids)
    client.send(metrics.delete(ids[0]))

    for _ in range(4):
        found, _ = read(ids)
    assert found == set(ids[1:])
