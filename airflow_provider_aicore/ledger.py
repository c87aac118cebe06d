"""Which execution belongs to which task instance; it knows no Airflow.

AI Core has no idempotency key, no label and no name on executions, so the *configuration* carries the
identity: its name ends in a hash of the logical run, and a search for the hash finds it from anywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from airflow_provider_aicore.api import ensure, executions
from airflow_provider_aicore.api.call import Flow, once, pages
from airflow_provider_aicore.api.ensure import Bindings, named_configurations
from airflow_provider_aicore.api.lifecycle import Outcome, is_on_its_way_out, outcome
from airflow_provider_aicore.api.validation import MAX_NAME

if TYPE_CHECKING:
    from airflow_provider_aicore.api.models import Configuration, Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

_DIGEST_LENGTH = 24
_NOT_READABLE = re.compile(r"[^\w.+: -]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogicalRun:
    """What is to be run once: a task of a DAG run, over all its tries.

    :param generation: stays the same over retries and changes when a user clears the task, who wants a new
        run then.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    generation: int

    @property
    def mark(self) -> str:
        """The hash that stands in the configuration's name."""
        text = json.dumps(astuple(self))
        return f"af-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]}"

    @property
    def configuration_name(self) -> str:
        """A name that a person can read, in the characters that AI Core takes, and the mark."""
        mapped = f" {self.map_index}" if self.map_index >= 0 else ""
        readable = _NOT_READABLE.sub("_", f"{self.dag_id}.{self.task_id}{mapped} {self.run_id}")
        return f"{readable[: MAX_NAME - len(self.mark) - 1]} {self.mark}"


@dataclass(frozen=True, slots=True)
class Started:
    """The execution of a logical run.

    :param adopted: an earlier try had started it.
    """

    execution_id: str
    configuration_id: str
    adopted: bool


def start(run: LogicalRun, bindings: Bindings, retry: RetryPolicy) -> Flow[Started]:
    """Find the execution that an earlier try of this run has started, or start one.

    One that lives or has COMPLETED is adopted; one that is DEAD or STOPPED, or about to be, is left alone.
    """
    name = run.configuration_name
    for known in (yield from named_configurations(run.mark, bindings, retry)):
        if not known.name.endswith(run.mark):
            continue
        execution = yield from _adoptable(known, retry)
        if execution:
            return Started(execution.id, known.id, adopted=True)
    configuration = yield from ensure.configuration(name, bindings, retry)
    created = yield from once(executions.create(configuration.id), retry)
    return Started(created.id, configuration.id, adopted=False)


def _adoptable(configuration: Configuration, retry: RetryPolicy) -> Flow[Execution | None]:
    found = yield from pages(
        lambda top, skip: executions.query(configuration_id=configuration.id, top=top, skip=skip), retry
    )
    good = [
        one
        for one in found
        if outcome(one.status) is Outcome.SUCCEEDED
        or (outcome(one.status) is None and not is_on_its_way_out(one))
    ]
    return min(good, key=lambda one: (one.created_at, one.id), default=None)
