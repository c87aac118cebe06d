"""Operations ``execution.modify``, ``execution.delete`` and ``execution.batch_modify``."""

from typing import Any

from airflow_provider_aicore.emulator import checks, lifecycle
from airflow_provider_aicore.emulator.exchange import MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request

_TARGET = "/v2/lm/executions"


def modify(request: ApiRequest) -> Reply:
    """Begin to stop an execution; nothing else can be changed."""
    checks.choice(request.body(), "targetStatus", ("STOPPED",))
    execution = lifecycle.find(request.group, request.path_ids["executionId"], request.now)
    lifecycle.stop(execution, request.now, request.tenant.options)
    return Reply(202, {"id": execution.id, "message": "Execution modification scheduled"})


def delete(request: ApiRequest) -> Reply:
    """Begin to delete an execution."""
    execution = lifecycle.find(request.group, request.path_ids["executionId"], request.now)
    lifecycle.delete(execution, request.now, request.tenant.options)
    return Reply(202, {"id": execution.id, "message": "Deletion scheduled", "targetStatus": "DELETED"})


def batch_modify(request: ApiRequest) -> Reply:
    """Begin to stop or delete up to a hundred executions, with a verdict for each, in the same order."""
    if not request.tenant.options.bulk_updates:
        raise bad_request("Bulk updates are not switched on for this tenant, see /v2/lm/meta")
    changes = checks.objects(request.body(MERGE_PATCH), "executions", least=1, most=100)
    if changes is None:
        raise bad_request("executions: 1 to 100 items are required")
    wanted = [
        (checks.identifier(each, "id"), checks.choice(each, "targetStatus", ("STOPPED", "DELETED")))
        for each in changes
    ]
    if len(set(wanted)) != len(wanted):
        raise bad_request("executions: the items have to be unique")
    return Reply(202, {"executions": [_verdict(request, *each) for each in wanted]})


def _verdict(request: ApiRequest, execution_id: str, target_status: str) -> dict[str, Any]:
    change = lifecycle.stop if target_status == "STOPPED" else lifecycle.delete
    try:
        execution = lifecycle.find(request.group, execution_id, request.now)
        change(execution, request.now, request.tenant.options)
    except Refusal as refusal:
        error = refusal.error(request_id=request.request_id, target=_TARGET, details={})
        return {"id": execution_id, "error": error}
    return {"id": execution_id, "message": "Execution modification scheduled"}
