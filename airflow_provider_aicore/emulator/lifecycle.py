"""Which change of an execution is allowed when, and what it does.

========================= ==================== =========================
Status                    Stop                 Delete
========================= ==================== =========================
UNKNOWN                   refused (01010076)   yes
PENDING, RUNNING          yes                  refused: stop it first
STOPPING                  refused              refused
COMPLETED, DEAD, STOPPED  refused              yes
========================= ==================== =========================

All changes are asynchronous: 202 means noted. A deleted execution shows ``targetStatus: DELETED`` for a while
and is then not found.
"""

from airflow_provider_aicore.emulator.refusals import Refusal, not_found
from airflow_provider_aicore.emulator.state import TERMINAL, Execution, Options, ResourceGroup

EXECUTION_NOT_FOUND = "01010020"
STATUS_CANNOT_BE_CHANGED = "01010076"


def refresh(group: ResourceGroup, now: float) -> None:
    """Bring all executions of a resource group up to date, and drop those whose deletion is through."""
    for execution in list(group.executions.values()):
        if execution.gone_at is not None and now >= execution.gone_at:
            group.drop(execution.id)
        elif execution.enactment is not None:
            execution.enactment.advance(execution, now)


def find(group: ResourceGroup, execution_id: str, now: float) -> Execution:
    """Give one execution, up to date.

    :raises Refusal: 404 with code 01010020, the resource group has no such execution, or no longer.
    """
    execution = group.executions.get(execution_id)
    if execution is None or (execution.gone_at is not None and now >= execution.gone_at):
        group.drop(execution_id)
        raise not_found("Execution", execution_id, EXECUTION_NOT_FOUND)
    if execution.enactment is not None:
        execution.enactment.advance(execution, now)
    return execution


def stop(execution: Execution, now: float, options: Options) -> None:
    """Begin to stop an execution.

    :raises Refusal: it is neither PENDING nor RUNNING, or is being deleted.
    """
    if execution.status not in {"PENDING", "RUNNING"} or execution.gone_at is not None:
        raise _refused(execution, options)
    execution.target_status = "STOPPED"
    execution.modified_at = now
    if execution.enactment is not None:
        execution.enactment.stop(execution, now)


def delete(execution: Execution, now: float, options: Options) -> None:
    """Begin to delete an execution; its artifacts, files and metrics stay.

    :raises Refusal: it is PENDING, RUNNING or STOPPING, or is being deleted already.
    """
    if execution.status not in TERMINAL | {"UNKNOWN"} or execution.gone_at is not None:
        raise _refused(execution, options)
    execution.target_status = "DELETED"
    execution.modified_at = now
    execution.gone_at = now + options.deletion_seconds
    if execution.enactment is not None:
        execution.enactment.abandon()


def _refused(execution: Execution, options: Options) -> Refusal:
    # The description offers 412, but the text that was seen with the code sounds like 400: an option decides.
    status = options.refused_transition_status
    text = f"Invalid Request, Current status {execution.status} cannot be changed.."
    return Refusal(status, text, STATUS_CANNOT_BE_CHANGED)
