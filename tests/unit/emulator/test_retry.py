"""Tries after the first."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator.argo import Retry, WorkflowError
from airflow_provider_aicore.emulator.retry import run_with_retries, seconds


class Failed(WorkflowError):
    """The user's program failed."""

    status = "Failed"


def pauses(retry, error, *, ended=False):
    """Give the pauses between the tries of something that always fails."""
    seen: list[float] = []

    def attempt(tries):
        assert tries == len(seen)
        raise error

    def pause(delay):
        seen.append(delay)
        return ended

    with pytest.raises(type(error)):
        run_with_retries(retry, attempt, pause)
    return seen


def test_delay_grows_by_the_factor():
    """The pause before the second try is the duration, each later one is longer by the factor."""
    assert pauses(Retry(3, "Always", 2, 3, None), Failed()) == [2, 6, 18]


@pytest.mark.parametrize(
    ("policy", "error", "tries"),
    [
        ("OnFailure", Failed(), 2),
        ("OnFailure", WorkflowError(), 0),
        ("OnError", Failed(), 0),
        ("OnError", WorkflowError(), 2),
        ("Always", WorkflowError(), 2),
    ],
)
def test_policy_tells_failures_from_errors(policy, error, tries):
    """A failure of the user's program and one of anything else lead to other tries by policy."""
    assert len(pauses(Retry(2, policy, 0, 1, None), error)) == tries


def test_no_try_after_the_longest_time():
    """A pause that would last beyond ``maxDuration`` is not begun."""
    assert pauses(Retry(None, "Always", 2, 2, 5), Failed()) == [2, 4]


def test_an_execution_that_ends_is_not_tried_again():
    """A stop during the pause is the end."""
    assert pauses(Retry(5, "Always", 2, 1, None), Failed(), ended=True) == [2]


@pytest.mark.parametrize(
    ("text", "value"), [("10", 10), ("0.5s", 0.5), ("20ms", 0.02), ("2m", 120), ("1h", 3600)]
)
def test_durations(text, value):
    """Durations are seconds, or have a unit."""
    assert seconds(text) == value
