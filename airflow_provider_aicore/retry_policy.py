"""When a task is worth another try, for Airflow 3.3 and newer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

try:
    from airflow.sdk import RetryDecision, RetryPolicy
except ImportError as error:
    raise ImportError(
        "AICoreRetryPolicy needs Airflow 3.3 or newer, the first with retry policies. Leave it out: on every "
        "version the operators and sensors of this provider do not retry what cannot heal."
    ) from error

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class AICoreRetryPolicy(RetryPolicy):
    """Fails at once what cannot heal, and waits as long as AI Core asks for.

    The operators and sensors do not retry what cannot heal anyway. This is for tasks of one's own, in which
    :class:`~airflow_provider_aicore.hooks.aicore.AICoreHook` raises the client's errors as they are, and for
    the ``Retry-After`` of a 429. All else is left to the task's `retries` and `retry_delay`::

        @task(retries=3, retry_policy=AICoreRetryPolicy())
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Judge an exception, and for how long to wait also by what it comes from."""
        from airflow_provider_aicore.api.errors import AICoreError, RateLimitedError, may_heal

        if isinstance(exception, AICoreError) and not may_heal(exception):
            return RetryDecision.fail(f"A retry would meet the same {type(exception).__name__}.")
        for error in (exception, exception.__cause__):
            if isinstance(error, RateLimitedError) and error.retry_after is not None:
                usual = context["task"].retry_delay if context else timedelta()
                wished = timedelta(seconds=error.retry_after)
                return RetryDecision.retry(max(usual, wished), f"AI Core asks to wait for {wished}.")
        return RetryDecision.default()
