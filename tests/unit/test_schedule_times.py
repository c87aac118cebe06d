"""Cron expressions, starts and ends of execution schedules, judged by two other libraries."""

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
