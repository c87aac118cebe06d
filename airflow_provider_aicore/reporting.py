"""What a task makes of an execution that has ended: its log, its result, or why it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.base import AICoreBaseOperator, names
from airflow_provider_aicore.exceptions import failure, output_missing, outputs_unseen
from airflow_provider_aicore.links.aicore import AICoreExecutionLink
from airflow_provider_aicore.log_output import (
    LOG_LINES,
    Logs,
    checked_log_lines,
    checked_logs,
    read_tail,
    show_rest,
    show_tail,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aicore.api import Client, Execution
    from airflow_provider_aicore.api.failure_report import FailureReport
    from airflow_provider_aicore.api.log_following import LogFollower
    from airflow_provider_aicore.api.models import LogLine
    from airflow_provider_aicore.lineage import Lineage


class AICoreReportingOperator(AICoreBaseOperator):
    """The base of what tells how an execution has ended.

    :param logs: ``tail`` shows the end of the execution's log in the task's once it has ended, however it
        did; ``live`` shows all of it while it runs; ``none`` shows nothing of it.
    :param log_lines: so many lines of the end at most, 1 to 1000.
    :param expected_outputs: names of output artifacts without which an execution that has COMPLETED fails the
        task. (templated)
    """

    template_fields: Sequence[str] = (*AICoreBaseOperator.template_fields, "expected_outputs")
    operator_extra_links = (AICoreExecutionLink(),)

    def __init__(
        self,
        *,
        logs: Logs = "tail",
        log_lines: int = LOG_LINES,
        expected_outputs: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.logs = checked_logs(logs)
        self.log_lines = checked_log_lines(log_lines)
        self.expected_outputs = expected_outputs
        self.log_was_shown = False
        self.log_follower: LogFollower | None = None
        self.outcome: dict[str, Any] | None = None
        self.lineage: Lineage | None = None

    def post_execute(self, context: Context, result: Any = None) -> None:
        """Tell those who wait for the task's outlets what came out of it; Airflow gives no result here."""
        from airflow_provider_aicore.outlets import tell_outlets

        if self.outcome is not None:
            tell_outlets(self.outlets, context["outlet_events"], self.outcome)

    def show_log(self, client: Client, execution: Execution) -> list[LogLine]:
        """Show as much of the execution's log as `logs` asks for and is not shown yet; return its end."""
        from airflow_provider_aicore.api import lifecycle

        if self.logs == "none":
            return []
        if self.log_follower is not None:
            self.log_was_shown = show_rest(client, self.log_follower, self.log)
        if not self.log_was_shown:
            return show_tail(client, execution, self.log_lines, self.log) or []
        if lifecycle.outcome(execution.status) is lifecycle.Outcome.SUCCEEDED:
            return []  # Only who tells of a failure needs it again.
        return read_tail(client, execution, self.log_lines, self.log) or []

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
        from airflow_provider_aicore.api import AICoreError, outputs

        needed = names(self.expected_outputs)
        try:
            execution, lacking = client.run(outputs.settled(execution, needed, client.retry))
        except AICoreError as error:
            raise outputs_unseen(execution, error, self.aicore_conn_id) from error
        if lacking is not None:
            raise output_missing(execution, lacking)
        return execution

    def _tell_end(self, client: Client, execution: Execution) -> None:
        """Leave what is known in the end where Airflow finds it, whatever the task makes of it."""
        from airflow_provider_aicore import stats

        stats.tell_end(execution, client.resource_group)
        self.know_link(AICoreExecutionLink(), **link_fields(client, execution))

    def _trace(self, client: Client, execution: Execution) -> None:
        """Look up what OpenLineage is to be told, where it is at work."""
        from airflow_provider_aicore import lineage

        self.lineage = lineage.trace(client, execution, self.log)

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
        from airflow_provider_aicore.result import xcom_value

        self._tell_end(client, execution)
        lines = self.show_log(client, execution)
        if lifecycle.outcome(execution.status) is not lifecycle.Outcome.SUCCEEDED:
            self._trace(client, execution)
            raise failure(self.report(client, execution, lines))
        execution = self.with_outputs(client, execution)
        self._trace(client, execution)
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
