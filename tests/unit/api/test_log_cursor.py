"""Which lines of a log are new."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from airflow_provider_aicore.api.log_cursor import LogCursor, nanoseconds
from airflow_provider_aicore.api.models import LogLine

START = datetime(2027, 1, 15, 8, tzinfo=UTC)
SECOND = 1_000_000_000


class Log:
    """A log as AI Core gives it: both ends of a window inclusive, and cut without a sign."""

    def __init__(self):
        self.lines = []

    def add(self, seconds, msg, *, nanos=0, pod="p"):
        at = int(START.timestamp()) * SECOND + int(seconds * 1000) * 1_000_000 + nanos
        moment = datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        line = LogLine(timestamp=f"{moment}.{at % SECOND:09d}+00:00", msg=msg, pod=pod, container="main")
        self.lines.append((at, line))

    def read(self, cursor):
        start = int(cursor.start.timestamp()) * SECOND + cursor.start.microsecond * 1000
        inside = sorted((each for each in self.lines if each[0] >= start), key=lambda each: each[0])
        return [line for _, line in inside[: cursor.top]]

    def round(self, cursor):
        """Read until there is no more, and give what was new."""
        new = cursor.take(self.read(cursor))
        while cursor.is_behind:
            new += cursor.take(self.read(cursor))
        return [line.msg for line in new]


@pytest.fixture
def log():
    """Return a log without lines."""
    return Log()


@pytest.fixture
def cursor():
    """Return a cursor at its begin."""
    return LogCursor(START)


def test_each_line_is_given_once(log, cursor):
    """Though the next window overlaps the last one."""
    log.add(1, "a")
    log.add(2, "b")
    assert log.round(cursor) == ["a", "b"]
    log.add(3, "c")
    assert log.round(cursor) == ["c"]


def test_a_line_may_come_late(log, cursor):
    """It is given when it comes, though younger ones were given before."""
    log.add(1, "a")
    log.add(29, "c")
    log.round(cursor)
    log.add(2, "b")
    assert log.round(cursor) == ["b"]


def test_old_lines_are_not_read_again(log, cursor):
    """Only the overlap is."""
    log.add(1, "a")
    log.add(100, "b")
    log.round(cursor)
    assert (cursor.start - START).total_seconds() == 70
    assert [line.msg for line in log.read(cursor)] == ["b"]


def test_equal_lines_are_counted(log, cursor):
    """A container may print the same twice within the same nanosecond."""
    log.add(1, "same")
    log.add(1, "same")
    log.add(1, "same", pod="another")
    assert log.round(cursor) == ["same"] * 3
    log.add(1, "same")
    assert log.round(cursor) == ["same"]


def test_a_cut_within_equal_time_stamps_loses_nothing(log):
    """All lines of the time stamp in which a page was cut are read again, in whatever order they come."""
    cursor = LogCursor(START, page=10)
    for second in range(5):
        for number in range(8):
            log.add(second, f"{second}.{number}")
    new = cursor.take(log.read(cursor))
    assert (len(new), cursor.is_behind) == (10, True)
    rest = []
    while cursor.is_behind:
        page = log.read(cursor)
        shared = page[0].timestamp
        first = [line for line in page if line.timestamp == shared]
        rest += cursor.take([*reversed(first), *page[len(first) :]])
    assert sorted(line.msg for line in [*new, *rest]) == [f"{s}.{n}" for s in range(5) for n in range(8)]


def test_more_is_asked_for_where_one_time_stamp_fills_a_page(log):
    """Up to what AI Core gives at most."""
    cursor = LogCursor(START, page=10, largest_page=20)
    for number in range(15):
        log.add(1, str(number))
    log.add(2, "next")
    assert log.round(cursor) == [*map(str, range(15)), "next"]
    assert not cursor.may_lack_lines


def test_what_shares_one_time_stamp_may_be_too_much(log):
    """Then the cursor goes on behind it, and says so."""
    cursor = LogCursor(START, page=10, largest_page=20)
    for number in range(25):
        log.add(1, str(number))
    log.add(1, "next", nanos=1000)
    given: list[str] = []
    gaps = 0
    while not given or cursor.is_behind:
        given += [line.msg for line in cursor.take(log.read(cursor))]
        gaps += cursor.may_lack_lines
    assert (given, gaps) == ([*map(str, range(20)), "next"], 1)


def test_what_is_remembered_has_an_end(log):
    """Where very much is printed the overlap is shorter, and nothing is given twice."""
    cursor = LogCursor(START, most_seen=20)
    for number in range(100):
        log.add(number / 100, str(number))
    assert log.round(cursor) == [*map(str, range(100))]
    assert len(cursor._seen) <= 20
    assert log.round(cursor) == []


def test_a_cursor_goes_on_where_another_one_was(log, cursor):
    """Late lines are still given, and none twice."""
    log.add(1, "a")
    log.add(9, "same")
    log.add(9, "same")
    log.round(cursor)
    later = LogCursor.restored(json.loads(json.dumps(cursor.stored())))
    log.add(2, "late")
    log.add(9, "same")
    log.add(10, "new")
    assert log.round(later) == ["late", "same", "new"]


def test_what_is_stored_has_an_end(log):
    """Then only the newest lines are, and nothing older is given again."""
    cursor = LogCursor(START, most_stored=3 * (12 + 4))
    for number in range(10):
        log.add(number, str(number))
    log.round(cursor)
    stored = cursor.stored()
    assert len(base64.b64decode(stored["seen"])) == 3 * (12 + 4)
    later = LogCursor.restored(stored)
    log.add(8.5, "late")
    assert log.round(later) == ["late"]


def test_lines_that_share_time_stamps_take_little(log):
    """So that many more of them are stored."""
    cursor = LogCursor(START, most_stored=3 * (12 + 10 * 4))
    for number in range(30):
        log.add(number // 10, str(number))
    log.round(cursor)
    later = LogCursor.restored(json.loads(json.dumps(cursor.stored())))
    log.add(0, "late")
    assert log.round(later) == ["late"]


def test_what_was_cut_within_one_time_stamp_is_stored_whole(log):
    """The rest of it is still to be read, after a restart as well."""
    cursor = LogCursor(START, page=10, most_stored=3)
    for number in range(15):
        log.add(1, str(number))
    given = [line.msg for line in cursor.take(log.read(cursor))]

    later = LogCursor.restored(json.loads(json.dumps(cursor.stored())), page=10)
    assert [*given, *log.round(later)] == [*map(str, range(15))]


def test_a_line_may_come_late_while_much_is_read(log):
    """Windows do not overlap then, so all that was read meanwhile is read once more."""
    cursor = LogCursor(START, page=10)
    log.add(1, "a")
    log.round(cursor)
    for second in range(2, 60):
        log.add(second, str(second))
        log.add(second, f"{second}!")
    given = cursor.take(log.read(cursor))
    log.add(3, "late")
    while cursor.is_behind:
        given += cursor.take(log.read(cursor))

    given += cursor.take(log.read(cursor))
    while cursor.is_behind:
        given += cursor.take(log.read(cursor))
    said = [line.msg for line in given]
    assert sorted(said) == sorted([*map(str, range(2, 60)), *(f"{each}!" for each in range(2, 60)), "late"])
    assert (cursor.start - START).total_seconds() == 29


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-15T08:00:01.123456789+00:00", 1_123_456_789),
        ("2027-01-15T08:00:01.123456789Z", 1_123_456_789),
        ("2027-01-15T08:00:01.5+00:00", 1_500_000_000),
        ("2027-01-15T08:00:01Z", 1_000_000_000),
        ("2027-01-15T09:00:01.000000001+01:00", 1_000_000_001),
        ("yesterday", -1),
    ],
)
def test_time_stamps_have_nine_digits_or_fewer(text, expected):
    """And what is none has the time of the line before it."""
    begin = int(START.timestamp()) * SECOND
    assert nanoseconds(text, default=begin - 1) - begin == expected
