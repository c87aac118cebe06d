"""Operations ``kubesubmit.v4.resourcegroups.*``."""

import re

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.exchange import JSON, MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request, found
from airflow_provider_aicore.emulator.render import Shape, pairs, present
from airflow_provider_aicore.emulator.routes.admin import naming
from airflow_provider_aicore.emulator.state import ResourceGroup, new_id
from airflow_provider_aicore.emulator.timestamps import whole_seconds

_MAX_PAGE_SIZE = re.compile(r"(?:^|[,;\s])maxpagesize=([1-9]\d{0,8})(?:$|[,;\s])")


def create(request: ApiRequest) -> Reply:
    """Create a resource group; it is there at once, and of use when it is PROVISIONED."""
    body = request.body()
    group_id = new_id()
    if body.get("resourceGroupId") is not None:
        group_id = checks.text(body, "resourceGroupId", pattern=naming.RESOURCE_GROUP_ID)
    labels = naming.labels(body)
    groups = request.tenant.groups
    naming.refuse_duplicate("Resource group", group_id, groups)
    naming.refuse_beyond_quota("resource groups", groups)
    provisioned_at = request.now + request.tenant.options.resource_group_provisioning_seconds
    groups[group_id] = ResourceGroup(
        group_id, labels=labels, created_at=request.now, provisioned_at=provisioned_at
    )
    request.tenant.share_generic_secrets()
    # The labels come with GET only: SAP's tests against the live service say so.
    return Reply(202, {"resourceGroupId": group_id, **_tenant(request)})


def query(request: ApiRequest) -> Reply:
    """List resource groups: a page by ``$top`` and ``$skip``, or one after the other by ``maxpagesize``.

    A continue token is the id of the last resource group that was given; it expires when that is deleted.
    """
    labels_fit = request.query.labels("labelSelector", key=re.compile(".+"), most=1000)
    groups = [each for each in request.tenant.groups.values() if labels_fit(dict(each.labels or ()))]
    groups.sort(key=lambda group: group.id)
    token = request.query.text("continueToken")
    if token is not None:
        if token not in request.tenant.groups:
            raise Refusal(410, "ResourceExpired: the continue token is unknown or expired, begin again")
        groups = [each for each in groups if each.id > token]
    size = _MAX_PAGE_SIZE.search(request.headers.get("prefer", ""))
    if size is None or len(groups) <= int(size[1]):
        return naming.listed(request, [_shape(request, each) for each in groups])
    page = groups[: int(size[1])]
    selector = request.query.text("labelSelector")
    following = {"continueToken": page[-1].id, **({} if selector is None else {"labelSelector": selector})}
    link = f'<{request.url("/admin/resourceGroups", following)}>; rel="next"'
    reply = naming.listed(request, [_shape(request, each) for each in page])
    return Reply(200, reply.body, headers={"link": link})


def get(request: ApiRequest) -> Reply:
    """Give one resource group."""
    return Reply(200, _shape(request, _find(request)))


def modify(request: ApiRequest) -> Reply:
    """Replace the labels of a resource group."""
    group = _find(request)
    labels = naming.labels(request.body(JSON, MERGE_PATCH))
    if labels is not None:
        group.labels = labels
    return Reply(202, headers={"location": request.url(f"/admin/resourceGroups/{group.id}")})


def delete(request: ApiRequest) -> Reply:
    """Delete a resource group with all that is in it, also what runs; ``default`` has to stay."""
    group = _find(request)
    if group.id == "default":
        raise bad_request("The resource group default cannot be deleted")
    for workload in (*group.executions.values(), *group.deployments.values()):
        if workload.enactment is not None:
            workload.enactment.abandon()
    del request.tenant.groups[group.id]
    return Reply(202, {"id": group.id, "message": "Resource group deletion scheduled"})


def _find(request: ApiRequest) -> ResourceGroup:
    return found(request.tenant.groups, request.path_ids["resourceGroupId"], "Resource group")


def _shape(request: ApiRequest, group: ResourceGroup) -> Shape:
    """Shape a resource group (schema ``BckndResourceGroup``)."""
    return present(
        resourceGroupId=group.id,
        **_tenant(request),
        createdAt=whole_seconds(group.created_at),
        labels=pairs(group.labels or (), "value"),
        status="PROVISIONED" if group.is_provisioned(request.now) else "PROVISIONING",
        statusMessage="",
        servicePlan=request.tenant.service_plan,
    )


def _tenant(request: ApiRequest) -> dict[str, str]:
    return {"tenantId": request.tenant.id, "zoneId": request.tenant.id}
