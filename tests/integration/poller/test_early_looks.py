"""When the shared poll looks at executions: by their age, their intervals, and the budget of a group."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from airflow_provider_aicore.emulator import Progress
from tests.together import RUNNING


def test_looks_at_an_old_execution_are_an_interval_apart(together):
    """A look comes never later than the interval, and little earlier."""
    together.wait_for_all(together.start(RUNNING, ago=9999), seconds=3600, interval=60, jitter=lambda: 0.5)

    assert {round(after - before) for before, after in pairwise(together.times("read"))} <= {58, 59}


def test_waits_with_different_intervals_are_each_given_theirs(together):
    """One that may be slow does not make the others slow, nor the other way round."""
    often, seldom = together.start(RUNNING, 2, ago=9999)

    async def main():
        waits = (
            together.wait(often, interval=10, seconds=600),
            together.wait(seldom, interval=300, seconds=600),
        )
        await asyncio.gather(*waits)

    together.run(main())

    assert 60 <= together.requests(often)["read"] <= 64
    assert together.requests(seldom)["read"] <= 3


@pytest.mark.parametrize("runs", [8, 20, 50, 120])
def test_the_end_of_a_short_execution_is_seen_soon(together, clock, runs):
    """Not an interval late, but a quarter of its duration, and 6 s."""
    begin = clock.now()
    together.wait_for_all(together.start(Progress.by_clock(unknown=1, pending=1, running=runs - 2)))

    assert clock.now() - begin - runs <= max(6, runs / 4 + 2)


def test_an_end_that_is_expected_is_seen_soon(together, clock):
    """Whoever knows about how long it takes is not told half an interval late."""
    begin = clock.now()
    ids = together.start(Progress.by_clock(unknown=1, pending=1, running=3600))
    together.wait_for_all(ids, interval=300, expected_duration=3600)

    assert clock.now() - begin - 3602 <= 6


def test_early_looks_keep_to_the_budget(together):
    """Young executions get no more requests in a minute than are given for all, beside the intervals' own."""
    together.wait_for_all(together.start(RUNNING, 4), seconds=120, interval=60, requests_per_minute=10)

    assert 12 <= together.requests()["read"] <= 20 + 4


def test_a_budget_that_is_spent_holds_no_look_back(together):
    """What the intervals ask for is done in any case."""
    together.wait_for_all(
        together.start(RUNNING, 2, ago=9999), seconds=300, interval=10, requests_per_minute=1
    )

    assert together.requests()["read"] >= 2 * 29
