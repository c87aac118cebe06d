"""Stops that come together: how many requests they take, and what becomes of each."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_aicore.api import AsyncClient, ServiceKey, configurations, executions
from airflow_provider_aicore.emulator import Answer, Options, Progress
from airflow_provider_aicore.stops import Gathered, end_together

RUNNING = Progress.by_clock(unknown=0, pending=0, running=1e6)
without_bulk = pytest.mark.parametrize("emulator_options", [Options(bulk_updates=False)], ids=["no bulk"])


@pytest.fixture
def start(client, emulator):
    """Return a function that starts so many executions that move as told, and returns their ids."""
    call = configurations.create(
        name="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    configuration_id = client.send(call).id

    def start(count, progress=RUNNING):
        emulator.script("text-clf-train", progress)
        return [client.send(executions.create(configuration_id)).id for _ in range(count)]

    return start


@pytest.fixture
def end(emulator, clock, retry):
    """Return a function that ends executions and returns why some may go on."""

    def end(execution_ids, seconds=20.0):
        async def run():
            key = ServiceKey.parse(emulator.service_key)
            options = {"transport": emulator.transport(), "now": clock.now, "retry": retry}
            async with AsyncClient(key, sleep=clock.asleep, **options) as client:
                return await end_together(client, execution_ids, seconds, now=clock.now)

        return asyncio.run(run())

    return end


def _changes(emulator):
    return [request for request in emulator.requests if request.method in {"PATCH", "DELETE"}]


def _targets(client, execution_ids):
    listed = {each.id: each.target_status for each in client.send(executions.query())}
    return {listed[execution_id] for execution_id in execution_ids}


def test_a_hundred_are_stopped_with_one_request(start, end, client, emulator):
    """More take one request for each hundred; most of these have been deleted, which is no trouble."""
    ids = [f"e{number:015x}" for number in range(201)]
    ids[0], ids[99], ids[100], ids[200] = there = start(4)

    assert end(ids) == {}
    assert [len(request.json["executions"]) for request in _changes(emulator)] == [100, 100, 1]
    assert _targets(client, there) == {"STOPPED"}


@without_bulk
def test_without_bulk_requests_they_are_stopped_one_by_one(start, end, client):
    """The tenant says that it has no bulk requests."""
    ids = start(5)

    assert end(ids) == {}
    assert _targets(client, ids) == {"STOPPED"}


def test_one_is_stopped_without_asking_what_the_tenant_can_do(start, end, emulator):
    """A single stop is a single request."""
    ids = start(1)
    emulator.requests.clear()

    assert end(ids) == {}
    assert [request.path for request in emulator.requests if "/lm/" in request.path] == [
        f"/v2/lm/executions/{ids[0]}"
    ]


@pytest.mark.parametrize("count", [1, 2])
def test_what_has_not_begun_is_stopped_as_soon_as_it_can_be(start, end, client, count):
    """AI Core refuses to stop an execution that is UNKNOWN, so it is asked again."""
    ids = start(count, Progress.by_clock(unknown=6, running=1e6))

    assert end(ids) == {}
    assert _targets(client, ids) == {"STOPPED"}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    "emulator_options",
    [Options(bulk_updates=bulk, deletion_seconds=1e6) for bulk in (True, False)],
    ids=["bulk", "single"],
)
def test_what_does_not_begin_is_deleted(start, end, client, count):
    """What cannot be stopped in half of the time is deleted, which AI Core allows before the start."""
    ids = start(count, Progress())

    assert end(ids) == {}
    assert _targets(client, ids) == {"DELETED"}


def test_each_verdict_counts(start, end, client):
    """What has ended and what does not exist is no trouble, and nothing of it is deleted."""
    ended, running = start(2, Progress.at_once()), start(2)

    assert end([*ended, *running, "e0123456789abcde"]) == {}
    assert _targets(client, ended) == {"COMPLETED"}
    assert _targets(client, running) == {"STOPPED"}


def test_what_may_go_on_is_told(start, end, emulator):
    """An execution whose stop was refused to the end is named with the reason."""
    (refused, *_) = ids = start(2)
    verdict = {"id": refused, "error": {"code": "01010099", "message": "not today"}}
    stopped = {"id": ids[1], "message": "Execution modification scheduled"}
    emulator.faults.add(
        Answer(202, json={"executions": [verdict, stopped]}),
        method="PATCH",
        path="/lm/executions",
        times=None,
    )

    refusals = end(ids)

    assert set(refusals) == {refused}
    assert "01010099, not today" in refusals[refused]


def test_no_verdict_is_no_stop(start, end, emulator):
    """An id that is missing in the answer was not stopped."""
    ids = start(2)
    emulator.faults.add(
        Answer(202, json={"executions": []}), method="PATCH", path="/lm/executions", times=None
    )

    assert set(end(ids)) == set(ids)


def test_refused_credentials_are_told_for_each(start, end, emulator):
    """Trouble with the whole request is the reason for each."""
    ids = start(2)
    emulator.faults.add(Answer(403, "RBAC: access denied"), method="PATCH", path="/lm/", times=None)

    refusals = end(ids)

    assert set(refusals) == set(ids)
    assert all("403" in reason for reason in refusals.values())


def test_what_comes_within_a_moment_is_done_together():
    """The next moment's is done for itself."""
    batches = []

    async def work(items):
        batches.append(sorted(items))
        return {item: -item for item in items}

    async def run():
        gathered = Gathered(work, sleep=lambda _seconds: asyncio.sleep(0))
        return [await asyncio.gather(*map(gathered.ask, some)) for some in ([1, 2], [3])]

    assert asyncio.run(run()) == [[-1, -2], [-3]]
    assert batches == [[1, 2], [3]]


def test_who_is_cancelled_leaves_the_others_alone():
    """A question that is no longer waited for does not take the others' answers away."""

    async def work(items):
        await asyncio.sleep(0)
        return dict.fromkeys(items, "done")

    async def run():
        gathered = Gathered(work, sleep=lambda _seconds: asyncio.sleep(0))
        first, second = (asyncio.ensure_future(gathered.ask(item)) for item in (1, 2))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(run()) == "done"
