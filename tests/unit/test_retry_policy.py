"""When a task is worth another try."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import airflow.sdk
import pytest

from airflow_provider_aicore import exceptions
from airflow_provider_aicore.api import (
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    TokenRefusedError,
)

HAS_POLICIES = hasattr(airflow.sdk, "RetryPolicy")
needs_policies = pytest.mark.skipif(not HAS_POLICIES, reason="Airflow has retry policies since 3.3")


def _limited(seconds):
    error = RateLimitedError("429")
    error.retry_after = seconds
    return error


def _unreachable(cause):
    error = exceptions.AICoreUnreachable("gone quiet", "e123")
    error.__cause__ = cause
    return error


def _decide(error, retry_delay=timedelta(seconds=60)):
    context = {"task": SimpleNamespace(retry_delay=retry_delay)}
    return exceptions.AICoreRetryPolicy().evaluate(error, 1, 3, context)


@needs_policies
@pytest.mark.parametrize("error", [NotFoundError("404"), PermissionDeniedError("403")], ids=str)
def test_what_cannot_heal_is_not_tried_again(error):
    """A task of one's own raises the client's errors, of which Airflow knows nothing."""
    decision = _decide(error)

    assert decision.action.value == "fail"
    assert type(error).__name__ in decision.reason


@needs_policies
@pytest.mark.parametrize(
    "error",
    [
        ServerError("503"),
        TokenRefusedError("401"),
        ValueError("boom"),
        exceptions.AICoreExecutionFailed("dead", "e123"),
        _unreachable(PermissionDeniedError("403")),
        _limited(None),
    ],
    ids=repr,
)
def test_all_else_is_left_to_the_task(error):
    """Its `retries` and `retry_delay` hold."""
    decision = _decide(error)

    assert (decision.action.value, decision.retry_delay) == ("default", None)


@needs_policies
@pytest.mark.parametrize("error", [_limited(600.0), _unreachable(_limited(600.0))], ids=["429", "of a wait"])
def test_the_next_try_comes_when_ai_core_wishes(error):
    """But not before the task's own delay is over."""
    assert _decide(error).retry_delay == timedelta(seconds=600)
    assert _decide(error, timedelta(hours=1)).retry_delay == timedelta(hours=1)
    assert exceptions.AICoreRetryPolicy().evaluate(error, 1, 3).retry_delay == timedelta(seconds=600)


@pytest.mark.skipif(HAS_POLICIES, reason="Airflow has retry policies since 3.3")
def test_an_older_airflow_says_what_to_do_instead():
    """The import fails with a reason, not with a name that is not there."""
    with pytest.raises(ImportError, match=r"needs Airflow 3\.3.*Leave it out"):
        from airflow_provider_aicore.exceptions import AICoreRetryPolicy  # noqa: F401


def test_another_name_is_not_there():
    """Only the policy is looked for where it is not."""
    with pytest.raises(AttributeError, match="no attribute 'AICoreNothing'"):
        exceptions.AICoreNothing  # noqa: B018
