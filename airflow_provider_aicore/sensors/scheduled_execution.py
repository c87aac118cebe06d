"""The sensor for what an execution schedule has started."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, PokeReturnValue

from airflow_provider_aicore.base import seconds
from airflow_provider_aicore.exceptions import (
    AICoreInvalidInput,
    AICoreScheduledExecutionMissing,
    AICoreTriggerEventError,
    AICoreWorkerTerminated,
    lost_schedule,
    refusing_bad_input,
)
from airflow_provider_aicore.links.aicore import AICoreExecutionLink
from airflow_provider_aicore.reporting import link_fields
from airflow_provider_aicore.sensors.base import AICoreBaseSensor
from airflow_provider_aicore.wait_event import DEADLINE, REFUSED
from airflow_provider_aicore.waiting import DEAD_TRIGGERER_GRACE, has_ended

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client, Execution
    from airflow_provider_aicore.api.schedule_runs import Pick
    from airflow_provider_aicore.kept_wait import KeptWait
    from airflow_provider_aicore.scheduled_execution import Search
    from airflow_provider_aicore.wait_event import WaitEvent


class AICoreScheduledExecutionSensor(AICoreBaseSensor):
    """Waits until the execution that an execution schedule started for this run has COMPLETED.

    It fails early where there is no such execution and will not be: the schedule is paused or gone, its end
    has passed, or the tick was missed. The message says which ticks and executions there are. `mode` and
    `deferrable` are as those of :class:`~airflow_provider_aicore.sensors.aicore.AICoreExecutionSensor`.

    :param execution_schedule_id: the schedule. (templated)
    :param name: its name, in place of the id. (templated)
    :param pick: ``data_interval`` takes the execution of the schedule's last tick in the run's data interval;
        a tick at its end is not in it. If the interval has no length, as with Airflow's own cron timetable,
        it is the last tick until then. ``next`` takes the first execution that is created after this try of
        the task has begun. ``newest`` takes the last one created before that, and if there is none the next.
    :param slack: seconds or timedelta for which an execution may be created late, at least 1 s, 15 min if not
        given; starts up to 11 min after the tick were seen in a screenshot of SAP's documentation.
    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s, in `mode` ``reschedule`` 15 s;
        `poke_interval`, as other sensors have it, if not given, and 30 s if neither is.
    :param poll_error_budget: seconds or timedelta without one good answer before the sensor fails; in
        `mode` ``reschedule``, where no look knows of the one before, it looks until `timeout`.
    :param expected_duration: seconds or timedelta that the execution will probably take from its creation on;
        about then looks come sooner than `poll_interval`. Not known if not given; not used in
        `mode` ``reschedule``.
    :param logs: ``tail`` shows the end of the execution's log in the task's once it has ended, as
        ``live`` does here; ``none`` shows nothing of it.
    :param log_lines: so many lines at most, 1 to 1000.
    :param expected_outputs: names of output artifacts without which an execution that has COMPLETED fails the
        task. (templated)
    :param timeout: seconds or timedelta after which the sensor fails (:class:`AirflowSensorTimeout`).

    :return: as :class:`~airflow_provider_aicore.operators.execution.AICoreRunExecutableOperator`.
    :raises AICoreInvalidInput: not exactly one of id and name is given, no single schedule has the name, or
        the run has no data interval for `pick`.
    :raises AICoreScheduledExecutionMissing: the execution is not there and will not be.
    :raises AICoreRefused: AI Core refused the credentials or the resource group.
    :raises AICoreExecutionFailed: as :class:`AICoreExecutionSensor`.
    :raises AICoreOutputMissing: the execution is COMPLETED without one of `expected_outputs`.
    :raises AICoreUnreachable: schedule or execution could not be looked at for `poll_error_budget`.
    """

    template_fields: Sequence[str] = (*AICoreBaseSensor.template_fields, "execution_schedule_id", "name")

    def __init__(
        self,
        *,
        execution_schedule_id: str | None = None,
        name: str | None = None,
        pick: Pick = "data_interval",
        slack: float | timedelta = 900.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution_schedule_id = execution_schedule_id
        self.name = name
        self.pick = pick
        self.slack = seconds("slack", slack, least=1.0)

    def execute(self, context: Context) -> Any:
        if self.reschedule:
            return super().execute(context)
        from airflow_provider_aicore.kept_wait import KeptWait

        search = self._search(context)
        with self._failing_as_a_sensor(), self.connect() as client:
            wait = KeptWait("", client.resource_group, self.deadline(context), search=search.arguments())
            with self._losing_sight_of(search, client), self._ending_at_the_alarm(client, ""):
                found = self._find(context, client, search, wait)
            self.push_link(context["ti"], AICoreExecutionLink(), **link_fields(client, found))
            return self.wait(context, client, found.id)

    def poke(self, context: Context) -> PokeReturnValue:
        from airflow_provider_aicore.poller import LOOKING_FAILED

        search = self._search(context)
        with self.connect() as client, self._losing_sight_of(search, client):
            try:
                found = self._glance(client, search)
            except LOOKING_FAILED as error:
                self.log.warning("Looking for the execution failed; looking again. %s", error)
                return PokeReturnValue(is_done=False)
            if found is None or not has_ended(found):
                self.log.info(
                    "%s of %s.", f"{found.id} is {found.status}" if found else "Nothing yet", search
                )
                return PokeReturnValue(is_done=False)
            # Lists leave out why it failed.
            return PokeReturnValue(is_done=True, xcom_value=self.result(client, self.look(client, found.id)))

    def on_deadline(self, client: Client, execution_id: str) -> NoReturn:
        """Fail as any sensor does; nothing is stopped."""
        which = f"Execution {execution_id}" if execution_id else "The execution"
        raise AirflowSensorTimeout(
            f"{which} of execution schedule {self.execution_schedule_id or self.name!r} had not "
            f"{'ended' if execution_id else 'been created'} within the sensor's time (timeout "
            f"{self.timeout} s, execution_timeout {self.execution_timeout}); nothing was stopped."
        )

    def on_told_to_end(self, client: Client, execution_id: str) -> NoReturn:
        raise AICoreWorkerTerminated(
            "Airflow ended the process that waited for an execution of execution schedule "
            f"{self.execution_schedule_id or self.name!r}; nothing was stopped."
        )

    def _search(self, context: Context) -> Search:
        from airflow_provider_aicore.scheduled_execution import Search

        ti, dag_run = context["ti"], context["dag_run"]
        first = ti.get_first_reschedule_date(context) if self.reschedule else None
        with refusing_bad_input():
            return Search.of(
                execution_schedule_id=self.execution_schedule_id,
                name=self.name,
                pick=self.pick,
                since=first or ti.start_date,
                data_interval_start=dag_run.data_interval_start,
                data_interval_end=dag_run.data_interval_end,
                slack=self.slack,
            )

    def _find(self, context: Context, client: Client, search: Search, wait: KeptWait) -> Execution:
        """Find the execution, or defer."""
        from airflow_provider_aicore.poller import TROUBLE

        if not self.deferrable:
            return self._find_here(client, search, wait.deadline)
        try:
            found = self._look_for(client, search)
        except TROUBLE as error:
            self.log.warning("The first look failed; leaving it to the triggerer. %s", error)
            found = None
        if found is not None:
            return found
        wait.keep(context["ti"])
        return self._defer_until_found(client, search, wait.deadline)

    def _find_here(self, client: Client, search: Search, deadline: datetime | None) -> Execution:
        """Look on this worker until it is found."""
        from airflow_provider_aicore.scheduled_execution import until_found

        found = client.run(
            until_found(
                search,
                client.retry,
                self.log,
                interval=self.poll_interval,
                error_budget=self.poll_error_budget,
                seconds=None if deadline is None else (deadline - datetime.now(UTC)).total_seconds(),
            )
        )
        return found or self.on_deadline(client, "")

    def _look_for(self, client: Client, search: Search) -> Execution | None:
        from airflow_provider_aicore.scheduled_execution import look

        return client.run(look(search, client.retry, self.log))

    def _glance(self, client: Client, search: Search) -> Execution | None:
        """Look once, but make sure of a 404."""
        from airflow_provider_aicore.api import NotFoundError
        from airflow_provider_aicore.api.termination import NOT_FOUND_GRACE
        from airflow_provider_aicore.scheduled_execution import until_found

        try:
            return self._look_for(client, search)
        except NotFoundError:
            patience = NOT_FOUND_GRACE + 10.0
            return client.run(until_found(search, client.retry, self.log, interval=5.0, seconds=patience))

    def _go_on(self, event: WaitEvent) -> dict[str, Any]:
        """Look again what a trigger says that has not found the execution; else as any wait."""
        if event.execution_id:
            return super()._go_on(event)
        search = self._search_again(event)
        with (
            self.client(event.resource_group) as client,
            self._losing_sight_of(search, client),
            self._ending_at_the_alarm(client, ""),
        ):
            found = self._find_again(client, search, event)
        return super()._go_on(event._replace(execution_id=found.id))

    def _search_again(self, event: WaitEvent) -> Search:
        from airflow_provider_aicore.scheduled_execution import Search

        try:
            return Search.of(**(event.search or {}))
        except (TypeError, ValueError) as error:
            raise AICoreTriggerEventError(
                f"The task was resumed without what it looks for: {error}. "
                "Check that triggerer and workers run the same version of this provider."
            ) from error

    def _find_again(self, client: Client, search: Search, event: WaitEvent) -> Execution:
        try:
            found = self._look_for(client, search)
        except self._waited_out(event.outcome) as error:
            self.log.warning("Looking for the execution failed, too. %s", error)
            found = None
        if found is not None:
            return found
        if event.outcome == DEADLINE:
            self.on_deadline(client, "")
        if event.outcome == REFUSED:
            raise AICoreTriggerEventError(
                f"The triggerer cannot look at {search}, though this worker can: {event.message} Check that "
                f"triggerer and workers have the same connection {self.aicore_conn_id!r} and the same "
                "version of this provider."
            )
        self.log.warning("The triggerer lost sight of %s; waiting again. %s", search, event.message)
        return self._defer_until_found(client, search, event.deadline)

    def _defer_until_found(self, client: Client, search: Search, deadline: datetime | None) -> NoReturn:
        from airflow_provider_aicore.triggers.aicore import AICoreScheduledExecutionTrigger

        self.log.info("Looking for the execution of %s without a worker.", search)
        left = None if deadline is None else max(timedelta(), deadline - datetime.now(UTC))
        self.defer(
            trigger=AICoreScheduledExecutionTrigger(
                **search.arguments(),
                aicore_conn_id=self.aicore_conn_id,
                resource_group=client.resource_group,
                poll_interval=self.poll_interval,
                poll_error_budget=self.poll_error_budget,
                deadline_at=None if deadline is None else deadline.isoformat(),
                expected_duration=self.expected_duration,
            ),
            method_name="execute_complete",
            timeout=None if left is None else left + DEAD_TRIGGERER_GRACE,
        )

    @contextmanager
    def _losing_sight_of(self, search: Search, client: Client) -> Iterator[None]:
        """Say in the task's words why the execution cannot be had."""
        from airflow_provider_aicore.api import AICoreError
        from airflow_provider_aicore.api.schedule_changes import ScheduleRefusedError
        from airflow_provider_aicore.scheduled_execution import NotComingError

        try:
            yield
        except NotComingError as error:
            raise AICoreScheduledExecutionMissing(str(error)) from error
        except ScheduleRefusedError as error:
            raise AICoreInvalidInput(str(error)) from error
        except AICoreError as error:
            raise lost_schedule(
                search.which.text, client.resource_group, error, self.aicore_conn_id
            ) from error
