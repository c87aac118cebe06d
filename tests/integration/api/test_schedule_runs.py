"""Which execution of a schedule is that of a tick, in generated histories."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import islice, pairwise

import pytest

from airflow_provider_aicore import schedule_times
from airflow_provider_aicore.api.schedule_runs import SLACK, select
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
