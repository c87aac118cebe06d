"""How often the shared poll looks: at one execution, and in all."""

from __future__ import annotations

import math
from collections import deque

import pytest

from airflow_provider_aicore.poller.pace import Budget, Rate, pause


@pytest.mark.parametrize(
    ("age", "interval", "expected", "seconds"),
    [
        (0, 30, math.inf, 5),
        (60, 30, math.inf, 15),
        (3600, 30, math.inf, 30),
        (60, 3, math.inf, 3),
        (3600, 30, 3640, 10),
        (3640, 30, 3640, 5),
        (3700, 30, 3640, 15),
        (100, 30, 3640, 25),
    ],
)
def test_a_look_is_worth_a_request_after_a_quarter_of_the_age(age, interval, expected, seconds):
    """Young ones and those about to end are looked at more often, within 5 s and the interval."""
    assert pause(age, interval, expected) == seconds


def test_the_budget_is_saved_up_for_a_minute_at_most():
    """After a long time of rest there is no storm; and debts are forgiven as well."""
    budget = Budget(20, 0.0)
    assert budget.left(10_000) == 20
    for _ in range(100):
        budget.spend(10_000)
    assert budget.left(10_000) == -20
    assert budget.left(10_060) == 0
    assert budget.in_hand(10, 10_060) == pytest.approx(10_090, abs=0.1)


def sent_and_refused(needed, allowed, hours=3):
    """Send as fast as is needed to where only so many requests a minute are allowed; give both times."""
    rate = Rate(0.0)
    now, sent, refused = 0.0, [], []
    recent: deque[float] = deque()
    while now < hours * 3600:
        now += max(60 / needed, rate.pause(now))
        rate.sent(now)
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= allowed:
            refused.append(now)
            rate.refused(now, now, None)
            rate.bad(now, now, 0.0)
        else:
            rate.good()
            recent.append(now)
            sent.append(now)
    return sent, refused


@pytest.mark.parametrize("needed", [4, 20, 200])
def test_the_rate_settles_below_what_is_allowed(needed):
    """Where half of what is needed is allowed, hardly anything is refused, and half of that is used."""
    sent, refused = sent_and_refused(needed, allowed=needed / 2)

    late = [at for at in refused if at > 3600]
    assert len(late) <= 0.1 * sum(at > 3600 for at in sent)
    assert sum(at > 3600 for at in sent) >= 2 * 60 * needed / 2 * 0.5


def test_a_refusal_that_was_an_exception_is_forgotten():
    """Some minutes after a 429 the rate is what it was."""
    rate = Rate(0.0)
    for second in range(600):
        rate.sent(float(second))
    rate.refused(600.0, 600.0, None)
    assert rate.limit == pytest.approx(0.5, rel=0.05)

    rate.pause(600.0 + 120)
    assert rate.limit < 1
    rate.pause(600.0 + 1200)
    assert rate.limit > 1


def test_many_refusals_at_once_halve_the_rate_once():
    """Requests that were under way together are refused together."""
    rate = Rate(0.0)
    for second in range(100):
        rate.sent(float(second))
    for _ in range(16):
        rate.refused(99.0, 100.0, None)

    assert rate.limit == pytest.approx(0.5 * (1 - math.exp(-100 / 60)), rel=0.05)


def test_retry_after_holds_whatever_the_rate():
    """AI Core's wish counts from its answer."""
    rate = Rate(0.0)
    rate.sent(0.0)
    rate.refused(0.0, 1.0, 60.0)
    rate.good()

    assert rate.pause(1.0) == 60
    assert rate.pause(31.0) == 30


def test_trouble_may_last_for_days():
    """However many requests have failed, the next one is a minute later."""
    rate, now = Rate(0.0), 0.0
    for _ in range(2000):
        now += rate.pause(now) + 1
        rate.bad(now, now, 0.0)

    assert rate.pause(now) == 60


def test_a_hitch_that_strikes_many_requests_is_one_failure():
    """Those under way together fail together; the group looks again a second later, not a minute."""
    rate = Rate(0.0)
    for _ in range(16):
        rate.bad(1.0, 2.0, 0.0)

    assert rate.pause(2.0) == 1
