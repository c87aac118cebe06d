"""What waits for an execution to end: in the triggerer, or on its worker."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import AirflowTaskTimeout, conf
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR

from airflow_provider_aicore.base import seconds
from airflow_provider_aicore.exceptions import (
    AICoreTriggerEventError,
    AICoreWorkerTerminated,
    lost_sight,
    refusing_bad_input,
)
from airflow_provider_aicore.interruption import EndNotice, ToldToEndError, alarm_heard
from airflow_provider_aicore.log_output import showing_live
from airflow_provider_aicore.reporting import AICoreReportingOperator
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
    from collections.abc import Iterator, Mapping

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import AICoreError, Client, Execution
    from airflow_provider_aicore.kept_wait import KeptWait

MIN_POLL_INTERVAL = 1.0
MAX_LOST_TRIGGERS = 5
"""So often one try waits again after its trigger crashed; one that cannot be loaded would crash for ever."""
DEAD_TRIGGERER_GRACE = timedelta(minutes=10)
"""After the deadline, until when the trigger has to have told of it; then the worker looks by itself."""


class AICoreWaitingOperator(AICoreReportingOperator):
    """The base of what waits for an execution to end.

    Deferred or not, with the same result and the same exceptions.

    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s.
    :param poll_error_budget: seconds or timedelta without one good answer before the task fails; the
        execution is left alone then.
    :param expected_duration: seconds or timedelta that the execution will probably take from its creation on;
        about then looks come sooner than `poll_interval`. Not known if not given.
    """

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
        expected_duration: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.poll_interval = seconds("poll_interval", poll_interval, least=MIN_POLL_INTERVAL)
        self.poll_error_budget = seconds("poll_error_budget", poll_error_budget, least=0.0)
        if expected_duration is not None:
            expected_duration = seconds("expected_duration", expected_duration, least=1.0)
        self.expected_duration = expected_duration
        if self.execution_timeout is not None:
            seconds("execution_timeout", self.execution_timeout, least=1.0)
        self.end_notice = EndNotice()

    def on_kill(self) -> None:
        """Note that this process has to end: Airflow calls this out of a signal handler, which returns."""
        self.end_notice.give()

    def sleep(self, seconds: float) -> None:
        self.end_notice.sleep(seconds)

    def wait(self, context: Context, client: Client, execution_id: str) -> dict[str, Any]:
        """Wait until the execution has ended and return its result, or defer."""
        from airflow_provider_aicore.kept_wait import KeptWait

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
        from airflow_provider_aicore.kept_wait import KeptWait

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
            raise lost_sight(
                execution_id, resource_group, error, self.aicore_conn_id, owned=self.owns_execution
            ) from error

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
                f"and workers have the same connection {self.aicore_conn_id!r} and the same version of this "
                "provider."
            )

    def _watch(
        self, client: Client, execution_id: str, deadline: datetime | None, *, live: bool = False
    ) -> Execution:
        """Look until the execution has ended, on this worker."""
        from airflow_provider_aicore.api.log_following import LogFollower
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
            expected_duration=self.expected_duration,
        )
        flow = until_ended(wait, retry=client.retry, log=self.log)
        if live:
            self.log_follower = LogFollower(execution_id)
            flow = showing_live(flow, self.log_follower, self.log)
        try:
            last = client.run(flow)
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
            expected_duration=self.expected_duration,
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


def has_ended(execution: Execution) -> bool:
    """Tell whether a wait for the execution is over."""
    from airflow_provider_aicore.api import lifecycle

    return lifecycle.outcome(execution.status) is not None
