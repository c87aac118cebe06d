"""Going on from what an earlier emulator has left in its folder, however that one ended."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aicore.emulator import schedules
from airflow_provider_aicore.emulator.processes import EXECUTION_VARIABLE, end_stragglers
from airflow_provider_aicore.emulator.state import ResourceGroup, Tenant
from airflow_provider_aicore.emulator.status_details import PodReport, describe, tail
from airflow_provider_aicore.emulator.workloads import TERMINAL, Enactment, ExecutionSchedule, Workload

if TYPE_CHECKING:
    from airflow_provider_aicore.emulator.store import Store

ENDED_MEANWHILE = "The emulator was ended while the execution ran"


def open_store(folder: Path, tenant: Tenant) -> "Store":
    """Fill a new tenant with what a folder holds, and keep it there from now on.

    :raises ValueError: the folder is in use, or cannot be read.
    """
    # Those who keep no state should not pay for what it takes.
    from airflow_provider_aicore.emulator.store import Store

    store = Store(folder)
    try:
        store.load(tenant)
        for group in tenant.groups.values():
            started: list[Workload | ExecutionSchedule] = [
                *_workloads(group),
                *group.execution_schedules.values(),
            ]
            for each in started:
                # One object for all: each of them was written with a copy.
                each.configuration = group.configurations.get(each.configuration.id, each.configuration)
        store.keep(tenant)
    except BaseException:
        store.close(tenant)
        raise
    tenant.earlier = set(tenant.executables)
    return store


def object_store(folder: Path) -> Path:
    """Give the folder for the files of artifacts, where none is named: they stay as well."""
    store = folder / "object-store"
    store.mkdir(mode=0o700, exist_ok=True)
    return store


def sandboxes(folder: Path) -> Path:
    """Give the folder for sandboxes, without those that an earlier emulator could not remove."""
    place = folder / "sandboxes"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def resume(tenant: Tenant, enact: Callable[[ResourceGroup, Workload], Enactment | None]) -> None:
    """Set the executions, deployments and schedules of an earlier emulator going again.

    What is scripted goes on from where it was. An execution that had not begun to run begins anew. One that
    ran is DEAD: what it was doing went with the emulator, and processes of it that are left are ended. What a
    schedule would have started meanwhile is not caught up.

    :param enact: gives an execution or deployment what makes it move.
    """
    now = tenant.now()
    for group in tenant.groups.values():
        for workload in _workloads(group):
            if workload.id in group.ways or _is_to_begin(workload):
                workload.enactment = enact(group, workload)
            elif workload.status not in TERMINAL | {"UNKNOWN"}:
                end_stragglers(EXECUTION_VARIABLE, workload.id)
                _end(workload, now)
        for schedule in group.execution_schedules.values():
            if schedule.next_start is not None and schedule.next_start < now:
                schedules.plan(schedule, now, tenant.options.schedule_jitter)


def _workloads(group: ResourceGroup) -> list[Workload]:
    return [*group.executions.values(), *group.deployments.values()]


def _end(execution: Workload, now: float) -> None:
    if execution.status == "STOPPING":
        execution.move("STOPPED", now)
        return
    log_tail = tail(line.msg for line in execution.logs)
    report = PodReport(execution.id, 137, ENDED_MEANWHILE, culprit="main", log_tail=log_tail)
    execution.status_message = ENDED_MEANWHILE
    execution.status_details = describe([report])
    execution.move("DEAD", now)


def _is_to_begin(execution: Workload) -> bool:
    return execution.status in {"UNKNOWN", "PENDING"} and execution.gone_at is None
