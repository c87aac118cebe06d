"""A schedule moves from AI Core to Airflow, at an instant, without a double or missing run.

Run this before the instant. It sets the schedule's end, so that AI Core starts everything until then and
nothing after it; the DAG that takes over, such as ``airflow_clock``, has the same cron expression, the
instant as its start date, and ``catchup``. Choose an instant between two ticks, an hour after the one
before it: what AI Core does with a tick at the very end, or with one whose execution has not been started
by then, is not documented.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from airflow_provider_aicore.operators.execution_schedule import AICoreEnsureExecutionScheduleOperator

with DAG(
    "hand_over_schedule",
    description="End an execution schedule where Airflow takes over",
    schedule=None,
    params={
        "name": Param("digits classifier, nightly", type="string"),
        "cron": Param("30 2 * * mon-fri", type="string"),
        "configuration_id": Param(type="string", description="Id of the schedule's configuration"),
        "at": Param(
            type="string",
            format="date-time",
            description="When Airflow takes over, such as 2027-01-04T00:00:00Z; between two ticks",
        ),
    },
    tags=["aicore", "example"],
    doc_md=__doc__,
):
    # [START hand_over_schedule]
    AICoreEnsureExecutionScheduleOperator(
        task_id="end",
        name="{{ params.name }}",
        cron="{{ params.cron }}",
        configuration_id="{{ params.configuration_id }}",
        end="{{ params.at }}",
    )
    # [END hand_over_schedule]
