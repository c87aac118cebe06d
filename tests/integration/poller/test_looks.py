"""How the shared poll looks: singly or by lists, what it asks for, and that nothing is lost or told twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import httpx
import pytest

from airflow_provider_aicore.api import ExecutionStatus
from airflow_provider_aicore.emulator import Options, Progress, Step
from airflow_provider_aicore.poller import Wait, Waiting
from tests.together import RUNNING, kind

TEN_MINUTES = Progress.by_clock(unknown=10, pending=10, running=600)
LISTS = 4


@pytest.mark.parametrize("number", [3, 12])
@pytest.mark.parametrize(
    "way",
    [
        ("RUNNING", "PENDING", "RUNNING"),
        ("RUNNING", "UNKNOWN", "RUNNING"),
        ("STOPPING",),
        pytest.param(("HIBERNATING", "RUNNING"), marks=pytest.mark.not_as_described("a status to come")),
        (),
    ],
    ids="-".join,
)
def test_no_other_status_ends_it(together, way, number):
    """Steps back, skipped and unknown statuses are waited through, singly and by lists."""
    ids = together.start(Progress.by_reads(2, "COMPLETED", through=way), number)

    assert {each.status for each in together.wait_for_all(ids)} == {ExecutionStatus.COMPLETED}


def test_many_that_end_together_are_listed_too(together):
    """Hundreds that have left the lists are found in the lists of what has ended, each as it ended."""
    expected: dict[str, str] = {}
    for end in ("COMPLETED", "DEAD", "STOPPED"):
        expected |= dict.fromkeys(together.start(Progress.by_clock(running=600, outcome=end), 50), end)

    ended = together.wait_for_all(list(expected))

    assert {each.id: each.status.value for each in ended} == expected
    assert together.requests()["read"] == 0


def test_lists_of_what_has_ended_are_left_where_history_is_long(together):
    """Where they cost more than twice the reads they are left half way, and not begun again for a while."""
    page = {"id": "e", "status": "COMPLETED", "createdAt": "2026-01-01T00:00:00Z"}

    async def endless(request):
        is_endless = request.url.params.get("status") == "COMPLETED"
        return httpx.Response(200, json={"resources": [page] * 2500}) if is_endless else None

    together.instead = endless
    ids = [together.start(Progress.by_clock(running=seconds))[0] for seconds in [*[600] * 30, *[800] * 30]]

    ended = together.wait_for_all(ids)

    assert {each.status for each in ended} == {ExecutionStatus.COMPLETED}
    assert together.requests()["read"] == 60
    asked = [request.url.params for _, request in together.asked if kind(request) == "list"]
    assert len([each for each in asked if each["status"] == "COMPLETED"]) == 11


@pytest.mark.parametrize("error", [None, OSError("Too many open files")], ids=["403", "no request"])
def test_trouble_with_the_lists_of_what_has_ended_loses_nothing(together, error):
    """What they do not give is read singly, whatever is wrong with them."""

    async def fail(request):
        ended = request.url.params.get("status") in {"COMPLETED", "DEAD", "STOPPED"}
        if ended and error is not None:
            raise error
        return httpx.Response(403, text="RBAC: access denied") if ended else None

    together.instead = fail
    ids = together.start(Progress.by_clock(running=600), 50)

    assert {each.status for each in together.wait_for_all(ids)} == {ExecutionStatus.COMPLETED}
    assert together.requests()["read"] == 50


def test_history_costs_nothing(together, emulator):
    """What has ended long ago is not asked for, however much it is."""

    def requests():
        together.asked.clear()
        together.wait_for_all(together.start(Progress.by_clock(running=100), 10))
        return together.requests()

    alone = requests()
    together.start(Progress.at_once(), 1000)
    emulator.statuses()

    assert requests() == alone


def test_what_others_run_makes_lists_dear(together):
    """Among hundreds that nobody here waits for, a handful is read singly."""
    together.start(RUNNING, 600)

    together.wait_for_all(together.start(RUNNING, 5), seconds=200)

    assert together.requests()["list"] == LISTS
    assert together.requests()["read"] >= 5 * 5


def test_lists_are_given_up_when_they_cost_too_much(together):
    """Lists that turn out to be endless are left after twice the cost of single reads."""
    page = {"id": "e", "status": "UNKNOWN", "createdAt": "2026-01-01T00:00:00Z"}

    async def endless(request):
        return httpx.Response(200, json={"resources": [page] * 2500}) if kind(request) == "list" else None

    together.instead = endless
    ended = together.wait_for_all(together.start(Progress.by_clock(), 5))

    assert {each.status for each in ended} == {ExecutionStatus.COMPLETED}
    assert together.requests()["list"] == 3


def test_absence_is_no_result(together, emulator):
    """An execution that no list shows is read before anything is believed, and waited for to its end."""
    ids = together.start(Progress.by_clock(unknown=150), 10)

    async def empty_lists(request):
        if kind(request) == "list":
            return httpx.Response(200, json={"count": 0, "resources": []})
        return None

    together.instead = empty_lists
    ended = together.wait_for_all(ids)

    assert [each.id for each in ended] == ids
    assert {each.status for each in ended} == {ExecutionStatus.COMPLETED}
    # Strays make lists dear as well: the next looks are single ones, and they are not listed for nothing.
    assert together.requests()["list"] <= 3 * LISTS


@pytest.mark.parametrize("emulator_options", [Options(list_lag=40.0)], ids=["lagging-lists"])
def test_a_list_that_lags_ends_nothing(together, emulator_options):
    """What was just created may be missing in lists."""
    ids = together.start(Progress.by_clock(unknown=100), 10)

    assert {each.status for each in together.wait_for_all(ids)} == {ExecutionStatus.COMPLETED}


def test_smaller_pages_are_asked_for_if_need_be(together):
    """413 is answered with smaller pages, of which all are read."""

    async def refuse(request):
        too_large = kind(request) == "list" and int(request.url.params["$top"]) > 125
        return httpx.Response(413, text="Payload Too Large") if too_large else None

    together.instead = refuse
    ids = together.start(Progress.by_clock(running=10), 130)

    assert {each.status for each in together.wait_for_all(ids)} == {ExecutionStatus.COMPLETED}
    tops = [int(request.url.params["$top"]) for _, request in together.asked if kind(request) == "list"]
    assert tops[:5] == [2500, 1000, 500, 250, 125]
    assert set(tops[5:]) == {125}
    assert any(request.url.params.get("$skip") == "125" for _, request in together.asked)


def test_lists_do_without_select_where_it_is_refused(together):
    """What a list with `$select` holds is not documented, so that it may be refused."""

    async def refuse(request):
        return httpx.Response(400, json={}) if "$select" in request.url.params else None

    together.instead = refuse
    ids = together.start(Progress.by_clock(), 10)

    assert {each.status for each in together.wait_for_all(ids)} == {ExecutionStatus.COMPLETED}
    assert sum("$select" in request.url.params for _, request in together.asked) == 1


@pytest.mark.parametrize("status", [404, 405, 500])
def test_without_lists_all_are_read_singly(together, status):
    """If there are no lists, or they fail again and again, each one is read."""

    async def refuse(request):
        return httpx.Response(status, json={}) if kind(request) == "list" else None

    together.instead = refuse
    ids = together.start(Progress.by_clock(running=60), 10)

    assert {each.status for each in together.wait_for_all(ids)} == {ExecutionStatus.COMPLETED}
    assert together.requests()["list"] <= 3


def test_an_outage_is_no_reason_to_do_without_lists(together):
    """Lists are not to blame for what fails as well when it is read singly: after it all are listed."""
    ids = together.start(RUNNING, 30)
    begin = together.clock.now()

    async def fail(_request):
        return httpx.Response(503) if 100 < together.clock.now() - begin < 200 else None

    together.instead = fail
    together.wait_for_all(ids, seconds=600, requests_per_minute=0.01)

    after = Counter(kind(request) for at, request in together.asked if at - begin >= 200)
    assert after["list"] >= 10 * LISTS
    assert after["read"] <= 3


def test_a_list_that_heeds_no_filter_ends_nothing_by_itself(together):
    """What a list shows as ended is read in full, once."""

    async def unfiltered(request):
        if kind(request) != "list":
            return None
        return together.emulator.handle(
            httpx.Request("GET", request.url.copy_remove_param("status"), headers=request.headers)
        )

    together.instead = unfiltered
    ids = together.start(Progress.by_clock(running=60), 10)

    assert all(each.completion_time for each in together.wait_for_all(ids))
    assert together.requests()["read"] == 10


def test_only_those_whose_status_changed_are_woken(together):
    """Each wait is given each change once; one that stays where it is is left alone."""
    moving = together.start(
        Progress((Step("RUNNING", after_seconds=50), Step("DEAD", after_seconds=100))), 20
    )
    staying = together.start(RUNNING, 20)
    given: dict[str, list[str]] = {}

    async def iterate(execution_id):
        waiting = Waiting(
            Wait(execution_id, seconds=300),
            log=together.log,
            connection="default",
            connect=together.connect,
            wall=together.clock.now,
        )
        async with waiting:
            async for seen in waiting:
                given.setdefault(execution_id, []).append(seen.status.value)

    async def main():
        await asyncio.gather(*(iterate(each) for each in moving + staying))

    together.run(main())

    assert {tuple(given[each]) for each in moving} == {("UNKNOWN", "RUNNING", "DEAD")}
    assert {tuple(given[each]) for each in staying} == {("UNKNOWN",)}


def test_several_may_wait_for_the_same(together):
    """All that wait for an execution see its end for the price of one; latecomers are told at once."""
    (execution_id,) = together.start(Progress.by_clock(running=300))

    async def main():
        first = asyncio.create_task(together.wait(execution_id))
        await asyncio.sleep(100)
        second = asyncio.create_task(together.wait(execution_id, seconds=0.5))
        third = asyncio.create_task(together.wait(execution_id))
        return await asyncio.gather(first, second, third)

    first, second, third = together.run(main())

    assert first.status == third.status == ExecutionStatus.COMPLETED
    assert second.status is ExecutionStatus.RUNNING
    assert together.requests()["read"] <= 25


def test_nothing_is_lost_and_nothing_doubled_whatever_happens(together):
    """Executions of all lengths end with their own status, while a fifth of all answers is trouble."""
    draw = random.Random(7)
    expected = {}
    for end in ("COMPLETED", "DEAD", "STOPPED"):
        for _ in range(10):
            way = Progress.by_clock(unknown=draw.uniform(1, 200), running=draw.uniform(1, 900), outcome=end)
            expected[together.start(way)[0]] = end

    async def trouble(request):
        if kind(request) == "token" or draw.random() > 0.2:
            return None
        if draw.random() < 0.3:
            raise httpx.ReadError("lost", request=request)
        status = 429 if draw.random() < 0.02 else draw.choice([500, 502, 503, 504])
        return httpx.Response(status, headers={"Retry-After": "7"})

    together.instead = trouble
    ended = together.wait_for_all(list(expected), jitter=draw.random)

    assert {each.id: each.status.value for each in ended} == expected


def test_the_time_is_over(together):
    """When the time is over the caller gets the execution as it was seen last."""
    begin = together.clock.now()
    (execution,) = together.wait_for_all(together.start(RUNNING), seconds=70)

    assert execution.status is ExecutionStatus.UNKNOWN
    assert together.clock.now() - begin == pytest.approx(70)


def test_a_time_that_is_over_before_it_begins_asks_nothing(together):
    """There is nothing to look for then."""
    assert together.wait_for_all(together.start(RUNNING), seconds=0, first_look_after=5) == [None]
    assert together.requests()["read"] == 0


def test_nothing_is_told_before_the_first_look(together):
    """A task that is woken while its worker still exits would be failed, also if others look already."""
    ended = together.start(Progress.at_once())
    others = together.start(RUNNING, 10)

    async def main():
        tasks = [asyncio.create_task(together.wait(each)) for each in others]
        await asyncio.sleep(100)
        begin = together.clock.now()
        await together.wait(ended[0], first_look_after=5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return together.clock.now() - begin

    assert 5 <= together.run(main()) <= 6.5


@pytest.mark.parametrize("number", [2, 10])
@pytest.mark.parametrize("status", ["UNKNOWN", "PENDING"])
def test_an_execution_that_does_not_start_in_time_ends_its_wait(together, clock, status, number):
    """It comes back in full and as it is when the time since its creation is over, listed or not."""
    begin = clock.now()
    ended = together.wait_for_all(together.start(Progress.stuck(status), number), pending_timeout=600)

    assert {each.status.value for each in ended} == {status}
    assert 600 <= clock.now() - begin <= 605
    assert all(hasattr(each, "start_time") for each in ended)


@pytest.mark.parametrize("number", [2, 10])
def test_an_execution_that_has_started_is_never_overdue(together, number):
    """A list does not say that it has, so it is read before it is given up."""
    steps = (
        Step("RUNNING", after_seconds=50),
        Step("PENDING", after_seconds=50),
        Step("DEAD", after_seconds=900),
    )
    ended = together.wait_for_all(together.start(Progress(steps), number), pending_timeout=300)

    assert {each.status for each in ended} == {ExecutionStatus.DEAD}


def test_an_age_counts_from_the_creation(together, caplog):
    """Lines give the execution's age, not the wait's."""
    caplog.set_level("INFO", logger="wait")
    together.wait_for_all(together.start(RUNNING, ago=400), seconds=2)

    assert "is UNKNOWN after 401 s." in caplog.text


def test_the_end_is_not_said_here(together, caplog):
    """That is the caller's to tell, also when nothing was said for long."""
    caplog.set_level("INFO", logger="wait")
    running = together.start(Progress.by_clock(unknown=0, pending=0, running=610))
    together.wait_for_all(running, interval=5, jitter=lambda: 1.0)

    assert "is RUNNING" in caplog.text
    assert "is COMPLETED" not in caplog.text
