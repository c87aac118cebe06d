"""What owns the execution that it waits for: it starts it once, and does not let it outlive the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_aicore.base import seconds
from airflow_provider_aicore.exceptions import (
    AICoreAmbiguousStart,
    AICoreSuperseded,
    AICoreWaitTimeout,
    AICoreWorkerTerminated,
    not_started,
    refusing_bad_input,
)
from airflow_provider_aicore.interruption import ToldToEndError, alarm_heard, alarm_put_off
from airflow_provider_aicore.links.aicore import AICoreExecutionLink
from airflow_provider_aicore.reporting import link_fields
from airflow_provider_aicore.waiting import AICoreWaitingOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client, Execution
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.termination import Patience
    from airflow_provider_aicore.fate import Fate
    from airflow_provider_aicore.ledger.logical_run import LogicalRun
    from airflow_provider_aicore.ledger.memory import Started
    from airflow_provider_aicore.task_memory import TaskMemory

END_PATIENCE = 300.0
"""Seconds to wait for the end of what is in the way of a start."""
ASK_PATIENCE = 4.0
"""Seconds to ask for an end again where the status does not allow it; a killed worker has five in all."""


class AICoreOwningOperator(AICoreWaitingOperator):
    """The base of operators whose execution is theirs: it does not outlive the task.

    :param pending_timeout: seconds or timedelta since its creation after which an execution that has not
        started is stopped, and the task fails with what was found to keep it; never if not given.
    :param stop_on_kill: end the execution when the task is killed: marked, cleared, or deleted, by a user or
        with its run.
    :param metric_tags: tags for the execution's metrics, values by name, written after its start; none if not
        given. (templated)
    """

    owns_execution = True

    template_fields: Sequence[str] = (*AICoreWaitingOperator.template_fields, "metric_tags")

    def __init__(
        self,
        *,
        pending_timeout: float | timedelta | None = None,
        stop_on_kill: bool = True,
        metric_tags: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if pending_timeout is not None:
            self.pending_timeout = seconds("pending_timeout", pending_timeout, least=1.0)
        self.stop_on_kill = stop_on_kill
        self.metric_tags = metric_tags

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        with alarm_put_off():
            return super().resume_execution(next_method, next_kwargs, context)

    def start(
        self,
        client: Client,
        memory: TaskMemory,
        start: Flow[Started],
        abandon: Callable[[], Flow[tuple[str, ...]]],
    ) -> Started:
        """Start the execution or find that of an earlier try.

        :param abandon: ends whatever was started when the task's time is over in the middle of it.
        """
        from airflow_provider_aicore.ledger.given_configuration import AmbiguousStartError
        from airflow_provider_aicore.ledger.own_configuration import SupersededError

        self._check_tags()
        try:
            with alarm_heard(), self.end_notice.heeded():
                self._leave_other_group(client, memory, abandon)
                return client.run(start)
        except AmbiguousStartError as error:
            raise AICoreAmbiguousStart(str(error)) from error
        except SupersededError as error:
            raise AICoreSuperseded(str(error)) from error
        except TimeoutError as error:
            raise AICoreWaitTimeout(str(error)) from error
        except AirflowTaskTimeout as error:
            raise AICoreWaitTimeout(
                f"The task's execution_timeout of {self.execution_timeout} was over while it started an "
                f"execution. {_abandon(client, abandon())}"
            ) from error
        except ToldToEndError as error:
            what_now = _abandon(client, abandon()) if self._is_over(None) else "What it started goes on."
            raise AICoreWorkerTerminated(
                f"Airflow ended the process of the task while it started an execution. {what_now}"
            ) from error

    def memory(self, context: Context, client: Client) -> TaskMemory:
        """Return what the task remembers of its earlier tries."""
        from airflow_provider_aicore.task_memory import TaskMemory

        return TaskMemory(context.get("task_state_store"), self.log, client.resource_group)

    def _leave_other_group(
        self, client: Client, memory: TaskMemory, abandon: Callable[[], Flow[tuple[str, ...]]]
    ) -> None:
        """End what an earlier try has started in another resource group than the task has now."""
        record = memory.read()
        if record is None or record.resource_group in {None, client.resource_group}:
            return
        with self.client(record.resource_group) as there:
            ended = there.run(abandon())
        self.log.warning(
            "The task's resource group was %s and is %s now. In the former: %s.",
            record.resource_group,
            client.resource_group,
            f"ended {', '.join(ended)}" if ended else "no execution was live",
        )
        memory.forget()

    def patience(self, client: Client) -> Patience:
        """Return how long to wait for the end of what an earlier generation left behind."""
        from airflow_provider_aicore.api.termination import Patience

        return Patience(client.retry, END_PATIENCE)

    def tell(
        self, ti: Any, started: Started, what: str, *, resource_group: str, scenario_id: str | None
    ) -> None:
        """Keep the execution's id and its link where others find them, and say what was done."""
        from airflow_provider_aicore import stats

        ti.xcom_push(key="execution_id", value=started.execution_id)
        stats.tell_start(started, resource_group)
        url = self.push_link(
            ti,
            AICoreExecutionLink(),
            resource_group=resource_group,
            execution_id=started.execution_id,
            configuration_id=started.configuration_id,
            scenario_id=scenario_id,
        )
        for execution_id in started.ended_before:
            self.log.warning("Ended execution %s, which the task's run before had left.", execution_id)
        for execution_id in started.superfluous:
            self.log.warning("Ended execution %s: it was a second one of this run.", execution_id)
        self.log.info(
            "%s execution %s of %s in resource group %s; configuration %s.%s",
            "An earlier try started" if started.adopted else "Started",
            started.execution_id,
            what,
            resource_group,
            started.configuration_id,
            f" {url}" if url else "",
        )

    def tag(self, client: Client, execution_id: str) -> None:
        """Write `metric_tags`; without a repeat, since an execution is worth more than its tags.

        A retry writes them again: AI Core replaces tags of the same name, as far as is known.
        """
        from airflow_provider_aicore.api import AICoreError, metrics
        from airflow_provider_aicore.api.call import once
        from airflow_provider_aicore.api.retry import NO_RETRY

        if not self.metric_tags:
            return
        call = metrics.modify(execution_id, tags=self.metric_tags)
        try:
            with self._ending_at_the_alarm(client, execution_id):
                client.run(once(call, NO_RETRY))
        except AICoreError as error:
            self.log.warning("Execution %s goes on without metric_tags. %s", execution_id, error)

    def _check_tags(self) -> None:
        from airflow_provider_aicore.api.metric_checks import tag_list

        with refusing_bad_input():
            tag_list({} if self.metric_tags is None else self.metric_tags)

    def on_deadline(self, client: Client, execution_id: str) -> NoReturn:
        """Stop the execution and fail."""
        raise AICoreWaitTimeout(
            f"Execution {execution_id} had not ended within the task's execution_timeout of "
            f"{self.execution_timeout}. {_end(client, execution_id)}"
        )

    def on_pending_timeout(self, client: Client, execution: Execution) -> NoReturn:
        """Find out why the execution does not start, stop it and fail."""
        from airflow_provider_aicore.api import diagnosis

        findings = client.run(diagnosis.why_not_started(execution, client.retry))
        what_now = _end(client, execution.id)
        if url := self.know_link(AICoreExecutionLink(), **link_fields(client, execution)):
            what_now = f"{what_now} Look at it: {url}"
        raise not_started(execution, self.pending_timeout or 0.0, findings, what_now)

    def on_told_to_end(self, client: Client, execution_id: str) -> NoReturn:
        """Stop the execution unless a later try goes on with it, and fail."""
        if self._is_over(execution_id):
            raise AICoreWorkerTerminated(
                f"Airflow ended the task while it waited for execution {execution_id}. "
                f"{_end(client, execution_id)}"
            )
        super().on_told_to_end(client, execution_id)

    def defer_until_ended(self, client: Client, execution_id: str, deadline: datetime | None) -> NoReturn:
        """Defer, unless the task was killed since it began.

        Airflow would refuse that, but tells of the kill with its next heartbeat only: neither a trigger nor a
        worker would be left to end the execution.
        """
        from airflow_provider_aicore.fate import Fate

        fate, _ = self._fate(None)
        if fate is Fate.KILLED:
            self.end_notice.give()
        super().defer_until_ended(client, execution_id, deadline)

    def _is_over(self, execution_id: str | None) -> bool:
        """Tell whether the task was killed, or has no try left; a worker that has to go is neither."""
        from airflow_provider_aicore.fate import Fate

        fate, has_tries_left = self._fate(execution_id)
        return fate is Fate.KILLED or (fate is Fate.BETWEEN and not has_tries_left)

    def _fate(self, execution_id: str | None) -> tuple[Fate, bool]:
        """Ask Airflow what became of the task, and look whether it has tries left after this one."""
        from airflow.providers.common.compat.sdk import get_current_context

        from airflow_provider_aicore.fate import Claim, Fate, fates

        if not self.stop_on_kill:
            return Fate.UNCLEAR, True
        try:
            ti = get_current_context()["ti"]
        except RuntimeError:  # executed without Airflow's task runner
            return Fate.UNCLEAR, True
        claim = Claim.of(ti, execution_id)
        return fates([claim])[claim], ti.try_number <= ti.max_tries


def _end(client: Client, execution_id: str) -> str:
    """End an execution; return what came of it, as a sentence."""
    from airflow_provider_aicore.api import AICoreError, termination

    try:
        accepted = client.run(termination.end(execution_id, client.retry, seconds=ASK_PATIENCE))
    except AICoreError as error:
        return f"It could not be stopped, so look after it in AI Core: {error}"
    if accepted:
        return "It was told to stop."
    return (
        "AI Core did not let it be stopped in its status: stop it there, or with AICoreStopExecutionOperator."
    )


def _abandon(client: Client, abandon: Flow[tuple[str, ...]]) -> str:
    """End what a start may have left; return what came of it, as a sentence."""
    from airflow_provider_aicore.api import AICoreError

    try:
        ended = client.run(abandon)
    except (AICoreError, TimeoutError) as error:
        return f"What it started could not be ended, so look after it in AI Core: {error}"
    return f"Ended: {', '.join(ended)}." if ended else "None was started."


def logical_run(ti: Any) -> LogicalRun:
    """Return the identity of what a task instance is to run."""
    from airflow_provider_aicore.ledger.logical_run import LogicalRun

    map_index = -1 if ti.map_index is None else ti.map_index
    # Airflow raises `max_tries` when a task is cleared, and only then.
    return LogicalRun(ti.dag_id, ti.run_id, ti.task_id, map_index, ti.max_tries, ti.try_number)
