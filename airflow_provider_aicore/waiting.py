"""What waits for an execution to end: in the triggerer, or on its worker."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import AirflowTaskTimeout, conf
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR

from airflow_provider_aicore.base import AICoreBaseOperator, seconds
from airflow_provider_aicore.exceptions import (
    AICoreTriggerEventError,
    AICoreWorkerTerminated,
    failure,
    lost_sight,
    output_missing,
    refusing_bad_input,
)
from airflow_provider_aicore.interruption import EndNotice, ToldToEndError, alarm_heard
from airflow_provider_aicore.kept_wait import KeptWait
from airflow_provider_aicore.links.aicore import AICoreExecutionLink
from airflow_provider_aicore.log_output import (
    LOG_LINES,
    Logs,
    checked_log_lines,
    checked_logs,
    read_tail,
    show_tail,
    showing_live,
)
from airflow_provider_aicore.result import xcom_value
from airflow_provider_aicore.wait_event import (
    DEADLINE,
    ENDED,
    LOST,
    PENDING,
    REFUSED,
    UNREACHABLE,
    WaitEvent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aicore.api import AICoreError, Client, Execution
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.failure_report import FailureReport
    from airflow_provider_aicore.api.models import LogLine
    from airflow_provider_aicore.lineage import Lineage

MIN_POLL_INTERVAL = 1.0
MAX_LOST_TRIGGERS = 5
"""So often one try waits again after its trigger crashed; one that cannot be loaded would crash for ever."""
DEAD_TRIGGERER_GRACE = timedelta(minutes=10)
"""After the deadline, until when the trigger has to have told of it; then the worker looks by itself."""


class AICoreWaitingOperator(AICoreBaseOperator):
    """The base of what waits for an execution to end.

    Deferred or not, with the same result and the same exceptions.

    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s.
    :param poll_error_budget: seconds or timedelta without one good answer before the task fails; the
        execution is left alone then.
    :param logs: ``tail`` shows the end of the execution's log in the task's once it has ended, however it
        did; ``none`` shows nothing of it.
    :param log_lines: so many lines at most, 1 to 1000.
    :param expected_outputs: names of output artifacts without which an execution that has COMPLETED fails the
        task. (templated)
    """

    template_fields: Sequence[str] = (*AICoreBaseOperator.template_fields, "expected_outputs")
    operator_extra_links = (AICoreExecutionLink(),)
    owns_execution: ClassVar[bool] = False
    """Whether the task has started the execution, ends it in time, and finds it again in its next try."""
    pending_timeout: float | None = None
    """Only who owns an execution may give it up before it has started."""
    stop_on_kill: bool = False
    """Only who owns an execution may end it."""

    def __init__(
        self,
        *,
        deferrable: bool | None = None,
        poll_interval: float | timedelta = 30.0,
        poll_error_budget: float | timedelta = 1800.0,
        logs: Logs = "tail",
        log_lines: int = LOG_LINES,
        expected_outputs: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.poll_interval = seconds("poll_interval", poll_interval, least=MIN_POLL_INTERVAL)
        self.poll_error_budget = seconds("poll_error_budget", poll_error_budget, least=0.0)
        self.logs = checked_logs(logs)
        self.log_lines = checked_log_lines(log_lines)
        self.expected_outputs = expected_outputs
        self.end_notice = EndNotice()
        self.outcome: dict[str, Any] | None = None
        self.log_was_shown = False
        self.lineage: Lineage | None = None

    def on_kill(self) -> None:
        """Note that this process has to end: Airflow calls this out of a signal handler, which returns."""
        self.end_notice.give()

    def post_execute(self, context: Context, result: Any = None) -> None:
        """Tell those who wait for the task's outlets what came out of it; Airflow gives no result here."""
        from airflow_provider_aicore.outlets import tell_outlets

        if self.outcome is not None:
            tell_outlets(self.outlets, context["outlet_events"], self.outcome)

    def sleep(self, seconds: float) -> None:
        self.end_notice.sleep(seconds)

    def wait(self, context: Context, client: Client, execution_id: str) -> dict[str, Any]:
        """Wait until the execution has ended and return its result, or defer."""
        wait = KeptWait(execution_id, client.resource_group, self.deadline(context))
        with (
            self._losing_sight(execution_id, client.resource_group),
            self._ending_at_the_alarm(client, execution_id),
        ):
            if self.deferrable:
                execution = self._look_or_defer(context, client, wait)
            else:
                execution = self._watch(client, execution_id, wait.deadline, live=self.logs == "live")
        return self.result(client, execution)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Go on after the trigger fired. What it says is looked up: the truth is AI Core's.

        :raises AICoreTriggerEventError: the event is not one of this provider's triggers.
        """
        return self._go_on(WaitEvent.checked(event))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Look before failing, where Airflow only fails: when the trigger crashed or was given up."""
        wait = KeptWait.of(context["ti"]) if next_method == TRIGGER_FAIL_REPR else None
        if wait is None:
            return super().resume_execution(next_method, next_kwargs, context)
        why = self._why_lost(next_kwargs or {})
        wait = wait._replace(lost_triggers=wait.lost_triggers + 1)
        wait.keep(context["ti"])
        outcome = LOST
        if wait.deadline is not None and datetime.now(UTC) >= wait.deadline:
            outcome = DEADLINE
        elif wait.lost_triggers > MAX_LOST_TRIGGERS:
            outcome = REFUSED
            why = f"Of this try {wait.lost_triggers} triggers were lost. {why}"
        return self._go_on(
            WaitEvent(wait.execution_id, outcome, why, wait.deadline, wait.resource_group, wait.search)
        )

    def _why_lost(self, failed: Mapping[str, Any]) -> str:
        """Log what Airflow knows about a lost trigger, and return it as a sentence."""
        if traceback := failed.get("traceback"):
            self.log.warning("The trigger failed:\n%s", "".join(traceback))
        return f"Airflow says: {failed.get('error', 'nothing')}."

    def _go_on(self, event: WaitEvent) -> dict[str, Any]:
        self.log_was_shown = event.log_shown
        with (
            self._losing_sight(event.execution_id, event.resource_group),
            self.client(event.resource_group) as client,
        ):
            with self._ending_at_the_alarm(client, event.execution_id):
                execution = self._resume(client, event)
            return self.result(client, execution)

    @contextmanager
    def _losing_sight(self, execution_id: str, resource_group: str | None) -> Iterator[None]:
        """Say what becomes of the execution where looking at it fails for good."""
        from airflow_provider_aicore.api import AICoreError

        try:
            yield
        except AICoreError as error:
            raise lost_sight(execution_id, resource_group, error, owned=self.owns_execution) from error

    @contextmanager
    def _ending_at_the_alarm(self, client: Client, execution_id: str) -> Iterator[None]:
        """Heed Airflow's own alarm for `execution_timeout`, which rings while a task is not deferred.

        It rings once, anywhere: also in the middle of a stop, which is repeated then.
        """
        try:
            with alarm_heard(), self.ending_when_told(client, execution_id):
                yield
        except AirflowTaskTimeout:
            self.on_deadline(client, execution_id)

    @contextmanager
    def ending_when_told(self, client: Client, execution_id: str) -> Iterator[None]:
        """Heed SIGTERM, but not in the middle of a request."""
        try:
            with self.end_notice.heeded():
                yield
        except ToldToEndError:
            self.on_told_to_end(client, execution_id)

    def _look_or_defer(self, context: Context, client: Client, wait: KeptWait) -> Execution:
        """Look once, and leave the worker unless the execution has ended."""
        from airflow_provider_aicore.poller import TROUBLE

        try:
            execution = self.look(client, wait.execution_id)
        except TROUBLE as error:
            self.log.warning(
                "The first look at execution %s failed; leaving it to the triggerer. %s",
                wait.execution_id,
                error,
            )
        else:
            if has_ended(execution):
                return execution
        wait.keep(context["ti"])
        return self.defer_until_ended(client, wait.execution_id, wait.deadline)

    def _resume(self, client: Client, event: WaitEvent) -> Execution:
        """Find the execution that the trigger speaks of ended, or defer again."""
        if event.outcome == ENDED:
            # However late it is by now: it has ended in time.
            return self._watch(client, event.execution_id, deadline=None)
        if event.outcome == DEADLINE:
            return self._watch(client, event.execution_id, event.deadline)
        try:
            execution = self.look(client, event.execution_id)
        except self._waited_out(event.outcome) as error:
            self.log.warning("Looking at execution %s failed, too. %s", event.execution_id, error)
        else:
            if has_ended(execution):
                return execution
            self._refuse_to_wait(client, execution, event)
        self.log.warning(
            "The triggerer lost sight of execution %s; waiting again. %s", event.execution_id, event.message
        )
        return self.defer_until_ended(client, event.execution_id, event.deadline)

    @staticmethod
    def _waited_out(outcome: str) -> tuple[type[AICoreError], ...]:
        """Return which errors of a look let the task wait again.

        The trigger waits them out as long as it should, unless it has just done so.
        """
        from airflow_provider_aicore.api import NotFoundError
        from airflow_provider_aicore.poller import TROUBLE

        if outcome == REFUSED:
            return ()
        return (NotFoundError,) if outcome == UNREACHABLE else TROUBLE

    def _refuse_to_wait(self, client: Client, execution: Execution, event: WaitEvent) -> None:
        """Fail if a live execution must not be waited for again."""
        from airflow_provider_aicore.api import lifecycle

        if event.outcome == PENDING and not lifecycle.has_started(execution):
            self.on_pending_timeout(client, execution)
        if event.outcome == REFUSED:
            raise AICoreTriggerEventError(
                f"The triggerer cannot watch execution {execution.id}, though this worker sees that it "
                f"is {execution.status}: {event.message} The execution was left alone. Check that triggerer "
                "and workers have the same connection and the same version of this provider."
            )

    def _watch(
        self, client: Client, execution_id: str, deadline: datetime | None, *, live: bool = False
    ) -> Execution:
        """Look until the execution has ended, on this worker."""
        from airflow_provider_aicore.api.validation import check_id
        from airflow_provider_aicore.poller import TROUBLE, Wait, is_overdue, until_ended

        with refusing_bad_input():
            check_id("execution_id", execution_id)

        wait = Wait(
            execution_id,
            interval=self.poll_interval,
            error_budget=self.poll_error_budget,
            seconds=None if deadline is None else max(0.0, (deadline - datetime.now(UTC)).total_seconds()),
            pending_timeout=self.pending_timeout,
        )
        flow = until_ended(wait, retry=client.retry, log=self.log)
        try:
            last = client.run(self._showing_live(flow, execution_id) if live else flow)
        except TROUBLE:
            if deadline is None or datetime.now(UTC) < deadline:
                raise
            last = None
        if last is not None and has_ended(last):
            return last
        if last is not None and is_overdue(wait, last):
            self.on_pending_timeout(client, last)
        return self.on_deadline(client, execution_id)

    def deadline(self, context: Context) -> datetime | None:
        """Return when `execution_timeout` ends; Airflow does not count the time while a task is deferred."""
        if self.execution_timeout is None:
            return None
        started: datetime = context["ti"].start_date
        return started + self.execution_timeout

    @abstractmethod
    def on_deadline(self, client: Client, execution_id: str) -> NoReturn:
        """Fail because the time is over; it may be called a second time if it was interrupted."""

    def on_pending_timeout(self, client: Client, execution: Execution) -> NoReturn:
        """Fail because the execution has not started in time."""
        self.on_deadline(client, execution.id)

    def on_told_to_end(self, client: Client, execution_id: str) -> NoReturn:
        """Fail because this process has to end."""
        raise AICoreWorkerTerminated(
            f"Airflow ended the process that waited for execution {execution_id}, which was left alone."
        )

    def look(self, client: Client, execution_id: str) -> Execution:
        """Read the execution once."""
        from airflow_provider_aicore.api import executions

        with refusing_bad_input():
            call = executions.get(execution_id)
        return client.send(call)

    def defer_until_ended(self, client: Client, execution_id: str, deadline: datetime | None) -> NoReturn:
        """Leave the worker and go on in :meth:`execute_complete`, in the same resource group."""
        from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger

        # Airflow would not let a killed task defer, so that no trigger could end its execution.
        self.end_notice.heed()
        trigger = AICoreExecutionTrigger(
            execution_id=execution_id,
            aicore_conn_id=self.aicore_conn_id,
            # As it is now: the connection's may be another one by the time that the trigger reads it.
            resource_group=client.resource_group,
            poll_interval=self.poll_interval,
            poll_error_budget=self.poll_error_budget,
            deadline_at=None if deadline is None else deadline.isoformat(),
            pending_timeout=self.pending_timeout,
            stop_on_kill=self.stop_on_kill,
            logs=self.logs,
        )
        self.log.info(
            "Waiting for execution %s without a worker; a look every %.0f s.",
            execution_id,
            self.poll_interval,
        )
        left = None if deadline is None else max(timedelta(), deadline - datetime.now(UTC))
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            timeout=None if left is None else left + DEAD_TRIGGERER_GRACE,
        )

    def _showing_live(self, flow: Flow[Execution | None], execution_id: str) -> Flow[Execution | None]:
        """Show the log while a wait's flow runs."""
        from airflow_provider_aicore.api.log_following import LogFollower

        follower = LogFollower(execution_id)
        last = yield from showing_live(flow, follower, self.log)
        self.log_was_shown = follower.is_done
        return last

    def show_log(self, client: Client, execution: Execution) -> list[LogLine]:
        """Show as much of the execution's log as `logs` asks for and is not shown yet; return its end."""
        if self.logs == "none":
            return []
        show = read_tail if self.log_was_shown else show_tail
        return show(client, execution, self.log_lines, self.log) or []

    def report(self, client: Client, execution: Execution, lines: list[LogLine]) -> FailureReport:
        """Say why the execution has ended without success, and where to look at it."""
        from airflow_provider_aicore.api.failure_report import FailureReport
        from airflow_provider_aicore.api.inputs import input_urls

        where = self.link_urls.get(AICoreExecutionLink().xcom_key)
        report = FailureReport(execution, resource_group=client.resource_group, lines=lines, where=where)
        if report.needs_inputs:
            report.input_urls = client.run(input_urls(execution, client.retry))
        return report

    def with_outputs(self, client: Client, execution: Execution) -> Execution:
        """Make sure that a COMPLETED execution has what `expected_outputs` names."""
        from airflow_provider_aicore.api import outputs

        names = self.expected_outputs
        needed = [names] if isinstance(names, str) else [str(name) for name in names or ()]
        execution, lacking = client.run(outputs.settled(execution, needed, client.retry))
        if lacking is not None:
            raise output_missing(execution, lacking)
        return execution

    def _tell_end(self, client: Client, execution: Execution) -> None:
        """Leave what is known in the end where Airflow finds it, whatever the task makes of it."""
        from airflow_provider_aicore import lineage, stats

        stats.tell_end(execution, client.resource_group)
        self.know_link(AICoreExecutionLink(), **link_fields(client, execution))
        self.lineage = lineage.trace(client, execution, self.log) if lineage.is_wanted() else None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage | None:
        """Return what the provider of OpenLineage asks for, if the task has seen its execution's end."""
        from airflow_provider_aicore.lineage import operator_lineage

        metrics = None if self.outcome is None else self.outcome["metrics"]
        return None if self.lineage is None else operator_lineage(self.lineage, metrics)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage | None:
        """Return the same: of a failed execution as well it is told what it has read."""
        return self.get_openlineage_facets_on_complete(task_instance)

    def result(self, client: Client, execution: Execution) -> dict[str, Any]:
        """Return the XCom value of a COMPLETED execution, and raise for any other end."""
        from airflow_provider_aicore.api import AICoreError, lifecycle, metrics

        self._tell_end(client, execution)
        lines = self.show_log(client, execution)
        if lifecycle.outcome(execution.status) is not lifecycle.Outcome.SUCCEEDED:
            raise failure(self.report(client, execution, lines))
        execution = self.with_outputs(client, execution)
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
        self.outcome = xcom_value(execution, values, client.resource_group)
        return self.outcome


def link_fields(client: Client, execution: Execution) -> dict[str, str | None]:
    """Return what a link may name of an execution."""
    return {
        "resource_group": client.resource_group,
        "execution_id": execution.id,
        "configuration_id": execution.configuration_id,
        "scenario_id": execution.scenario_id,
    }


def has_ended(execution: Execution) -> bool:
    """Tell whether a wait for the execution is over."""
    from airflow_provider_aicore.api import lifecycle

    return lifecycle.outcome(execution.status) is not None
