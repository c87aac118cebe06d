"""A schedule moves from AI Core to Airflow, at an instant, without a double or missing run.

Run this before the instant. It sets the schedule's end, so that AI Core starts everything until then and
nothing after it; the DAG that takes over, such as ``airflow_clock``, has the same cron expression, the
instant as its start date, and ``catchup``. The instant is to be between two ticks, 15 min after the one
before it: what AI Core does with a tick at the very end, or with one whose execution has not been started
by then, is not documented.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

from airflow_provider_aicore.operators.execution_schedule import AICoreEnsureExecutionScheduleOperator

with DAG(
    "hand_over_schedule",
    description="End an execution schedule where Airflow takes over",
    schedule=None,
    params={
        "name": Param("digits classifier, nightly", type="string"),
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
    @task
    def look(name: str, at: str) -> dict[str, str]:
        """Return what is to stay; refuse an unknown schedule, and an instant at which it may start."""
        from airflow_provider_aicore import schedule_times
        from airflow_provider_aicore.api.schedule_changes import Which, meant
        from airflow_provider_aicore.api.schedule_runs import SLACK
        from airflow_provider_aicore.hooks.aicore import AICoreHook

        with AICoreHook("aicore_default").get_conn() as client:
            schedule = client.run(meant(Which.of(None, name), client.retry))
        instant = schedule_times.in_utc("at", at)
        tick = schedule_times.last_tick(schedule_times.normalised(schedule.cron), instant)
        if tick is not None and instant < tick + SLACK:
            raise ValueError(f"at is {at}, but AI Core may start what is due at {tick} until {tick + SLACK}.")
        return {"cron": schedule.cron, "configuration_id": schedule.configuration_id}

    schedule = look("{{ params.name }}", "{{ params.at }}")
    AICoreEnsureExecutionScheduleOperator(
        task_id="end",
        name="{{ params.name }}",
        cron=schedule["cron"],
        configuration_id=schedule["configuration_id"],
        end="{{ params.at }}",
    )
    # [END hand_over_schedule]
