"""Cron expressions, starts and ends of execution schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_aicore import schedule_times

START = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "normalised"),
    [
        ("0 */6 * * *", "0 0,6,12,18 * * *"),
        ("0 0 * * fri-mon", "0 0 * * 0,1,5,6"),
        ("0 9,10,11,13 * * mon-fri", "0 9-11,13 * * 1-5"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("00 03 ? * *", "0 3 * * *"),
        ("@quarterly", "0 0 1 1,4,7,10 *"),  # Airflow's own; croniter does not know it.
        ("0 0 30 feb mon", "0 0 30 2 1"),  # Mondays, though no 30 February comes.
        ("5-5 0 * * *", "5 0 * * *"),  # croniter takes it for any minute.
    ],
)
def test_an_expression_becomes_numbers_lists_and_ranges(expression, normalised):
    """Steps, names, presets and leading zeros go; three numbers in a row become a range."""
    assert schedule_times.normalised(expression) == normalised


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("", "it has 0 fields, but AI Core has five"),
        ("0 0 * *", "it has 4 fields"),
        ("0 0 * * * *", "it has 6 fields.*none for seconds and years"),
        ("0 0 0 1 1 * 2026", "it has 7 fields"),
        ("0 0 * * * 2026", "it has 6 fields"),
        (None, "None, but text"),
        (5, "5, but text"),
        ("@reboot", "of the presets @hourly, @daily, .* can be written"),
        ("@once", "of the presets"),
        ("@continuous", "of the presets"),
        ("@", "of the presets"),
        ("60 0 * * *", "minute is 60, but must be from 0 to 59"),
        ("0 24 * * *", "hour is 24, but must be from 0 to 23"),
        ("0 0 0 1 *", "day of the month is 0, but must be from 1 to 31"),
        ("0 0 32 * *", "day of the month is 32"),
        ("0 0 1 0 *", "month is 0, but must be from 1 to 12"),
        ("0 0 1 13 *", "month is 13"),
        ("0 0 * * 8", "weekday is 8, but must be from 0 to 7"),
        ("0 0 * * 1-8", "weekday is 8"),
        ("0 0 1-32 * *", "day of the month is 32"),
        ("0 0 * * monday", "'monday' is no weekday, but its names are sun, mon"),
        ("0 0 * * mo", "weekday 'mo' cannot be read"),
        ("0 0 * january *", "'january' is no month, but its names are jan, feb"),
        ("0 0 * mon *", "'mon' is no month"),
        ("0 0 * * jan", "'jan' is no weekday"),
        ("0 0 mon * *", "'mon' is no day of the month, which has no names"),
        ("0 0 * foo-dec *", "'foo' is no month"),
        *(
            (f"0 0 {day} * *", "cannot be read.*such as L, W, # and H")
            for day in ("L", "15W", "LW", "H", "L-3")
        ),
        *((f"0 0 * * {day}", "cannot be read") for day in ("5L", "5#2", "L5", "mon#1", "H")),
        *(
            (f"{minute} 0 * * *", "cannot be read")
            for minute in ("H", "R", "?", "H/15", "R(0-5)", "-1", "1-")
        ),
        *(
            (f"{minute} 0 * * *", "cannot be read")
            for minute in ("1-2-3", "1,", ",1", "1,,2", "**", "1.5", "~")
        ),
        *(
            (f"{minute} 0 * * *", "cannot be read")
            for minute in ("*-5", "5-*", "*/", "/5", "*/x", "+5", "100")
        ),
        ("٣ 0 * * *", "cannot be read"),
        ("? ? * * *", "cannot be read"),
        ("*/0 0 * * *", "step of minute '.*/0' is 0, but must be from 1 to 60"),
        ("*/61 0 * * *", "is 61, but must be from 1 to 60"),
        ("0 */25 * * *", "is 25, but must be from 1 to 24"),
        ("0 0 * * 1-5/8", "is 8, but must be from 1 to 7"),
        ("50-10/7 0 * * *", "programs disagree where the steps of minute '50-10/7' fall"),
        ("0 0 * * fri-mon/2", "programs disagree where"),
        ("0 0 30 2 *", "none of its months has such a day"),
        ("0 0 31 2,4,6,9,11 *", "none of its months"),
        ("0 0 30-31 feb ?", "none of its months"),
        ("0 0 */2 * 1", "day of the month '.*/2' or weekday '1' has to fit, or both"),
        ("0 0 1 * */2", "programs disagree"),
        ("0 0 1-31 * 1", "programs disagree"),
        ("0 0 1 * 0-6", "programs disagree"),
        ("0 0 1 * sun-sat", "programs disagree"),
        ("0 0 */1 * 1", "programs disagree"),
        ("0 0 *,1 * 1", "programs disagree"),
    ],
)
def test_what_cannot_be_read_or_not_in_one_way_only_is_refused(expression, complaint):
    """Other fields, names and signs, days that never come, what programs disagree about: with the reason."""
    with pytest.raises(ValueError, match=f"(?s)^cron is .*{complaint}"):
        schedule_times.normalised(expression)


@pytest.mark.parametrize(
    ("expression", "hours"),
    [
        ("* * * * *", 1 / 60),
        ("0,30 * * * *", 0.5),
        ("0,59 3 * * *", 59 / 60),
        ("0 * * * *", 1),
        ("0 0,23 * * *", 1),
        ("0 0,6,12,18 * * *", 6),
        ("0 22,2 * * *", 4),
        ("0 3 * * 1", 24),
    ],
)
def test_the_shortest_interval_is_that_of_the_closest_ticks(expression, hours):
    """Within an hour, from hour to hour, and over midnight."""
    expression = schedule_times.normalised(expression)

    assert schedule_times.shortest_interval(expression) == timedelta(hours=hours)
    schedule_times.check_interval(expression, timedelta(hours=hours))
    with pytest.raises(ValueError, match=r"apart, but AI Core wants .* at least"):
        schedule_times.check_interval(expression, timedelta(hours=hours, seconds=1))


def test_ticks_begin_with_the_start_and_end_before_the_end():
    """What is due at the very start is due, what is due at the very end is not."""
    start = datetime(2026, 1, 5, 3, tzinfo=UTC)

    found = list(schedule_times.ticks("0 3 * * 1", start, start + timedelta(days=14)))

    assert found == [start, start + timedelta(days=7)]


def test_ticks_end_with_the_calendar():
    """After the year 9999 there is nothing, rather than an error."""
    start = datetime(9999, 12, 30, tzinfo=UTC)

    assert list(schedule_times.ticks("0 0 * * *", start))[:2] == [start, start + timedelta(days=1)]
    assert list(schedule_times.ticks("0 0 29 2 *", start)) == []


def test_an_end_comes_after_the_start():
    """The same instant is no end, and one of the two alone is fine."""
    schedule_times.check_order(START, START + timedelta(seconds=1))
    schedule_times.check_order(None, START)
    with pytest.raises(ValueError, match=r"end is 2026-11-22T07:30:00\+00:00, but has to be after start"):
        schedule_times.check_order(START, START)
