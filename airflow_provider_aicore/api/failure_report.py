"""What is told of an execution that ended without success: what failed, why, what to do, where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api.causes import INPUT_MISSING, recognise
from airflow_provider_aicore.api.lifecycle import has_started
from airflow_provider_aicore.api.log_lines import cut, scrubbed, shown
from airflow_provider_aicore.api.models import ExecutionStatus
from airflow_provider_aicore.api.status_details import failed_container, messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider_aicore.api.causes import Recognised
    from airflow_provider_aicore.api.models import Execution, LogLine

MAX_LINES = 25
MAX_LINE = 500
"""Characters of a line in a report; the log of the task has more."""
MAX_SAID = 600
"""Characters of one text of AI Core in a report."""
MAX_REPORT = 8000
"""Characters of a whole report, which Airflow stores and sends about."""

_SIGNALS = {137: "killed, as when it has no more memory", 143: "told to terminate"}


class FailureReport:
    """All that is known of an execution that has ended without success.

    :param lines: the end of its log, oldest first.
    :param where: where a person can look at it, if there is such a place.
    """

    def __init__(
        self,
        execution: Execution,
        *,
        resource_group: str | None = None,
        lines: Sequence[LogLine] = (),
        where: str | None = None,
    ) -> None:
        self.execution, self._group, self._lines, self._where = execution, resource_group, lines, where
        self.input_urls: Mapping[str, str] = {}
        self.cause: Recognised | None = recognise(execution, lines)

    @property
    def needs_inputs(self) -> bool:
        """Whether it helps to know where the input artifacts are; then :attr:`input_urls` is to be filled."""
        return self.cause is not None and self.cause.cause.name == INPUT_MISSING

    def __str__(self) -> str:
        """Put it in words, in at most :data:`MAX_REPORT` characters, without secrets."""
        head = scrubbed("\n".join(self._head()))[: MAX_REPORT // 2]
        return "\n".join((head, *self._last_lines(MAX_REPORT - len(head))))

    def _head(self) -> list[str]:
        execution = self.execution
        if execution.status is ExecutionStatus.STOPPED:
            verdict = "was stopped"
            advice = (
                "Someone stopped it in AI Core. If it is still needed, start it anew: clear the task that "
                "started it, if one did."
            )
        else:
            verdict = f"is {execution.status}"
            advice = str(self.cause or "None of the known causes: read the end of its log.")
        why = "; ".join(self._reasons()) or "AI Core gives no reason"
        where = f"Look at it: {self._where}" if self._where else ""
        inputs = "; ".join(f"{name}: {cut(url, MAX_LINE)}" for name, url in self.input_urls.items())
        inputs = f"Its input artifacts are {inputs}." if inputs else ""
        said = f"{which(execution)} {verdict}: {why}."
        parts = (said, advice, where, self._what(), self._times(), for_support(execution), inputs)
        return [part for part in parts if part]

    def _reasons(self) -> list[str]:
        """Return AI Core's own words, each once."""
        execution = self.execution
        container = failed_container(execution.status_details)
        texts = [execution.status_message or "", *messages(execution.status_details)[:3]]
        if container is not None:
            pod = f" of pod {container.pod}" if container.pod not in {"", execution.id} else ""
            signal = f" ({_SIGNALS[container.exit_code]})" if container.exit_code in _SIGNALS else ""
            said = f": {container.message}" if container.message and container.message not in texts else ""
            texts.append(
                f"container {container.name!r}{pod} ended with exit code {container.exit_code}{signal}{said}"
            )
        return list(dict.fromkeys(cut(text.strip().rstrip("."), MAX_SAID) for text in texts if text.strip()))

    def _what(self) -> str:
        execution = self.execution
        what = f"executable {execution.executable_id or '?'} of scenario {execution.scenario_id or '?'}"
        where = f" in resource group {self._group!r}" if self._group else ""
        return f"It is of {what}, with configuration {execution.configuration_id}{where}."

    def _times(self) -> str:
        execution = self.execution
        created = f"Created {execution.created_at:%Y-%m-%d %H:%M:%S} UTC"
        end = execution.completion_time or execution.modified_at
        if not (has_started(execution) and execution.start_time):
            return f"{created}, never started, ended after {_seconds(execution.created_at, end)}."
        waited = _seconds(execution.created_at, execution.start_time)
        return f"{created}, started after {waited}, ran for {_seconds(execution.start_time, end)}."

    def _last_lines(self, room: int) -> list[str]:
        """Return as many of the last lines as there is room for."""
        container = failed_container(self.execution.status_details)
        if not self._lines:
            last = scrubbed(container.log) if container else ""
            return [f"The end of its log: {last}"] if last else ["Its log is empty or was not read."]
        said: list[str] = []
        room -= 100  # for the heading
        for line in reversed(self._lines[-MAX_LINES:]):
            text = f"  {cut(shown(line, self.execution.id).text, MAX_LINE)}"
            room -= len(text) + 1
            if room < 0:
                break
            said.append(text)
        return ["The end of its log:", *reversed(said)]


def which(execution: Execution) -> str:
    """Name an execution for a person."""
    configuration = execution.configuration_name or execution.configuration_id
    return f"Execution {execution.id} of configuration {configuration!r}"


def for_support(execution: Execution) -> str:
    """Name the request whose answer told this; empty where AI Core has named none."""
    return f"Request id: {cut(execution.request_id, MAX_LINE)}." if execution.request_id else ""


def _seconds(begin: datetime, end: datetime) -> str:
    return f"{max(0.0, (end - begin).total_seconds()):.0f} s"
