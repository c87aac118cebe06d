"""Sensors: they wait for what others have started, and never stop anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, PokeReturnValue

from airflow_provider_aicore.links.aicore import AICoreExecutionLink
from airflow_provider_aicore.sensors.base import AICoreBaseSensor
from airflow_provider_aicore.sensors.scheduled_execution import AICoreScheduledExecutionSensor
from airflow_provider_aicore.waiting import has_ended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client, Execution

__all__ = ["AICoreExecutionSensor", "AICoreScheduledExecutionSensor"]


class AICoreExecutionSensor(AICoreBaseSensor):
    """Waits until an execution has COMPLETED, whoever started it.

    Without `deferrable` it waits on its worker. In `mode` ``reschedule`` it comes back for each look,
    whatever `deferrable` says.

    :param execution_id: the execution. (templated)
    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s, in `mode` ``reschedule`` 15 s;
        `poke_interval`, as other sensors have it, if not given, and 30 s if neither is.
    :param poll_error_budget: seconds or timedelta without one good answer before the sensor fails; in
        `mode` ``reschedule``, where no look knows of the one before, it looks until `timeout`.
    :param expected_duration: seconds or timedelta that the execution will probably take from its creation on;
        about then looks come sooner than `poll_interval`. Not known if not given; not used in
        `mode` ``reschedule``.
    :param logs: ``tail`` shows the end of the execution's log in the task's once it has ended, ``live`` all
        of it while it runs, within a budget (docs/logs.md), ``none`` nothing. In
        `mode` ``reschedule`` ``live`` is ``tail``.
    :param log_lines: so many lines at most at the end, 1 to 1000.
    :param expected_outputs: names of output artifacts without which an execution that has COMPLETED fails the
        task. (templated)
    :param timeout: seconds or timedelta after which the sensor fails (:class:`AirflowSensorTimeout`).

    Where AI Core does not know the execution it looks for another minute, on its worker in each `mode`: it
    may have been created just now.

    :return: as :class:`~airflow_provider_aicore.operators.execution.AICoreRunExecutableOperator`.
    :raises AICoreInvalidInput: the id is malformed; nothing was sent.
    :raises AICoreRefused: AI Core refused the credentials or the resource group.
    :raises AICoreExecutionFailed: the execution is DEAD, was stopped (:class:`AICoreExecutionStopped`) or is
        not there (:class:`AICoreExecutionGone`).
    :raises AICoreOutputMissing: the execution is COMPLETED without one of `expected_outputs`.
    :raises AICoreUnreachable: the execution could not be looked at for `poll_error_budget`.
    """

    template_fields: Sequence[str] = (*AICoreBaseSensor.template_fields, "execution_id")

    def __init__(self, *, execution_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.execution_id = execution_id

    def execute(self, context: Context) -> Any:
        if self.reschedule:
            return super().execute(context)
        with self._failing_as_a_sensor(), self.connect() as client:
            # Its scenario and its configuration are known when it has ended.
            self.push_link(
                context["ti"],
                AICoreExecutionLink(),
                resource_group=client.resource_group,
                execution_id=self.execution_id,
            )
            return self.wait(context, client, self.execution_id)

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
