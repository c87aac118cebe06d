"""What waits for an execution to end: in the triggerer, or on its worker."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowTaskTimeout, conf

from airflow_provider_aicore.base import AICoreBaseOperator, seconds
from airflow_provider_aicore.exceptions import AICoreTriggerEventError, failure, refusing_bad_input
from airflow_provider_aicore.result import xcom_value
from airflow_provider_aicore.wait_event import DEADLINE, ENDED, REFUSED, WaitEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client, Execution

MIN_POLL_INTERVAL = 1.0


class AICoreWaitingOperator(AICoreBaseOperator):
    """The base of what waits for an execution to end.

    Deferred or not, with the same result and the same exceptions.

    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s.
    :param poll_error_budget: seconds or timedelta without one good answer before the task fails; the
        execution is left alone then.
    """

    def __init__(
        self,
        *,
        deferrable: bool | None = None,
        poll_interval: float | timedelta = 30.0,
        poll_error_budget: float | timedelta = 1800.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.poll_interval = seconds("poll_interval", poll_interval, least=MIN_POLL_INTERVAL)
        self.poll_error_budget = seconds("poll_error_budget", poll_error_budget, least=0.0)

    def wait(self, client: Client, execution_id: str, deadline: datetime | None) -> dict[str, Any]:
        """Wait until the execution has ended and return its result, or defer."""
        with self._ending_at_the_alarm(client, execution_id):
            how = self._look_or_defer if self.deferrable else self._watch
            execution = how(client, execution_id, deadline)
        return self.result(client, execution)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Go on after the trigger fired. What it says is looked up: the truth is AI Core's.

        :raises AICoreTriggerEventError: the event is not one of this provider's triggers.
        """
        checked = WaitEvent.checked(event)
        with self.connect(checked.resource_group) as client:
            with self._ending_at_the_alarm(client, checked.execution_id):
                execution = self._resume(client, checked)
            return self.result(client, execution)

    @contextmanager
    def _ending_at_the_alarm(self, client: Client, execution_id: str) -> Iterator[None]:
        """Heed Airflow's own alarm for `execution_timeout`, which rings while a task is not deferred.

        It rings once, anywhere: also in the middle of a stop, which is repeated then.
        """
        try:
            yield
        except AirflowTaskTimeout:
            self.on_deadline(client, execution_id)

    def _look_or_defer(self, client: Client, execution_id: str, deadline: datetime | None) -> Execution:
        """Look once, and leave the worker unless the execution has ended."""
        from airflow_provider_aicore.poller import TROUBLE

        try:
            execution = self.look(client, execution_id)
        except TROUBLE as error:
            self.log.warning(
                "The first look at execution %s failed; leaving it to the triggerer. %s", execution_id, error
            )
            self.defer_until_ended(client, execution_id, deadline)
        if not has_ended(execution):
            self.defer_until_ended(client, execution_id, deadline)
        return execution

    def _resume(self, client: Client, event: WaitEvent) -> Execution:
        """Find the execution that the trigger speaks of ended, or defer again."""
        if event.outcome == ENDED:
            # However late it is by now: it has ended in time.
            return self._watch(client, event.execution_id, deadline=None)
        if event.outcome == DEADLINE:
            return self._watch(client, event.execution_id, event.deadline)
        execution = self.look(client, event.execution_id)
        if has_ended(execution):
            return execution
        if event.outcome == REFUSED:
            raise AICoreTriggerEventError(
                f"The triggerer cannot watch execution {execution.id}, though this worker sees that it "
                f"is {execution.status}: {event.message} "
                "Check that triggerer and workers have the same connection."
            )
        self.log.warning(
            "The triggerer lost sight of execution %s; waiting again. %s", execution.id, event.message
        )
        return self.defer_until_ended(client, execution.id, event.deadline)

    def _watch(self, client: Client, execution_id: str, deadline: datetime | None) -> Execution:
        """Look until the execution has ended, on this worker."""
        from airflow_provider_aicore.api.validation import check_id
        from airflow_provider_aicore.poller import TROUBLE, Wait, until_ended

        with refusing_bad_input():
            check_id("execution_id", execution_id)

        wait = Wait(
            execution_id,
            interval=self.poll_interval,
            error_budget=self.poll_error_budget,
            seconds=None if deadline is None else max(0.0, (deadline - datetime.now(UTC)).total_seconds()),
        )
        try:
            last = client.run(until_ended(wait, retry=client.retry, log=self.log))
        except TROUBLE:
            if deadline is None or datetime.now(UTC) < deadline:
                raise
            last = None
        if last is None or not has_ended(last):
            self.on_deadline(client, execution_id)
        return last

    def deadline(self, context: Context) -> datetime | None:
        """Return when `execution_timeout` ends; Airflow does not count the time while a task is deferred."""
        if self.execution_timeout is None:
            return None
        started: datetime = context["ti"].start_date
        return started + self.execution_timeout

    @abstractmethod
    def on_deadline(self, client: Client, execution_id: str) -> NoReturn:
        """Fail because the time is over; it may be called a second time if it was interrupted."""

    def look(self, client: Client, execution_id: str) -> Execution:
        """Read the execution once."""
        from airflow_provider_aicore.api import executions

        with refusing_bad_input():
            call = executions.get(execution_id)
        return client.send(call)

    def defer_until_ended(self, client: Client, execution_id: str, deadline: datetime | None) -> NoReturn:
        """Leave the worker and go on in :meth:`execute_complete`, in the same resource group."""
        from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger

        trigger = AICoreExecutionTrigger(
            execution_id=execution_id,
            aicore_conn_id=self.aicore_conn_id,
            # As it is now: the connection's may be another one by the time that the trigger reads it.
            resource_group=client.resource_group,
            poll_interval=self.poll_interval,
            poll_error_budget=self.poll_error_budget,
            deadline_at=None if deadline is None else deadline.isoformat(),
        )
        self.log.info(
            "Waiting for execution %s without a worker; a look every %.0f s.",
            execution_id,
            self.poll_interval,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def result(self, client: Client, execution: Execution) -> dict[str, Any]:
        """Return the XCom value of a COMPLETED execution, and raise for any other end."""
        from airflow_provider_aicore.api import AICoreError, lifecycle, metrics

        if lifecycle.outcome(execution.status) is not lifecycle.Outcome.SUCCEEDED:
            raise failure(execution)
        try:
            values: Mapping[str, float] | None = metrics.last_values(
                client.run(metrics.find(execution.id, client.retry))
            )
        except AICoreError as error:
            values = None
            self.log.warning(
                "Execution %s is COMPLETED, but its metrics could not be read: %s", execution.id, error
            )
        self.log.info(
            "Execution %s is COMPLETED%s; metrics: %s.",
            execution.id,
            ""
            if execution.completion_time is None
            else f" after {(execution.completion_time - execution.created_at).total_seconds():.0f} s",
            values,
        )
        return xcom_value(execution, values, client.resource_group)


def has_ended(execution: Execution) -> bool:
    """Tell whether a wait for the execution is over."""
    from airflow_provider_aicore.api import lifecycle

    return lifecycle.outcome(execution.status) is not None
