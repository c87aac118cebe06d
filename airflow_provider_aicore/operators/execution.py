"""The operators for executions: run, start, stop, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from airflow_provider_aicore.base import AICoreBaseOperator, seconds
from airflow_provider_aicore.exceptions import AICoreWaitTimeout, refusing_bad_input
from airflow_provider_aicore.result import started_result
from airflow_provider_aicore.waiting import AICoreWaitingOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.termination import Patience

T = TypeVar("T")


class _AICoreOwnedExecutionOperator(AICoreWaitingOperator):
    """The base of operators whose execution is theirs: it does not outlive the task's deadline."""

    def on_deadline(self, client: Client, execution_id: str) -> NoReturn:
        """Stop the execution and fail."""
        from airflow_provider_aicore.api import AICoreError, termination

        try:
            accepted = client.run(termination.end(execution_id, client.retry))
            what_now = (
                "It was told to stop." if accepted else "AI Core did not let it be stopped in its status."
            )
        except AICoreError as error:
            what_now = f"It could not be stopped, so look after it in AI Core: {error}"
        raise AICoreWaitTimeout(
            f"Execution {execution_id} had not ended within the task's execution_timeout of "
            f"{self.execution_timeout}. {what_now}"
        )


class AICoreRunExecutableOperator(_AICoreOwnedExecutionOperator):
    """Runs an executable and waits until it has COMPLETED.

    It creates the configuration and starts an execution of it. A retry finds the execution that an earlier
    try has started: it goes on waiting for a live one and takes the result of one that has COMPLETED.
    Clearing the task runs it anew.

    :param scenario_id: the scenario. (templated)
    :param executable_id: the executable, which is its template's `metadata.name`, not its display name.
        (templated)
    :param parameters: values by name; text stays as it is, ``True`` becomes ``true``, numbers are written as
        Python does, dicts and lists as JSON, ``None`` is refused. (templated)
    :param input_artifacts: artifact ids by the name of the input. (templated)
    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s.
    :param poll_error_budget: seconds or timedelta without one good answer before the task fails.

    :return: ``{"id", "status", "configuration_id", "configuration_name", "scenario_id", "executable_id",
        "resource_group", "created_at", "submission_time", "start_time", "completion_time",
        "output_artifacts": {name: {"id", "name", "kind", "url"}}, "metrics": {name: last value}}``; times are
        ISO 8601, `metrics` is ``None`` if they could not be read.
    :raises AICoreInvalidInput: an argument is bad; nothing was sent.
    :raises AICoreExecutionFailed: the execution is DEAD, or was stopped (:class:`AICoreExecutionStopped`).
    :raises AICoreWaitTimeout: `execution_timeout` has passed; the execution was told to stop.
    """

    template_fields: Sequence[str] = (
        *AICoreBaseOperator.template_fields,
        "scenario_id",
        "executable_id",
        "parameters",
        "input_artifacts",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json", "input_artifacts": "json"}

    def __init__(
        self,
        *,
        scenario_id: str,
        executable_id: str,
        parameters: Mapping[str, Any] | None = None,
        input_artifacts: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.scenario_id = scenario_id
        self.executable_id = executable_id
        self.parameters = parameters
        self.input_artifacts = input_artifacts

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore import ledger
        from airflow_provider_aicore.api import ensure

        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        run = ledger.LogicalRun(ti.dag_id, ti.run_id, ti.task_id, map_index, generation=ti.max_tries)
        with self.connect() as client:
            with refusing_bad_input():
                bindings = ensure.Bindings.of(
                    self.scenario_id,
                    self.executable_id,
                    {} if self.parameters is None else self.parameters,
                    {} if self.input_artifacts is None else self.input_artifacts,
                )
            started = client.run(ledger.start(run, bindings, client.retry))
            ti.xcom_push(key="execution_id", value=started.execution_id)
            self.log.info(
                "%s execution %s of executable %s of scenario %s in resource group %s; configuration %s.",
                "An earlier try started" if started.adopted else "Started",
                started.execution_id,
                self.executable_id,
                self.scenario_id,
                client.resource_group,
                started.configuration_id,
            )
            return self.wait(client, started.execution_id, self.deadline(context))


class AICoreStartExecutionOperator(_AICoreOwnedExecutionOperator):
    """Starts an execution of a given configuration, and waits until it has COMPLETED unless told not to.

    :param configuration_id: the configuration; others may use it as well. (templated)
    :param wait_for_completion: wait for the end; ``False`` leaves that to an :class:`AICoreExecutionSensor`.
    :param deferrable: wait in the triggerer; as ``[operators] default_deferrable`` says if not given.
    :param poll_interval: seconds or timedelta between two looks, at least 1 s.
    :param poll_error_budget: seconds or timedelta without one good answer before the task fails.

    :return: as :class:`AICoreRunExecutableOperator`; without waiting as far as it is known at the start:
        `status` is mostly ``UNKNOWN`` then, and what is not known yet is ``None`` or empty.
    :raises AICoreInvalidInput: an argument is bad; nothing was sent.
    :raises AICoreExecutionFailed: the execution is DEAD, or was stopped (:class:`AICoreExecutionStopped`).
    :raises AICoreWaitTimeout: `execution_timeout` has passed; the execution was told to stop.
    """

    template_fields: Sequence[str] = (*AICoreBaseOperator.template_fields, "configuration_id")

    def __init__(self, *, configuration_id: str, wait_for_completion: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.configuration_id = configuration_id
        self.wait_for_completion = wait_for_completion

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import executions

        with self.connect() as client:
            with refusing_bad_input():
                call = executions.create(self.configuration_id)
            created = client.send(call)
            context["ti"].xcom_push(key="execution_id", value=created.id)
            self.log.info(
                "Started execution %s of configuration %s in resource group %s.",
                created.id,
                self.configuration_id,
                client.resource_group,
            )
            if not self.wait_for_completion:
                return started_result(created, self.configuration_id, client.resource_group)
            return self.wait(client, created.id, self.deadline(context))


class _AICoreEndExecutionOperator(AICoreBaseOperator):
    """The base of operators that end an execution."""

    template_fields: Sequence[str] = (*AICoreBaseOperator.template_fields, "execution_id")

    def __init__(self, *, execution_id: str, patience: float | timedelta = 300.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.execution_id = execution_id
        self.patience = seconds("patience", patience, least=0.0)

    def _end(self, how: Callable[[str, Patience], Flow[T]]) -> T:
        from airflow_provider_aicore.api import validation
        from airflow_provider_aicore.api.termination import Patience

        with refusing_bad_input():
            validation.check_id("execution_id", self.execution_id)
        with self.connect() as client:
            try:
                return client.run(how(self.execution_id, Patience(client.retry, self.patience)))
            except TimeoutError as error:
                raise AICoreWaitTimeout(str(error)) from error


class AICoreStopExecutionOperator(_AICoreEndExecutionOperator):
    """Stops an execution and waits until it has ended; one that has ended already is left as it is.

    :param execution_id: the execution. (templated)
    :param patience: seconds or timedelta to try for: AI Core refuses to stop an execution whose status is
        UNKNOWN, with which each begins, and a stop takes a while.

    :return: ``{"id", "status"}``, the status in which it ended.
    :raises AICoreInvalidInput: the id is malformed; nothing was sent.
    :raises AICoreWaitTimeout: it has not ended in time.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import termination

        ended = self._end(termination.stop)
        self.log.info("Execution %s has ended: it is %s.", ended.id, ended.status)
        return {"id": ended.id, "status": ended.status.value}


class AICoreDeleteExecutionOperator(_AICoreEndExecutionOperator):
    """Deletes an execution, stopping it first where it still runs; its artifacts and their files stay.

    :param execution_id: the execution. (templated)
    :param patience: seconds or timedelta to try for; AI Core stops and deletes later than it answers.

    :return: ``{"id", "deleted"}``; `deleted` is false where there was none.
    :raises AICoreInvalidInput: the id is malformed; nothing was sent.
    :raises AICoreWaitTimeout: it is not gone in time.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import termination

        deleted = self._end(termination.delete)
        self.log.info("Execution %s %s.", self.execution_id, "is deleted" if deleted else "was not there")
        return {"id": self.execution_id, "deleted": deleted}
