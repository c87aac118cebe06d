"""When an execution schedule starts executions: its cron expression, its start and its end.

DAG files are checked with it while they are read, so it stands beside the client, which takes long to load.
Source: SAP's documentation points to POSIX's crontab, which has five fields of numbers, lists, ranges and
``*``, in UTC; its own samples of six fields, and a day 0, contradict it. So an expression is taken in the
forms that people write and turned into numbers, lists and ranges.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DOCUMENTED_MINIMUM = timedelta(hours=1)
"""How far apart the executions of a schedule are at least: ``minimumFrequencyHour`` of ``/lm/meta``."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# As Airflow has them, @quarterly included.
_PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_VALUE = r"[0-9]{1,2}|[a-z]{3,}"
_ITEM = re.compile(rf"(?:(?P<all>\*)|(?P<low>{_VALUE})(?:-(?P<high>{_VALUE}))?)(?:/(?P<step>[0-9]{{1,2}}))?")


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 6, _WEEKDAYS),
)


def normalised(expression: object) -> str:
    """Write a cron expression as AI Core is known to take it, with the same meaning.

    Names, steps, ranges that wrap (``fri-mon``), 7 for Sunday, ``0/15`` and Airflow's presets such as
    ``@daily`` become numbers, lists and ranges. Where days of the month and weekdays are given, either fits,
    as POSIX and Airflow have it.

    :raises ValueError: it cannot be read, or not in one way only, or names a day that never comes.
    """
    if not isinstance(expression, str):
        raise ValueError(f"cron is {expression!r:.80}, but text such as '0 3 * * 1' is needed.")  # noqa: TRY004 - one kind of error for bad input
    try:
        return _normalised(expression)
    except ValueError as error:
        raise ValueError(f"cron is {expression!r:.80}: {error}") from error


def shortest_interval(expression: str) -> timedelta:
    """Tell how close two ticks of a normalised expression can be, as if it ticked on the next day, too."""
    minutes, hours = (_values(*each) for each in zip(expression.split()[:2], _FIELDS, strict=False))
    instants = [60 * hour + minute for hour in hours for minute in minutes]
    instants.append(24 * 60 + instants[0])
    return timedelta(minutes=min(later - earlier for earlier, later in pairwise(instants)))


def check_interval(expression: str, minimum: timedelta = DOCUMENTED_MINIMUM) -> None:
    """Refuse a normalised expression that is more frequent than AI Core allows.

    :raises ValueError: it is.
    """
    shortest = shortest_interval(expression)
    if shortest < minimum:
        raise ValueError(
            f"cron is {expression!r}, with ticks {_spoken(shortest)} apart, but AI Core wants the executions "
            f"of a schedule at least {_spoken(minimum)} apart (minimumFrequencyHour of /lm/meta)."
        )


def ticks(expression: str, start: datetime, end: datetime | None = None) -> Iterator[datetime]:
    """Give the ticks of a normalised expression from `start` on, in UTC and in order.

    :param start: a tick at this very instant is given, too.
    :param end: a tick at this very instant is not; without it there is no last one.
    """
    from croniter import croniter

    clock = croniter(expression, start.timestamp() - 0.001)  # It gives what comes after.
    while True:
        try:
            tick = datetime.fromtimestamp(clock.get_next(float), UTC)
        except (OverflowError, ValueError):  # After the year 9999.
            return
        if end is not None and tick >= end:
            return
        yield tick


def last_tick(expression: str, at: datetime) -> datetime | None:
    """Give the last tick of a normalised expression at or before an instant, in UTC; ``None`` if none is."""
    from croniter import croniter

    try:
        return datetime.fromtimestamp(croniter(expression, at.timestamp() + 0.001).get_prev(float), UTC)
    except (OverflowError, ValueError):  # Before the year 1.
        return None


def in_utc(what: str, value: object) -> datetime:
    """Read an aware datetime, or its ISO 8601 text, in UTC.

    :raises ValueError: it is neither, or has no time zone.
    """
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        time = None
    if not isinstance(time, datetime):
        raise ValueError(f"{what} is {value!r:.80}, but a time such as 2026-01-31T12:00:00Z is needed.")  # noqa: TRY004 - one kind of error for bad input
    if time.utcoffset() is None:
        raise ValueError(f"{what} is {value!r:.80} without a time zone; give an aware datetime.")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{what} is {value!r:.80}, which is beyond the years 1 to 9999 in UTC.") from error


def check_order(start: datetime | None, end: datetime | None) -> None:
    """Refuse an end that is not after the start.

    :raises ValueError: it is not.
    """
    if start is not None and end is not None and end <= start:
        raise ValueError(
            f"end is {end.isoformat()}, but has to be after start, which is {start.isoformat()}."
        )


def _normalised(expression: str) -> str:
    text = expression.strip().lower()
    if text.startswith("@"):
        if text not in _PRESETS:
            raise ValueError(f"of the presets {', '.join(_PRESETS)} can be written as five fields.")
        text = _PRESETS[text]
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"it has {len(parts)} fields, but AI Core has five: minute, hour, day of the month, month, "
            "weekday. There are none for seconds and years, though some of SAP's samples have six."
        )
    minutes, hours, days, months, weekdays = (
        _values(part, field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    _refuse_ambiguous(parts[2], parts[4], days, weekdays)
    if len(weekdays) == 7 and not any(_LONGEST[month - 1] >= day for month in months for day in days):
        raise ValueError("none of its months has such a day, so it never comes.")
    written = (minutes, hours, days, months, weekdays)
    return " ".join(_written(values, field) for values, field in zip(written, _FIELDS, strict=True))


def _refuse_ambiguous(day: str, weekday: str, days: Sequence[int], weekdays: Sequence[int]) -> None:
    """Refuse what one cron reads as "either day" and another as "both days"."""
    if _is_any(day) or _is_any(weekday):
        return
    if "*" in day + weekday or len(days) == 31 or len(weekdays) == 7:
        raise ValueError(
            f"programs disagree whether day of the month {day!r} or weekday {weekday!r} has to fit, or both. "
            "Write * for the one that does not matter, or both as lists, of which either fits then."
        )


def _is_any(part: str) -> bool:
    return part in {"*", "?"}


def _values(part: str, field: _Field) -> list[int]:
    """Return the values that a field stands for, sorted."""
    if part == "?" and field.name in {"day of the month", "weekday"}:
        part = "*"
    return sorted({value for item in part.split(",") for value in _item(item, field)})


def _item(item: str, field: _Field) -> Sequence[int]:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(
            f"{field.name} {item!r} cannot be read. Numbers, names of three letters, lists, ranges, steps "
            "and * can; what only some programs know, such as L, W, # and H, cannot."
        )
    count = field.high - field.low + 1
    step = int(match["step"] or 1)
    if not 1 <= step <= count:
        raise ValueError(f"step of {field.name} {item!r} is {step}, but must be from 1 to {count}.")
    if match["all"]:
        return range(field.low, field.high + 1, step)
    low = _number(match["low"], field)
    without_end = field.high if match["step"] else low
    high = _number(match["high"], field) if match["high"] else without_end
    if low > field.high:  # Sunday as 7 comes first at the beginning of a range, and after 6 at its end.
        low, high = 0, high % 7
    if low <= high:
        return [field.low if value > field.high else value for value in range(low, high + 1, step)]
    if step > 1:
        raise ValueError(
            f"programs disagree where the steps of {field.name} {item!r} fall, whose range goes on with the "
            "first value after the last. Write a list."
        )
    return [*range(low, field.high + 1), *range(field.low, high + 1)]


def _number(text: str, field: _Field) -> int:
    """Return the value that a number or a name stands for; for weekdays that may be 7."""
    if not text.isdigit():
        if text not in field.names:
            known = f", but its names are {', '.join(field.names)}" if field.names else ", which has no names"
            raise ValueError(f"{text!r} is no {field.name}{known}.")
        return field.names.index(text) + field.low
    most = 7 if field.names == _WEEKDAYS else field.high
    if not field.low <= int(text) <= most:
        raise ValueError(f"{field.name} is {int(text)}, but must be from {field.low} to {most}.")
    return int(text)


def _written(values: Sequence[int], field: _Field) -> str:
    """Write values as ``*``, or as numbers and, from three in a row on, ranges."""
    if len(values) == field.high - field.low + 1:
        return "*"
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def _spoken(duration: timedelta) -> str:
    minutes = duration.total_seconds() / 60
    return f"{minutes / 60:g} h" if minutes % 60 == 0 else f"{minutes:g} min"
