"""Going on from what an earlier emulator has left in its folder, however that one ended."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aicore.emulator.changes import collections
from airflow_provider_aicore.emulator.processes import end_stragglers
from airflow_provider_aicore.emulator.state import TERMINAL, Enactment, Execution, ResourceGroup, Tenant
from airflow_provider_aicore.emulator.status_details import PodReport, describe, tail

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
        for group, execution in _executions(tenant):
            # One object for all: each execution was written with a copy.
            known = group.configurations.get(execution.configuration.id)
            execution.configuration = known or execution.configuration
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


def resume(tenant: Tenant, enact: Callable[[ResourceGroup, Execution], Enactment | None]) -> None:
    """Set the executions of an earlier emulator going again.

    Scripted ones go on from where they were. One that had not begun to run begins anew. One that ran is DEAD:
    what it was doing went with the emulator, and processes of it that are left are ended.

    :param enact: gives an execution what makes it move.
    """
    now = tenant.now()
    for group, execution in _executions(tenant):
        if execution.id in group.ways or _is_to_begin(execution):
            execution.enactment = enact(group, execution)
        elif execution.status not in TERMINAL | {"UNKNOWN"}:
            end_stragglers(execution.id)
            _end(execution, now)


def _executions(tenant: Tenant) -> Iterator[tuple[ResourceGroup, Execution]]:
    """Give all that something makes move, whatever collection it is in."""
    moving = [kind for kind, entity in collections(ResourceGroup).items() if hasattr(entity, "enactment")]
    for group in tenant.groups.values():
        for kind in moving:
            for each in getattr(group, kind).values():
                yield group, each


def _end(execution: Execution, now: float) -> None:
    if execution.status == "STOPPING":
        execution.move("STOPPED", now)
        return
    log_tail = tail(line.msg for line in execution.logs)
    report = PodReport(execution.id, 137, ENDED_MEANWHILE, culprit="main", log_tail=log_tail)
    execution.status_message = ENDED_MEANWHILE
    execution.status_details = describe([report])
    execution.move("DEAD", now)


def _is_to_begin(execution: Execution) -> bool:
    return execution.status in {"UNKNOWN", "PENDING"} and execution.gone_at is None
