"""Which execution of a schedule is that of a tick, in generated histories."""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from itertools import islice, pairwise
from typing import Any

import httpx
import pytest

from airflow_provider_aicore import schedule_times
from airflow_provider_aicore.api.schedule_runs import SLACK, select
from airflow_provider_aicore.scheduled_execution import NotComingError, Search, look
from tests.schedule_history import BEGIN, make_execution, make_schedule

SECOND = timedelta(seconds=1)


def _history(chance, ticks):
    """Make what AI Core may do at each tick: the executions, and those that are to be found for it."""
    executions, found, number = [], {}, 0
    for tick, following in pairwise(ticks):
        # Soon (twice), on the dot, late, just too late, too late, missing, doubled, in one second, and both.
        delays = chance.choice(
            [
                [chance.uniform(0, 1) * SLACK],
                [chance.uniform(0, 1) * SLACK],
                [timedelta(0)],
                [SLACK - SECOND],
                [SLACK],
                [SLACK + chance.uniform(0, 0.9) * (following - tick - SLACK)],
                [],
                [chance.uniform(0, 0.5) * SLACK, chance.uniform(0.5, 1) * SLACK],
                [SLACK / 3, SLACK / 3],
                [SLACK / 2, SLACK + SECOND],
            ]
        )
        made = []
        for delay in delays:
            status = chance.choice(["COMPLETED", "DEAD", "RUNNING", "UNKNOWN"])
            made.append(make_execution(tick + delay, number, status))
            number += 1
        executions += made
        found[tick] = [one for one in made if one.created_at < tick + SLACK]
    chance.shuffle(executions)
    return executions, found


@pytest.mark.parametrize("cron", ["0 * * * *", "30 2 * * 1-5", "0 0,1,12 * * *", "15 */6 1,15 * *"])
def test_the_execution_of_each_tick_is_found_in_any_history(cron):
    """Whether starts are late, missing, doubled or overlap, and whatever became of the executions."""
    cron = schedule_times.normalised(cron)
    for seed in range(30):
        chance = random.Random(seed)
        ticks = list(islice(schedule_times.ticks(cron, BEGIN + timedelta(days=seed)), 7))
        executions, found = _history(chance, ticks)
        for tick, following in pairwise(ticks):
            selection = select(make_schedule(cron), executions, tick, following)
            expected = found[tick]
            assert selection.execution == (expected[0] if expected else None), (seed, tick)
            assert list(selection.doubles) == expected[1:], (seed, tick)
            assert (list(selection.ticks), selection.due_by) == ([tick], tick + SLACK)


def _look(schedule, executions, start, end, retry):
    """Look as the sensor does a month later, at an AI Core that has had this history."""
    search = Search.of(
        since=end, execution_schedule_id=schedule.id, data_interval_start=start, data_interval_end=end
    )
    month_later = (end + timedelta(days=30)).timestamp()
    flow = look(search, retry, logging.getLogger(__name__), wall=lambda: month_later)
    answers = {
        f"/lm/executionSchedules/{schedule.id}": schedule.model_dump(mode="json", by_alias=True),
        "/lm/executions": {
            "count": len(executions),
            "resources": [one.model_dump(mode="json", by_alias=True) for one in executions],
        },
    }
    call: Any = next(flow)
    while True:
        request = httpx.Request(call.method, f"https://api.ai.example.com{call.path}")
        try:
            call = flow.send(httpx.Response(200, json=answers[call.path], request=request))
        except StopIteration as done:
            return done.value


@pytest.mark.parametrize("cron", ["0 * * * *", "30 2 * * 1-5", "0 0,1,12 * * *", "15 */6 1,15 * *"])
def test_a_look_finds_it_or_says_which_ticks_and_executions_there_are(cron, retry):
    """In any history, as the sensor looks: the ticks are those of the data interval."""
    cron = schedule_times.normalised(cron)
    missing = 0
    for seed in range(25):
        ticks = list(islice(schedule_times.ticks(cron, BEGIN + timedelta(days=seed)), 4))
        executions, found = _history(random.Random(seed), ticks)
        history = (make_schedule(cron), executions, ticks[1], ticks[3], retry)
        if expected := found[ticks[2]]:
            assert _look(*history).id == expected[0].id, seed
            continue
        missing += 1
        with pytest.raises(NotComingError) as told:
            _look(*history)
        assert f"of the tick {ticks[2]}" in str(told.value)
        assert f"in the data interval: {ticks[1]}, {ticks[2]}." in str(told.value)
        assert f"that are there: {len(executions)}" in str(told.value)
    assert missing > 3
