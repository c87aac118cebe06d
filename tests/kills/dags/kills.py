"""DAGs of many tasks; each binds a label of its own, by which its executions are known in AI Core."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator

WAITS = int(os.environ.get("KILLS_WAITS", "200"))
FEW = 3
AT_ONCE = 8
"""How many tasks may occupy a worker: more would only be slower on a small machine."""


def run(task_id: str, executable_id: str, count: int, *, deferrable: bool, retries: int) -> None:
    """Add a mapped task."""
    AICoreRunExecutableOperator.partial(
        task_id=task_id,
        scenario_id="kills",
        executable_id=executable_id,
        deferrable=deferrable,
        poll_interval=5,
        retries=retries,
        retry_delay=timedelta(seconds=3),
    ).expand(parameters=[{"label": f"{task_id}-{index}"} for index in range(count)])


with DAG("under_fire", schedule=None, max_active_tasks=100):
    for mode, deferrable in (("deferred", True), ("blocking", False)):
        # More retries than one task can be killed: the last try has nobody who looks after its execution.
        run(f"good_{mode}", "ends-well", 10, deferrable=deferrable, retries=20)
        run(f"flaky_{mode}", "dies-first", 3, deferrable=deferrable, retries=20)
        run(f"bad_{mode}", "dies", 2, deferrable=deferrable, retries=4)

with DAG("many_waits", schedule=None, max_active_tasks=AT_ONCE):
    run("run", "waits", WAITS, deferrable=True, retries=0)

with DAG("few_waits", schedule=None):
    run("run", "waits", FEW, deferrable=True, retries=0)
