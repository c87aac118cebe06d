"""When execution schedules start executions.

A schedule is ACTIVE until its ``end`` has passed. Its executions start some minutes after the tick of its
cron expression, as on AI Core; what would have started while it was INACTIVE is not caught up. An execution
is of the configuration that the schedule has when it starts.
"""

from zlib import crc32

from airflow_provider_aicore.emulator import cron, lifecycle
from airflow_provider_aicore.emulator.state import ResourceGroup, Tenant
from airflow_provider_aicore.emulator.workloads import TERMINAL, ExecutionSchedule


def plan(schedule: ExecutionSchedule, after: float, jitter: float) -> None:
    """Set the next tick of a schedule, and when its execution starts.

    :param after: seconds since the epoch; earlier ticks are left out.
    :param jitter: the most seconds from a tick to the start; which it is follows from the schedule's id and
        the tick.
    """
    not_before = after if schedule.start is None else max(after, schedule.start - 1)
    tick = cron.next_tick(schedule.cron, not_before) if schedule.status == "ACTIVE" else None
    if tick is None or (schedule.end is not None and tick > schedule.end):
        schedule.next_tick = schedule.next_start = None
        return
    schedule.next_tick = tick
    schedule.next_start = tick + jitter * crc32(f"{schedule.id} {tick:.0f}".encode()) / 2**32


def advance(tenant: Tenant, now: float) -> None:
    """Start every execution that is due, in order and each at its own instant, and end what has ended."""
    due = _first_due(tenant, now)
    while due is not None:
        _start(tenant, *due)
        due = _first_due(tenant, now)
    for group in tenant.groups.values():
        for schedule in group.execution_schedules.values():
            if schedule.status == "ACTIVE" and schedule.end is not None and now > schedule.end:
                schedule.status, schedule.modified_at = "INACTIVE", max(schedule.modified_at, schedule.end)


def _first_due(tenant: Tenant, now: float) -> tuple[ResourceGroup, ExecutionSchedule, float] | None:
    due = [
        (group, schedule, schedule.next_start)
        for group in tenant.groups.values()
        for schedule in group.execution_schedules.values()
        if schedule.next_start is not None and schedule.next_start <= now
    ]
    return min(due, key=lambda each: each[2], default=None)


def _start(tenant: Tenant, group: ResourceGroup, schedule: ExecutionSchedule, at: float) -> None:
    if tenant.options.schedule_overlap == "allow" or not _goes_on(tenant, group, schedule, at):
        tenant.start(group, schedule.configuration, at=at, execution_schedule_id=schedule.id)
    plan(schedule, schedule.next_tick or at, tenant.options.schedule_jitter)


def _goes_on(tenant: Tenant, group: ResourceGroup, schedule: ExecutionSchedule, at: float) -> bool:
    lifecycle.refresh(group, at, tenant.options)
    return any(
        each.execution_schedule_id == schedule.id and each.status not in TERMINAL
        for each in group.executions.values()
    )
