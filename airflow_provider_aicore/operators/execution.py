"""The operators for executions: run, start, stop, delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow_provider_aicore.binding import AICoreBindingOperator
from airflow_provider_aicore.exceptions import AICoreInvalidInput, refusing_bad_input
from airflow_provider_aicore.interruption import alarm_put_off
from airflow_provider_aicore.operators.ending import (
    AICoreDeleteExecutionOperator,
    AICoreStopExecutionOperator,
)
from airflow_provider_aicore.owning import AICoreOwningOperator, logical_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client
    from airflow_provider_aicore.api.models import Configuration
    from airflow_provider_aicore.ledger.memory import Started

__all__ = [
    "AICoreDeleteExecutionOperator",
    "AICoreRunExecutableOperator",
    "AICoreStartExecutionOperator",
    "AICoreStopExecutionOperator",
]

Dedupe = Literal["window", "clone"]


class AICoreRunExecutableOperator(AICoreBindingOperator, AICoreOwningOperator):
    """Runs an executable and waits until it has COMPLETED.

    It creates the configuration and starts an execution of it. A retry finds the execution that an earlier
    try has started: it goes on waiting for a live one and takes the result of one that has COMPLETED.
    Clearing the task runs it anew.

    :param scenario_id: the scenario. (templated)
    :param executable_id: the executable, which is its template's `metadata.name`, not its display name.
        (templated)
    :param template: in place of both ids: the WorkflowTemplate as a file beside the DAG file. What is known
        of the bindings when the DAG is parsed is checked with it.
    :param parameters: values by name; text stays as it is, ``True`` becomes ``true``, numbers are written as
        Python does, dicts and lists as JSON, ``None`` is refused. (templated)
    :param input_artifacts: artifact ids by the name of the input. (templated)
    :param preflight: what to do where the bindings do not fit the executable: ``error`` fails the task before
        anything is created, ``warn`` only logs it, ``off`` does not look.
    :param validate_only: look at everything, object store secrets included, and create and start nothing.
    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s.
    :param poll_error_budget: seconds or timedelta without one good answer before the task fails; the
        execution is left alone then.
    :param expected_duration: seconds or timedelta that the execution will probably take from its creation on;
        about then looks come sooner than `poll_interval`. Not known if not given.
    :param pending_timeout: seconds or timedelta since its creation after which an execution that has not
        started is stopped, and the task fails with what was found to keep it; never if not given.
    :param logs: ``tail`` shows the end of the execution's log in the task's once it has ended, ``live`` all
        of it while it runs, within a budget (docs/logs.md), ``none`` nothing.
    :param log_lines: so many lines at most at the end, 1 to 1000.
    :param expected_outputs: names of output artifacts without which an execution that has COMPLETED fails the
        task. (templated)
    :param stop_on_kill: end the execution when the task is killed: marked, cleared, or deleted, by a user or
        with its run; ``False`` leaves it running, until a clear.
    :param metric_tags: tags for the execution's metrics, values by name, such as
        ``{"airflow-run": "{{ run_id }}"}``; written after the start, and trouble with that is a warning. None
        if not given. (templated)

    :return: ``{"id", "status", "configuration_id", "configuration_name", "scenario_id", "executable_id",
        "resource_group", "created_at", "submission_time", "start_time", "completion_time",
        "output_artifacts": {name: {"id", "name", "kind", "url"}}, "metrics": {name: last value}}``; times are
        ISO 8601, `metrics` is ``None`` if they could not be read. With `validate_only` ``{"valid": True,
        "warnings": [text]}``.
    :raises AICoreInvalidInput: an argument is bad, or the bindings do not fit; nothing was created.
    :raises AICoreRefused: AI Core refused the start, or the credentials.
    :raises AICoreExecutionFailed: the execution is DEAD, or was stopped (:class:`AICoreExecutionStopped`).
    :raises AICoreOutputMissing: the execution is COMPLETED without one of `expected_outputs`.
    :raises AICoreExecutionNotStarted: `pending_timeout` has passed; the execution was told to stop.
    :raises AICoreWaitTimeout: `execution_timeout` has passed; the execution was told to stop.
    :raises AICoreUnreachable: the execution could not be looked at; it goes on, and a retry finds it.
    :raises AICoreWorkerTerminated: Airflow ended the task's process.
    """

    template_fields: Sequence[str] = tuple(
        dict.fromkeys((*AICoreOwningOperator.template_fields, *AICoreBindingOperator.template_fields))
    )

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.ledger import own_configuration

        run = logical_run(context["ti"])
        with alarm_put_off(), self.connect() as client:
            bindings = self.bindings()
            if self.validate_only:
                return self.validate(client, bindings)
            checking = self.checking(client, bindings)
            patience = self.patience(client)
            memory = self.memory(context, client)
            started = self.start(
                client,
                memory,
                own_configuration.start(run, bindings, patience, memory, before_creation=checking),
                lambda: own_configuration.abandon(run, patience, memory),
            )
            self.tell(
                context["ti"],
                started,
                f"executable {self.executable_id} of scenario {self.scenario_id}",
                resource_group=client.resource_group,
                scenario_id=self.scenario_id,
            )
            self.tag(client, started.execution_id)
            return self.wait(context, client, started.execution_id)


class AICoreStartExecutionOperator(AICoreOwningOperator):
    """Starts an execution of a given configuration, and waits until it has COMPLETED unless told not to.

    :param configuration_id: the configuration; others may use it as well. (templated)
    :param dedupe: how a retry finds what an earlier try has started. ``window``: AI Core's time is noted
        before the start, and the one execution of the configuration that began in the two minutes after it is
        taken; without Airflow's task state store (before 3.3) the one that began since the DAG run did.
        ``clone``: the configuration is copied under a name of the task's own, with the full guarantee.
    :param scenario_id: the configuration is refused if it is of another scenario. (templated)
    :param executable_id: likewise for the executable. (templated)
    :param wait_for_completion: wait for the end; ``False`` leaves that to an :class:`AICoreExecutionSensor`.
    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s.
    :param poll_error_budget: seconds or timedelta without one good answer before the task fails; the
        execution is left alone then.
    :param expected_duration: seconds or timedelta that the execution will probably take from its creation on;
        about then looks come sooner than `poll_interval`. Not known if not given.
    :param pending_timeout: seconds or timedelta since its creation after which an execution that has not
        started is stopped, and the task fails with what was found to keep it; never if not given.
    :param logs: ``tail`` shows the end of the execution's log in the task's once it has ended, ``live`` all
        of it while it runs, within a budget (docs/logs.md), ``none`` nothing.
    :param log_lines: so many lines at most at the end, 1 to 1000.
    :param expected_outputs: names of output artifacts without which an execution that has COMPLETED fails the
        task. (templated)
    :param stop_on_kill: end the execution when the task is killed: marked, cleared, or deleted, by a user or
        with its run; ``False`` leaves it running, until a clear.
    :param metric_tags: tags for the execution's metrics, values by name, such as
        ``{"airflow-run": "{{ run_id }}"}``; written after the start, and trouble with that is a warning. None
        if not given. (templated)

    :return: as :class:`AICoreRunExecutableOperator`; without waiting as far as it is known at the start:
        `status` is ``UNKNOWN`` then, and what is not known yet is ``None`` or empty.
    :raises AICoreInvalidInput: an argument is bad; nothing was started.
    :raises AICoreAmbiguousStart: several executions can be that of an earlier try; nothing was started.
    :raises AICoreRefused: AI Core refused the start, or the credentials.
    :raises AICoreExecutionFailed: the execution is DEAD, or was stopped (:class:`AICoreExecutionStopped`).
    :raises AICoreOutputMissing: the execution is COMPLETED without one of `expected_outputs`.
    :raises AICoreExecutionNotStarted: `pending_timeout` has passed; the execution was told to stop.
    :raises AICoreWaitTimeout: `execution_timeout` has passed; the execution was told to stop.
    :raises AICoreUnreachable: the execution could not be looked at; it goes on, and a retry finds it.
    :raises AICoreWorkerTerminated: Airflow ended the task's process.
    """

    template_fields: Sequence[str] = (
        *AICoreOwningOperator.template_fields,
        "configuration_id",
        "scenario_id",
        "executable_id",
    )

    def __init__(
        self,
        *,
        configuration_id: str,
        dedupe: Dedupe = "window",
        scenario_id: str | None = None,
        executable_id: str | None = None,
        wait_for_completion: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if dedupe not in get_args(Dedupe):
            raise AICoreInvalidInput(f"dedupe is {dedupe!r}, but it is one of {', '.join(get_args(Dedupe))}.")
        self.configuration_id = configuration_id
        self.dedupe = dedupe
        self.scenario_id = scenario_id
        self.executable_id = executable_id
        self.wait_for_completion = wait_for_completion

    def execute(self, context: Context) -> dict[str, Any]:
        with alarm_put_off(), self.connect() as client:
            configuration = self._checked_configuration(client)
            how = self._clone if self.dedupe == "clone" else self._start_given
            started = how(context, client, configuration)
            self.tell(
                context["ti"],
                started,
                "the given configuration",
                resource_group=client.resource_group,
                scenario_id=configuration.scenario_id,
            )
            self.tag(client, started.execution_id)
            if not self.wait_for_completion:
                from airflow_provider_aicore.result import started_result

                with self.ending_when_told(client, started.execution_id):
                    return started_result(started, client.resource_group)
            return self.wait(context, client, started.execution_id)

    def _checked_configuration(self, client: Client) -> Configuration:
        """Read the configuration, and refuse one of another scenario or executable."""
        from airflow_provider_aicore.api import configurations

        with refusing_bad_input():
            call = configurations.get(self.configuration_id)
        found = client.send(call)
        for name in ("scenario_id", "executable_id"):
            wanted, actual = getattr(self, name), getattr(found, name)
            if wanted is not None and wanted != actual:
                raise AICoreInvalidInput(
                    f"Configuration {found.id} ({found.name!r}) has {name} {actual!r}, but {wanted!r} is "
                    "expected. Nothing was started."
                )
        return found

    def _clone(self, context: Context, client: Client, configuration: Configuration) -> Started:
        from airflow_provider_aicore.api.ensure import Bindings
        from airflow_provider_aicore.ledger import own_configuration

        run, memory, patience = (
            logical_run(context["ti"]),
            self.memory(context, client),
            self.patience(client),
        )
        bindings = Bindings.those_of(configuration)
        return self.start(
            client,
            memory,
            own_configuration.start(run, bindings, patience, memory),
            lambda: own_configuration.abandon(run, patience, memory),
        )

    def _start_given(self, context: Context, client: Client, configuration: Configuration) -> Started:
        from airflow_provider_aicore.ledger import given_configuration

        ti = context["ti"]
        attempt = given_configuration.Attempt(
            configuration.id,
            generation=ti.max_tries,
            # The tries that a generation has left are what `retries` gives it.
            is_first_try=ti.try_number <= ti.max_tries - (self.retries or 0) + 1,
            not_before=context["dag_run"].start_date or datetime.min.replace(tzinfo=UTC),
        )
        memory, patience = self.memory(context, client), self.patience(client)
        return self.start(
            client,
            memory,
            given_configuration.start(attempt, patience, memory),
            lambda: given_configuration.abandon(patience, memory),
        )
