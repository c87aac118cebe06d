"""A DAG of thousands of waits that begin and end in the triggerer.

What waits is our trigger. To start a worker for each task, twice, would take a small machine an hour.
"""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.triggers.base import StartTriggerArgs


class Wait(BaseOperator):
    """Is deferred by the scheduler."""

    start_from_trigger = True
    start_trigger_args = StartTriggerArgs(
        trigger_cls="tests.benchmarks.triggerer.ending.EndingTrigger",
        trigger_kwargs=None,
        next_method="execute",
    )

    def __init__(self, *, number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context: Any, event: Any = None) -> None:
        raise AssertionError(f"This task needs no worker: {event}")


WAITS = int(os.environ["BENCH_WAITS"])

with DAG("waits", schedule=None, max_active_tasks=WAITS):
    Wait.partial(task_id="wait").expand(number=list(range(WAITS)))
