"""The operator for metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from airflow.providers.common.compat.sdk import AirflowSkipException, BranchMixIn, DownstreamTasksSkipped

from airflow_provider_aicore.base import AICoreBaseOperator
from airflow_provider_aicore.exceptions import (
    AICoreInvalidInput,
    AICoreMetricGateClosed,
    AICoreMetricMissing,
    refusing_bad_input,
)
from airflow_provider_aicore.metric_conditions import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api.metric_verdicts import Verdict
    from airflow_provider_aicore.metric_conditions import Condition

Otherwise = Literal["fail", "skip", "branch"]
OnMissing = Literal["fail", "not_passed"]
Branch = str | list[str] | None

_NO_EXECUTION = (None, "", "None")
"""What a template makes of an XCom that is not there is text."""


class AICoreMetricGateOperator(AICoreBaseOperator, BranchMixIn):
    """Lets the DAG run go on where the metrics of an execution meet all conditions.

    Conditions look like ``accuracy >= 0.9``, ``max(accuracy{split=test}) > baseline + 0.01`` or
    ``loss@40 <= 1.05 * baseline``; docs/metrics.md has all forms. One that cannot be read is refused when the
    DAG file is parsed; one with a template in it, and those of a mapped task, before anything is asked.

    :param execution_id: the execution. (templated)
    :param conditions: one or several; all have to hold. (templated)
    :param baseline_execution_id: the execution that ``baseline`` in a condition stands for, in the same
        resource group; if empty or ``None`` there is none to be better than, and such conditions hold.
        (templated)
    :param otherwise: what to do if a condition does not hold. ``fail``: this task fails, without retries.
        ``skip``: this task is skipped, and what follows as its trigger rules say. ``branch``: go on with
        `if_failed`, and with `if_passed` if all hold.
    :param if_passed: ids of tasks or task groups right behind this one; the others there are skipped.
    :param if_failed: likewise; ``None`` skips all.
    :param on_missing: what becomes of a condition that cannot be judged since the metric is not there, not
        with these labels, or not at this step. ``fail``: this task fails, whatever `otherwise` says.
        ``not_passed``: the condition does not hold.

    :return: ``{"passed", "execution_id", "baseline_execution_id", "conditions": [{"condition", "value",
        "wanted", "passed", "reason"}]}``; also where this task is skipped.
    :raises AICoreInvalidInput: an argument is bad.
    :raises AICoreMetricGateClosed: a condition does not hold.
    :raises AICoreMetricMissing: a condition cannot be judged.
    """

    inherits_from_skipmixin = True

    template_fields: Sequence[str] = (
        *AICoreBaseOperator.template_fields,
        "execution_id",
        "conditions",
        "baseline_execution_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"conditions": "json"}

    def __init__(
        self,
        *,
        execution_id: str,
        conditions: str | Sequence[str],
        baseline_execution_id: str | None = None,
        otherwise: Otherwise = "fail",
        if_passed: Branch = None,
        if_failed: Branch = None,
        on_missing: OnMissing = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value, known in (
            ("otherwise", otherwise, get_args(Otherwise)),
            ("on_missing", on_missing, get_args(OnMissing)),
        ):
            if value not in known:
                raise AICoreInvalidInput(f"{name} is {value!r}, but it is one of {', '.join(known)}.")
        if otherwise != "branch" and (if_passed or if_failed):
            raise AICoreInvalidInput("if_passed and if_failed need otherwise='branch'.")
        if otherwise == "branch" and not (if_passed or if_failed):
            raise AICoreInvalidInput("otherwise='branch' needs if_passed or if_failed: what to go on with.")
        if isinstance(conditions, str | list | tuple):  # else an XComArg, or a task's output
            _read([text for text in _texts(conditions) if not _is_filled_in_later(text)])
        self.execution_id = execution_id
        self.conditions = conditions
        self.baseline_execution_id = baseline_execution_id
        self.otherwise = otherwise
        self.if_passed = if_passed
        self.if_failed = if_failed
        self.on_missing = on_missing

    def execute(self, context: Context) -> dict[str, Any]:
        conditions = _read(_texts(self.conditions))
        if self.otherwise == "branch":
            self._check_branches(context["ti"])
        baseline_id = None if self.baseline_execution_id in _NO_EXECUTION else self.baseline_execution_id
        if baseline_id is None and any(condition.needs_baseline for condition in conditions):
            self.log.warning("There is no baseline_execution_id: each condition on the baseline holds.")
        verdicts = self._judge(conditions, baseline_id)
        self.log.info("Conditions on execution %s:\n%s", self.execution_id, _table(verdicts))
        self._fail_if_closed(verdicts)
        passed = all(verdict.passed for verdict in verdicts)
        result = {
            "passed": passed,
            "execution_id": self.execution_id,
            "baseline_execution_id": baseline_id,
            "conditions": [verdict.as_dict() for verdict in verdicts],
        }
        if self.otherwise == "branch" or not passed:
            self._push(context["ti"], result)
        if self.otherwise == "branch":
            self.do_branch(context, self.if_passed if passed else self.if_failed)
        elif not passed:
            raise AirflowSkipException(self._what_fails(verdicts))
        return result

    def _judge(self, conditions: Sequence[Condition], baseline_id: str | None) -> list[Verdict]:
        from airflow_provider_aicore.api import metrics
        from airflow_provider_aicore.api.metric_verdicts import judge
        from airflow_provider_aicore.api.models import ExecutionMetrics
        from airflow_provider_aicore.api.validation import check_id

        with self.connect() as client:
            with refusing_bad_input():
                ids = [check_id("execution_id", _given(self.execution_id))]
                if baseline_id is not None and any(condition.needs_baseline for condition in conditions):
                    ids.append(check_id("baseline_execution_id", baseline_id))
            found = client.run(metrics.find_many(ids, client.retry, select=["metrics"]))
        tracked = [found.get(each) or ExecutionMetrics(execution_id=each) for each in ids]
        return [
            judge(condition, tracked[0], tracked[-1] if baseline_id else None) for condition in conditions
        ]

    def _fail_if_closed(self, verdicts: Sequence[Verdict]) -> None:
        if self.on_missing == "fail" and any(verdict.is_missing for verdict in verdicts):
            raise AICoreMetricMissing(
                f"{self._what_fails(verdicts)} Correct the condition, or let the execution write what is "
                "missing; on_missing='not_passed' takes it for a condition that does not hold.",
                self.execution_id,
            )
        if self.otherwise == "fail" and not all(verdict.passed for verdict in verdicts):
            raise AICoreMetricGateClosed(
                f"{self._what_fails(verdicts)} Run it again with other parameters or data, or change the "
                "condition. The task is not retried: what was measured stays as it is.",
                self.execution_id,
            )

    def _what_fails(self, verdicts: Sequence[Verdict]) -> str:
        failed = [f"{one.condition!r}: {one.reason}." for one in verdicts if not one.passed]
        return (
            f"Execution {self.execution_id} does not meet {len(failed)} of {len(verdicts)} conditions. "
            f"{' '.join(failed)}"
        )

    def _check_branches(self, ti: Any) -> None:
        """Refuse what Airflow would take and then skip everything, or nothing."""
        if (
            (ti.map_index or 0) >= 0
            and ti.map_index is not None
            and self.get_closest_mapped_task_group() is None
        ):
            raise AICoreInvalidInput(
                "A mapped task cannot branch, since Airflow skips nothing behind it: put it into a mapped "
                "task group, or use otherwise='skip'."
            )
        groups = self.dag.task_group_dict
        for name, branch in (("if_passed", self.if_passed), ("if_failed", self.if_failed)):
            for one in [branch] if isinstance(branch, str) else branch or ():
                tasks = {root.task_id for root in groups[one].roots} if one in groups else {one}
                if not tasks & self.downstream_task_ids:
                    raise AICoreInvalidInput(
                        f"{name} has {one!r}, which is no task or task group right behind {self.task_id!r}: "
                        f"{', '.join(sorted(self.downstream_task_ids)) or 'nothing'} is."
                    )

    @staticmethod
    def _set_state_to_skipped(tasks: Sequence[str | tuple[str, int]], map_index: int | None) -> None:  # noqa: ARG004 - so it is called
        """Skip in a mapped task group as anywhere else.

        Airflow leaves that to the moment when such a task would run, where 3.3 does not see any more that it
        is to be skipped.
        """
        if tasks:
            raise DownstreamTasksSkipped(tasks=tasks)

    def _push(self, ti: Any, result: dict[str, Any]) -> None:
        """Push the result as Airflow does, which does so only for what neither skips nor is skipped."""
        if self.do_xcom_push:
            for key, value in {**result, "return_value": result}.items():
                ti.xcom_push(key=key, value=value)


def _texts(conditions: object) -> list[str]:
    texts = [conditions] if isinstance(conditions, str) else conditions
    if not (isinstance(texts, list | tuple) and texts):
        raise AICoreInvalidInput(
            f"conditions is {conditions!r}, but text such as 'accuracy >= 0.9', or a list of it, is needed."
        )
    return list(texts)


def _is_filled_in_later(text: object) -> bool:
    """Tell whether it is a template, or the output of another task, which is what can be resolved."""
    return "{{" in text or "{%" in text if isinstance(text, str) else hasattr(text, "resolve")


def _read(texts: Sequence[str]) -> list[Condition]:
    for text in texts:
        if not isinstance(text, str):
            raise AICoreInvalidInput(
                f"conditions has {text!r}, but text such as 'accuracy >= 0.9' is needed."
            )
    with refusing_bad_input():
        return [read(text) for text in texts]


def _given(execution_id: str | None) -> str:
    if execution_id in _NO_EXECUTION:
        raise ValueError(f"execution_id is {execution_id!r}: the task that gives it has given none.")
    return str(execution_id)


def _table(verdicts: Sequence[Verdict]) -> str:
    width = max(len(verdict.condition) for verdict in verdicts)
    return "\n".join(f"  {_word(one):<15}{one.condition:<{width}}   {one.reason}" for one in verdicts)


def _word(verdict: Verdict) -> str:
    if verdict.is_missing:
        return "cannot tell"
    return "holds" if verdict.passed else "does not hold"
