"""What the sensors have in common."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowSkipException, BaseSensorOperator

from airflow_provider_aicore.base import seconds
from airflow_provider_aicore.exceptions import AICoreInvalidInput, AICoreWorkerTerminated
from airflow_provider_aicore.waiting import MIN_POLL_INTERVAL, AICoreWaitingOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context

MIN_RESCHEDULE_INTERVAL = 15.0
"""Seconds: a worker may take 6 s to go, and then the scheduler has to hear of it. Airflow fails a task that
it has queued again before that: seen at an interval of 5 s at once, of 7 s after some hundred looks."""


class AICoreBaseSensor(AICoreWaitingOperator, BaseSensorOperator):
    """The base of sensors: two names for one interval, a deadline, and Airflow's ways to fail softly."""

    def __init__(
        self,
        *,
        poll_interval: float | timedelta | None = None,
        poke_interval: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        interval, called = 30.0, "poll_interval"
        for name, given in (("poke_interval", poke_interval), ("poll_interval", poll_interval)):
            if given is not None:
                interval, called = seconds(name, given, least=MIN_POLL_INTERVAL), name
        super().__init__(poll_interval=interval, poke_interval=interval, **kwargs)
        if self.reschedule and interval < MIN_RESCHEDULE_INTERVAL:
            raise AICoreInvalidInput(
                f"{called} is {interval:g} s, but with mode='reschedule' at least "
                f"{MIN_RESCHEDULE_INTERVAL:g} s are needed: Airflow fails a task that is queued again while "
                "the worker of its last look still exits. Give it more time, or leave the mode out and take "
                "deferrable=True."
            )

    def _get_next_poke_interval(
        self, started_at: datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        """Let `exponential_backoff`, `max_wait` and a near `timeout` bring looks no sooner than is safe.

        Airflow asks for it in `mode` ``reschedule`` only: otherwise waiting is our own.
        """
        interval: float = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        return max(interval, MIN_RESCHEDULE_INTERVAL)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        with self._failing_as_a_sensor():
            return super().resume_execution(next_method, next_kwargs, context)

    def deadline(self, context: Context) -> datetime:
        """Return when the first of `timeout` and `execution_timeout` ends."""
        end: datetime = context["ti"].start_date + timedelta(seconds=float(self.timeout))
        execution_timeout = super().deadline(context)
        return end if execution_timeout is None else min(end, execution_timeout)

    @contextmanager
    def _failing_as_a_sensor(self) -> Iterator[None]:
        """Skip instead of failing where `soft_fail` or `never_fail` says so, in each mode alike."""
        from airflow_provider_aicore.api import AICoreError

        try:
            yield
        except AICoreWorkerTerminated:
            raise  # It says nothing about what the sensor waits for.
        except (AirflowException, AICoreError) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(f"Skipped instead of failed: {error}") from error
            raise
