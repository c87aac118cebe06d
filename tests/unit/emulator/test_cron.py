"""The cron expressions of schedules."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import cron

NEW_YEAR = 1_798_761_600.0  # 2027-01-01T00:00:00Z, a Friday


@pytest.mark.parametrize("expression", ["0 * * * *", "1 1 1 1 1", "59 0,6-8,12 1-7 * 0", "  0 0 * * *  "])
def test_numbers_lists_and_ranges_are_taken(expression):
    """What POSIX has is taken."""
    cron.check(expression, "posix")


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("0 * * * * *", "6 fields"),
        ("@daily", "1 fields"),
        ("0 0 ? * *", "numbers, lists"),
        ("0 0 L * *", "numbers, lists"),
        ("0 0 1,,2 * *", "numbers, lists"),
        ("0 */6 * * *", "not POSIX"),
        ("0 0 * * mon", "not POSIX"),
        ("0 0 * * 7", "weekdays"),
        ("0 22-4 * * *", "upwards"),
        ("0 0 0 1 *", "cannot be read"),
        ("0 24 * * *", "cannot be read"),
        ("* * * * *", "more frequent"),
        ("0,30 * * * *", "more frequent"),
        ("58-59 0 * * *", "more frequent"),
        ("0 0 31 2 *", "never comes"),
    ],
)
def test_what_else_there_is_is_refused(expression, named):
    """Other dialects, values out of range, ticks less than an hour apart and days that never come."""
    with pytest.raises(ValueError, match=named):
        cron.check(expression, "posix")


@pytest.mark.parametrize("expression", ["0 */6 * * *", "0 0 * * mon-fri", "0 0 1 JAN *", "0 0 * * 7"])
def test_lenient_takes_steps_and_names(expression):
    """The other dialect takes what many cron programs take."""
    cron.check(expression, "lenient")


@pytest.mark.parametrize("expression", ["*/30 * * * *", "0 * * * * *", "0 0 * * fun"])
def test_lenient_has_its_limits(expression):
    """Neither a short interval nor a sixth field or an unknown name is taken by any dialect."""
    with pytest.raises(ValueError, match=r"\*"):
        cron.check(expression, "lenient")


@pytest.mark.parametrize(("expression", "hours"), [("0 * * * *", 1), ("0 12 * * *", 12), ("0 0 4 1 0", 48)])
def test_next_tick_is_later_and_the_first_that_fits(expression, hours):
    """The next tick is never now; where both kinds of day are given, either fits."""
    assert cron.next_tick(expression, NEW_YEAR) == NEW_YEAR + hours * 3600
