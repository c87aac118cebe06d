"""Cron expressions of execution schedules, judged by two other libraries."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from croniter import croniter
from dateutil import rrule

from airflow_provider_aicore import schedule_times

START = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
FORMS = {
    "{} 0 * * *": [
        *(
            "0",
            "00",
            "07",
            "59",
            "*",
            "*/1",
            "*/15",
            "*/7",
            "*/60",
            "0/15",
            "7/20",
            "5-20",
            "5-20/5",
            "50-10",
        ),
        *("1,1,2", "10,5", "0-59", "0-59/30", "1-3,5,10-20/5", "58-1,30", "*,5"),
    ],
    "{} 3 1,15 2-4 *": ["0", "30", "*/30", "0,59", "15-45/15", "1-31/3", "*", "2/29", "0-4", "57-59,0"],
    "0 {} * * *": [
        *(
            "0",
            "03",
            "23",
            "*",
            "*/2",
            "*/6",
            "*/7",
            "*/24",
            "0/6",
            "5/5",
            "9-17",
            "9-17/2",
            "22-2",
            "3-22/5",
        ),
        *("0,12", "12,0", "0-23", "9,10,11", "6-8,18-20", "23-0", "1-23/2"),
    ],
    "45 {} 10-20/10 * *": ["6", "*/8", "1-5", "12,18", "0-20/10", "21-1", "*", "8", "4/9", "11,7"],
    "30 {} * 6 mon": ["0", "9-17/4", "4-20/4", "*/12", "1,2,3,5", "*", "0-22/2", "23", "3,4", "22-23"],
    "0 0 {} * *": [
        *("1", "01", "31", "*", "?", "*/2", "*/5", "*/31", "1/5", "10/10", "1-7", "1-7/2", "28-3", "5-27/3"),
        *("1,15", "15,1", "1-31", "29,30,31", "1-3,28-31", "31,1"),
    ],
    "5 4 {} 2,6 ?": ["29", "28-31", "30", "*/7", "1/30", "30-1", "*", "?", "2-30/7", "1,31"],
    "0 6 1,31 {} *": [
        *(
            "1",
            "01",
            "12",
            "*",
            "*/3",
            "*/5",
            "2/3",
            "1-3",
            "11-2",
            "3-10/2",
            "jan",
            "DEC",
            "Jan-Mar",
            "nov-feb",
        ),
        *("jan,jul", "jan-dec", "1,feb,3", "apr-oct/2", "nov/1", "jan/6", "*/12"),
    ],
    "0 12 * {} 1-5": ["2", "feb-apr", "12-1", "*/4", "jun,7,aug", "*", "may-oct/3", "2/2", "9,10,11,12"],
    "30 3,15 * * {}": [
        *(
            "0",
            "7",
            "6",
            "*",
            "?",
            "*/2",
            "*/7",
            "*/3",
            "0/2",
            "3/2",
            "1-5",
            "1-5/2",
            "5-7",
            "0-7",
            "1-7",
            "7-2",
        ),
        *(
            "6-1",
            "6-0",
            "4-6/2",
            "0-7/2",
            "1-7/2",
            "0,7",
            "7,1",
            "sun",
            "Mon",
            "mon-fri",
            "fri-mon",
            "sat-sun",
        ),
        *("sun-tue", "sun-sat", "mon,wed,FRI", "mon-fri/2", "tue,4,6-7", "7/2", "00"),
    ],
    "15 10 * 1,7 {}": ["mon", "6-7", "*/4", "sat,sun", "fri-sun", "tue-thu", "thu-tue", "1,3-5", "0"],
    "0 0 {} * 1": ["1", "31", "1-7", "1,15", "28-3", "1/10", "1-15/5", "13"],
    "0 0 13 * {}": ["5", "fri", "sat-sun", "5-7", "0/3", "7", "mon-fri"],
    "0 6 29 2 {}": ["0", "mon", "*", "?", "sat,sun"],
}
WHOLE = [
    *("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually", "@DAILY", " @daily "),
    *("1 1 1 1 1", "0 0 * * *", " 0  0\t* *  * ", "0\n0 * * *", "0 3 1 1 0", "59 23 31 12 6", "0 0 29 2 *"),
]
EXPRESSIONS = {form: [form.format(one) for one in ones] for form, ones in FORMS.items()} | {"whole": WHOLE}


def _ticks_of_croniter(expression, most):
    clock = croniter(expression.strip(), START - timedelta(seconds=1))
    return [clock.get_next(datetime) for _ in range(most)]


def _ticks_of_rrule(expression, most):
    """Ask an implementation of another standard, which knows neither cron nor its "either day fits"."""
    numbers = [
        None if part == "*" else [number for run in part.split(",") for number in _run(run)]
        for part in expression.split()
    ]
    minutes, hours, days, months, weekdays = numbers
    common = {
        "byminute": range(60) if minutes is None else minutes,
        "byhour": range(24) if hours is None else hours,
        "bymonth": months,
        "bysecond": 0,
        "dtstart": START,
    }
    by_day = {"bymonthday": days} if days else {}
    by_weekday = {"byweekday": [(number - 1) % 7 for number in weekdays]} if weekdays else {}
    rules = [by_day, by_weekday] if by_day and by_weekday else [{**by_day, **by_weekday}]
    merged = heapq.merge(*(rrule.rrule(rrule.DAILY, **common, **rule) for rule in rules))
    found: list[datetime] = []
    for tick in merged:
        if tick not in found[-1:]:
            found.append(tick)
        if len(found) == most:
            break
    return found


def _run(text):
    low, _, high = text.partition("-")
    return range(int(low), int(high or low) + 1)


def test_there_are_enough_expressions():
    """The two tests below say something only with many of them."""
    assert len({one for group in EXPRESSIONS.values() for one in group}) > 200


@pytest.mark.parametrize("expressions", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_a_normalised_expression_means_what_was_written(expressions):
    """Its ticks are those that croniter, by which Airflow reads cron, finds in what was written."""
    for expression in expressions:
        normalised = schedule_times.normalised(expression)
        ticks = list(islice(schedule_times.ticks(normalised, START), 8))
        assert (expression, ticks) == (expression, _ticks_of_croniter(expression, 8))
        assert set(normalised) <= set("0123456789,-* ")
        assert len(normalised.split()) == 5
        assert schedule_times.normalised(normalised) == normalised


@pytest.mark.parametrize("expressions", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_ticks_are_those_of_the_calendar(expressions):
    """A library for recurring dates of calendars finds the same instants, without knowing cron."""
    for expression in {schedule_times.normalised(one) for one in expressions}:
        ticks = list(islice(schedule_times.ticks(expression, START), 5))
        assert (expression, ticks) == (expression, _ticks_of_rrule(expression, 5))
