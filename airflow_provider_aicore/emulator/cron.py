"""The cron expressions of execution schedules: five fields, in UTC, at most once an hour.

Source: SAP's documentation of training schedules points to POSIX; ``minimumFrequencyHour`` of ``/lm/meta``.
"""

import re

from croniter import CroniterError, croniter

_VALUE = r"(?:\d{1,2}|[a-z]{3})"
_ITEM = re.compile(rf"(?:\*|({_VALUE})(?:-({_VALUE}))?)(/\d{{1,2}})?", re.ASCII | re.IGNORECASE)
_WEEKDAY = 4


def check(expression: str, dialect: str) -> None:
    """Look whether AI Core can be expected to take an expression.

    :param dialect: ``posix`` takes numbers, lists, ranges and ``*``; ``lenient`` also steps and names.
    :raises ValueError: it cannot be read, is more frequent than AI Core allows, or never comes.
    """
    values = expression.split()
    if len(values) != 5:
        raise ValueError(f"{expression!r} has {len(values)} fields, not five (minute hour day month weekday)")
    for position, value in enumerate(values):
        for item in value.split(","):
            _check_item(item, position, dialect)
    try:
        minutes = croniter.expand(expression)[0][0]
    except CroniterError as error:
        raise ValueError(f"{expression!r} cannot be read: {error}") from error
    # Two minutes of the same hour are closer than an hour; with one, the ticks are whole hours apart.
    if len(minutes) > 1 or minutes == ["*"]:
        raise ValueError(f"{expression!r} is more frequent than once an hour: name one minute")
    if next_tick(expression, 0) is None:
        raise ValueError(f"{expression!r} names a day that never comes")


def next_tick(expression: str, after: float) -> float | None:
    """Give the first instant after *after*, in seconds since the epoch; None if there is none.

    As POSIX has it, either fits where both a day of the month and a weekday are given.
    """
    try:
        return float(croniter(expression, after).get_next(float))
    except (OverflowError, ValueError):  # No such day, or none before the year 10000.
        return None


def _check_item(item: str, position: int, dialect: str) -> None:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"{item!r}: numbers, lists, ranges and * are understood")
    if dialect == "lenient":
        return
    first, last, step = match.groups()
    numbers = [each for each in (first, last) if each is not None]
    if step or not all(each.isdigit() for each in numbers):
        raise ValueError(f"{item!r} is not POSIX: write steps and names as lists of numbers")
    if position == _WEEKDAY and any(int(each) > 6 for each in numbers):
        raise ValueError(f"{item!r}: weekdays are 0 (Sunday) to 6")
    if len(numbers) == 2 and int(numbers[0]) > int(numbers[1]):
        raise ValueError(f"{item!r}: a range goes upwards")
