"""Sensors: they wait for what others have started, and never stop anything."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_aicore.base import AICoreBaseOperator, seconds
from airflow_provider_aicore.exceptions import AICoreWorkerTerminated
from airflow_provider_aicore.waiting import MIN_POLL_INTERVAL, AICoreWaitingOperator, has_ended

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client, Execution


class AICoreExecutionSensor(AICoreWaitingOperator, BaseSensorOperator):
    """Waits until an execution has COMPLETED, whoever started it.

    Without `deferrable` it waits on its worker, or in `mode` ``reschedule`` comes back for each look.

    :param execution_id: the execution. (templated)
    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s; `poke_interval`, as other
        sensors have it, if not given, and 30 s if neither is.
    :param poll_error_budget: seconds or timedelta without one good answer before the sensor fails.
    :param timeout: seconds or timedelta after which the sensor fails (:class:`AirflowSensorTimeout`).

    :return: as :class:`~airflow_provider_aicore.operators.execution.AICoreRunExecutableOperator`.
    :raises AICoreInvalidInput: the id is malformed; nothing was sent.
    :raises AICoreRefused: AI Core refused the credentials or the resource group.
    :raises AICoreExecutionFailed: the execution is DEAD, was stopped (:class:`AICoreExecutionStopped`) or is
        not there (:class:`AICoreExecutionGone`).
    :raises AICoreUnreachable: the execution could not be looked at for `poll_error_budget`.
    """

    template_fields: Sequence[str] = (*AICoreBaseOperator.template_fields, "execution_id")

    def __init__(
        self,
        *,
        execution_id: str,
        poll_interval: float | timedelta | None = None,
        poke_interval: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        interval = 30.0
        for name, given in (("poke_interval", poke_interval), ("poll_interval", poll_interval)):
            if given is not None:
                interval = seconds(name, given, least=MIN_POLL_INTERVAL)
        super().__init__(poll_interval=interval, poke_interval=interval, **kwargs)
        self.execution_id = execution_id

    def execute(self, context: Context) -> Any:
        if self.reschedule:
            return super().execute(context)
        with self._failing_as_a_sensor(), self.connect() as client:
            return self.wait(context, client, self.execution_id)

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

    def poke(self, context: Context) -> PokeReturnValue:
        with self.connect() as client, self._losing_sight(self.execution_id, client.resource_group):
            execution = self._glance(client)
            if execution is None:
                return PokeReturnValue(is_done=False)
            if not has_ended(execution):
                self.log.info("Execution %s is %s.", execution.id, execution.status)
                return PokeReturnValue(is_done=False)
            return PokeReturnValue(is_done=True, xcom_value=self.result(client, execution))

    def _glance(self, client: Client) -> Execution | None:
        """Look once, but make sure of a 404: what was just created may be unknown for a moment."""
        from airflow_provider_aicore.api import NotFoundError
        from airflow_provider_aicore.api.termination import NOT_FOUND_GRACE
        from airflow_provider_aicore.poller import LOOKING_FAILED, Wait, until_ended

        try:
            return self.look(client, self.execution_id)
        except NotFoundError:
            wait = Wait(self.execution_id, interval=5.0, seconds=NOT_FOUND_GRACE + 10.0)
            return client.run(until_ended(wait, retry=client.retry, log=self.log))
        except LOOKING_FAILED as error:
            self.log.warning("Looking at execution %s failed; looking again. %s", self.execution_id, error)
            return None

    def on_deadline(self, client: Client, execution_id: str) -> NoReturn:
        """Fail as any sensor does; the execution is left alone."""
        raise AirflowSensorTimeout(
            f"Execution {execution_id} had not ended within the sensor's time (timeout {self.timeout} s, "
            f"execution_timeout {self.execution_timeout}); it was left alone."
        )
