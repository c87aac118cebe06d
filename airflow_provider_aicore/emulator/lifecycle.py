"""Which change of an execution or deployment is allowed when, and what it does.

========================= ==================== =========================
Status                    Stop                 Delete
========================= ==================== =========================
UNKNOWN                   refused (01010076)   yes
PENDING, RUNNING          yes                  refused: stop it first
STOPPING                  refused              refused
COMPLETED, DEAD, STOPPED  refused              yes
========================= ==================== =========================

All changes are asynchronous: 202 means noted. What is deleted shows ``targetStatus: DELETED`` for a while and
is then not found. A deployment whose time to live is over is stopped and deleted.
"""

from typing import TypeVar

from airflow_provider_aicore.emulator.definitions import Configuration
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.emulator.refusals import Refusal
from airflow_provider_aicore.emulator.state import ResourceGroup
from airflow_provider_aicore.emulator.workloads import TERMINAL, Deployment, Workload

STATUS_CANNOT_BE_CHANGED = "01010076"
W = TypeVar("W", bound=Workload)


def refresh(group: ResourceGroup, now: float, options: Options) -> None:
    """Bring all that a resource group runs up to date, and drop what has been deleted long enough."""
    for execution in list(group.executions.values()):
        # Of those that have arrived there may be many.
        if execution.enactment is not None or execution.gone_at is not None:
            find(group, group.executions, execution.id, now, options)
    for deployment_id in list(group.deployments):
        find(group, group.deployments, deployment_id, now, options)


def find(
    group: ResourceGroup, workloads: dict[str, W], workload_id: str, now: float, options: Options
) -> W | None:
    """Give an execution or deployment, up to date; None if there is none, or no longer.

    :param workloads: the executions or the deployments of *group*.
    """
    workload = workloads.get(workload_id)
    if workload is None:
        return None
    _advance(workload, now, options)
    if workload.gone_at is not None and now >= workload.gone_at:
        group.drop(workload)
        return None
    return workload


def stop(workload: Workload, now: float, options: Options) -> None:
    """Begin to stop an execution or deployment.

    :raises Refusal: it is neither PENDING nor RUNNING, or is being deleted.
    """
    _refuse_unless_live(workload, options)
    workload.target_status = "STOPPED"
    workload.modified_at = now
    if workload.enactment is not None:
        workload.enactment.stop(workload, now)


def delete(workload: Workload, now: float, options: Options) -> None:
    """Begin to delete an execution or deployment; artifacts, files and metrics stay.

    :raises Refusal: it is PENDING, RUNNING or STOPPING, or is being deleted already.
    """
    if workload.status not in TERMINAL | {"UNKNOWN"} or workload.gone_at is not None:
        raise _refused(workload, options)
    workload.target_status = "DELETED"
    workload.modified_at = now
    workload.gone_at = now + options.deletion_seconds
    if workload.enactment is not None:
        workload.enactment.abandon()


def reconfigure(deployment: Deployment, configuration: Configuration, now: float, options: Options) -> None:
    """Give a deployment another configuration.

    Source: operation ``deployment.modify``, which allows it to RUNNING and PENDING deployments.

    :raises Refusal: it is neither PENDING nor RUNNING, or is being deleted.
    """
    _refuse_unless_live(deployment, options)
    if deployment.status == "RUNNING":
        deployment.latest_running_configuration_id = deployment.configuration.id
    deployment.configuration = configuration
    deployment.last_operation = "UPDATE"
    deployment.modified_at = now


def _advance(workload: Workload, now: float, options: Options) -> None:
    expires_at = workload.expires_at if isinstance(workload, Deployment) else None
    if workload.enactment is not None:
        workload.enactment.advance(workload, now if expires_at is None else min(now, expires_at))
    if expires_at is None or now < expires_at or workload.gone_at is not None:
        return
    if workload.status not in TERMINAL:
        workload.move("STOPPED", expires_at)
    delete(workload, expires_at, options)


def _refuse_unless_live(workload: Workload, options: Options) -> None:
    if workload.status not in {"PENDING", "RUNNING"} or workload.gone_at is not None:
        raise _refused(workload, options)


def _refused(workload: Workload, options: Options) -> Refusal:
    # The description offers 412, but the text that was seen with the code sounds like 400: an option decides.
    status = options.refused_transition_status
    text = f"Invalid Request, Current status {workload.status} cannot be changed.."
    return Refusal(status, text, STATUS_CANNOT_BE_CHANGED)
