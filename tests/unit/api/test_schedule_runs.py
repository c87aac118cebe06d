"""Which execution of a schedule is that of a tick."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_aicore.api.schedule_runs import SLACK, select
from tests.schedule_history import BEGIN, make_execution, make_schedule

SECOND = timedelta(seconds=1)


def test_the_execution_of_a_tick_is_the_first_within_the_slack():
    """Later ones are its doubles until the slack is over; what comes then belongs to no tick."""
    delays = (SLACK, SLACK / 2, timedelta(0), SLACK - SECOND)
    executions = [make_execution(BEGIN + delay, number) for number, delay in enumerate(delays)]

    selection = select(make_schedule(), executions, BEGIN, BEGIN + timedelta(hours=1))

    assert selection.execution == executions[2]
    assert list(selection.doubles) == [executions[1], executions[3]]
    assert select(make_schedule(), executions[:1], BEGIN, BEGIN + timedelta(hours=1)).execution is None


def test_of_several_ticks_the_last_one_counts():
    """An interval of a day over an hourly schedule means its last execution; all ticks are told."""
    executions = [make_execution(BEGIN + timedelta(hours=hour, minutes=5), hour) for hour in range(48)]

    selection = select(make_schedule(), executions, BEGIN, BEGIN + timedelta(days=1))

    assert selection.execution == executions[23]
    assert len(selection.ticks) == 24
    assert select(make_schedule(), executions[:23], BEGIN, BEGIN + timedelta(days=1)).execution is None


def test_an_interval_without_a_tick_has_no_execution():
    """Nor has an empty one, which runs by hand have."""
    executions = [make_execution(BEGIN + timedelta(minutes=5))]

    for start, end in ((BEGIN + SECOND, BEGIN + timedelta(hours=1)), (BEGIN, BEGIN)):
        selection = select(make_schedule(), executions, start, end)
        assert (selection.execution, list(selection.ticks), selection.due_by) == (None, [], None)


@pytest.mark.parametrize(
    "change",
    [
        {"start": BEGIN + SECOND},
        {"end": BEGIN},
        {"createdAt": BEGIN + SECOND},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_schedule_has_ticks_while_it_is_there(change):
    """Not before its start and creation, and not from its end on."""
    assert list(select(make_schedule(), [], BEGIN, BEGIN + SECOND).ticks) == [BEGIN]
    assert list(select(make_schedule(**change), [], BEGIN, BEGIN + SECOND).ticks) == []


def test_what_comes_after_the_next_tick_is_that_one_s():
    """Also with more slack than there is between two ticks."""
    executions = [make_execution(BEGIN + timedelta(minutes=65))]
    generous = timedelta(hours=3)

    at = [
        select(make_schedule(), executions, tick, tick + SECOND, slack=generous).execution
        for tick in (BEGIN, BEGIN + timedelta(hours=1))
    ]

    assert at == [None, executions[0]]


def test_the_newest_is_the_one_created_last():
    """In whatever order they are listed, and whatever the interval."""
    executions = [make_execution(BEGIN - timedelta(days=day), day) for day in (3, 1, 2)]

    assert select(make_schedule(), executions, BEGIN, BEGIN, pick="newest").execution == executions[1]
    assert select(make_schedule(), [], BEGIN, BEGIN, pick="newest").execution is None


def test_the_next_is_the_first_one_from_the_start_on():
    """It need not be that of a tick, and what was there before is not new."""
    executions = [make_execution(BEGIN + timedelta(minutes=minutes)) for minutes in (50, -1, 40)]

    assert select(make_schedule(), executions, BEGIN, BEGIN, pick="next").execution == executions[2]
    assert (
        select(make_schedule(), executions, executions[2].created_at, BEGIN, pick="next").execution
        == (executions[2])
    )
    assert select(make_schedule(), executions[1:2], BEGIN, BEGIN, pick="next").execution is None


def test_a_tick_at_the_very_end_counts_if_it_has_started_something():
    """AI Core does not say whether it does; the execution of an hour before must not be taken for it."""
    schedule = make_schedule(end=BEGIN + timedelta(hours=1))
    before, at_end = make_execution(BEGIN, 1), make_execution(BEGIN + timedelta(hours=1, minutes=5), 2)

    day = (BEGIN, BEGIN + timedelta(days=1))

    assert select(schedule, [before, at_end], *day).execution == at_end
    assert select(schedule, [before], *day).execution == before
