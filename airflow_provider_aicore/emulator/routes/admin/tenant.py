"""What belongs to the tenant as a whole: quotas, its own data, nodes, instance types, services."""

from typing import Any

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.administration import QUOTA, WarmNodes
from airflow_provider_aicore.emulator.exchange import JSON, MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, not_found
from airflow_provider_aicore.emulator.routes.admin.generic_secrets import MOST_TENANT_WIDE, is_tenant_wide

RESOURCE_PLANS = ("starter", "basic", "basic.8x", "train.l", "infer.s", "infer.m", "infer.l")
MOST_WARM_NODES = 10


def get_resource_group_quota(request: ApiRequest) -> Reply:
    """Say how many resource groups there are and may be."""
    return _quota(request, len(request.tenant.groups))


def get_application_quota(request: ApiRequest) -> Reply:
    """Say how many applications there are and may be."""
    return _quota(request, len(request.tenant.applications))


def get_repository_quota(request: ApiRequest) -> Reply:
    """Say how many repositories there are and may be."""
    return _quota(request, len(request.tenant.repositories))


def get_docker_registry_secret_quota(request: ApiRequest) -> Reply:
    """Say how many docker registry secrets there are and may be."""
    return _quota(request, len(request.tenant.docker_registry_secrets))


def get_generic_secret_quota(request: ApiRequest) -> Reply:
    """Say how many generic secrets there are and may be; of a resource group's no limit is known."""
    if is_tenant_wide(request):
        return _quota(request, len(request.tenant.generic_secrets), MOST_TENANT_WIDE)
    own = [each for each in request.group.generic_secrets.values() if not each.tenant_wide]
    return _quota(request, len(own), None)


def get_executable_quota(request: ApiRequest) -> Reply:
    """Say how many templates of either kind there are and may be."""
    executables = request.tenant.executables.values()
    serving = sum(each.deployable for each in executables)
    usage = {"servingTemplateCount": serving, "workflowTemplateCount": len(executables) - serving}
    quota = {"servingTemplateMaxCount": QUOTA, "workflowTemplateMaxCount": QUOTA}
    return Reply(200, {"quota": quota, **_unless_quota_only(request, usage)})


def get_deployment_quota(request: ApiRequest) -> Reply:
    """Say how many deployments there are, and that no plan limits them."""
    count = sum(len(group.deployments) for group in request.tenant.groups.values())
    return Reply(200, {"quotas": [], **_unless_quota_only(request, {"count": count, "items": []})})


def get_tenant_info(request: ApiRequest) -> Reply:
    """Give the tenant's id and plan."""
    tenant = request.tenant
    body = {"tenantId": tenant.id, "servicePlan": tenant.service_plan, "status": "PROVISIONED"}
    return Reply(200, body)


def get_nodes(request: ApiRequest) -> Reply:
    """Say which nodes are kept warm."""
    counts = dict.fromkeys(RESOURCE_PLANS, 0)
    counts |= {name: each.count for name, each in request.tenant.warm_nodes.items()}
    plans = {name: {"provisioned": count, "requested": count} for name, count in counts.items()}
    return Reply(200, {"resourcePlans": plans})


def modify_nodes(request: ApiRequest) -> Reply:
    """Note how many nodes of each plan shall be kept warm."""
    items = checks.objects(request.body(JSON, MERGE_PATCH), "resourcePlans")
    if items is None:
        raise bad_request("resourcePlans: an array of objects is required")
    wanted = {checks.choice(each, "name", RESOURCE_PLANS): WarmNodes(_requested(each)) for each in items}
    request.tenant.warm_nodes.update(wanted)
    return Reply(200, {"message": "Resource plans have been modified"})


def get_instance_types(_request: ApiRequest) -> Reply:
    """Say that there are no machines to choose from."""
    return Reply(200, {"instanceTypes": {}})


def query_services(_request: ApiRequest) -> Reply:
    """Say that the tenant offers no service of its own."""
    return Reply(200, {"count": 0, "resources": []})


def get_service(request: ApiRequest) -> Reply:
    """Refuse the name of any service."""
    raise not_found("Service", request.path_ids["ServiceName"])


def _quota(request: ApiRequest, count: int, most: int | None = QUOTA) -> Reply:
    quota = {} if most is None else {"maxCount": most}
    return Reply(200, {"quota": quota, **_unless_quota_only(request, {"count": count})})


def _unless_quota_only(request: ApiRequest, usage: dict[str, Any]) -> dict[str, Any]:
    only = request.query.flag("quotaOnly")
    return {} if only else {"usage": usage}


def _requested(item: dict[str, Any]) -> int:
    number = checks.number(item, "request")
    if number != int(number) or not 0 <= number <= MOST_WARM_NODES:
        raise bad_request(f"request: a whole number from 0 to {MOST_WARM_NODES} is required")
    return int(number)
