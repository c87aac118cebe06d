"""The routes below ``/v2/admin``; few look at the resource group in the header, and none needs it."""

from airflow_provider_aicore.emulator.routes.admin import (
    applications,
    docker_registry_secrets,
    generic_secrets,
    object_store_secrets,
    repositories,
    resource_groups,
    tenant,
)
from airflow_provider_aicore.emulator.routes.route import Operation, Route


def _admin(method: str, path: str, operation: Operation) -> Route:
    return Route(method, path, operation, resource_group="ignored", area="/admin")


def _grouped(method: str, path: str, operation: Operation) -> Route:
    return Route(method, path, operation, resource_group="optional", area="/admin")


ROUTES = (
    _admin("POST", "/resourceGroups", resource_groups.create),
    _admin("GET", "/resourceGroups", resource_groups.query),
    _admin("GET", "/resourceGroups/{resourceGroupId}", resource_groups.get),
    _admin("PATCH", "/resourceGroups/{resourceGroupId}", resource_groups.modify),
    _admin("DELETE", "/resourceGroups/{resourceGroupId}", resource_groups.delete),
    _grouped("POST", "/objectStoreSecrets", object_store_secrets.create),
    _grouped("GET", "/objectStoreSecrets", object_store_secrets.query),
    _grouped("GET", "/objectStoreSecrets/{objectStoreName}", object_store_secrets.get),
    _grouped("PATCH", "/objectStoreSecrets/{objectStoreName}", object_store_secrets.modify),
    _grouped("DELETE", "/objectStoreSecrets/{objectStoreName}", object_store_secrets.delete),
    _admin("POST", "/dockerRegistrySecrets", docker_registry_secrets.create),
    _admin("GET", "/dockerRegistrySecrets", docker_registry_secrets.query),
    _admin("GET", "/dockerRegistrySecrets/{dockerRegistryName}", docker_registry_secrets.get),
    _admin("PATCH", "/dockerRegistrySecrets/{dockerRegistryName}", docker_registry_secrets.modify),
    _admin("DELETE", "/dockerRegistrySecrets/{dockerRegistryName}", docker_registry_secrets.delete),
    _admin("POST", "/repositories", repositories.create),
    _admin("GET", "/repositories", repositories.query),
    _admin("GET", "/repositories/{repositoryName}", repositories.get),
    _admin("PATCH", "/repositories/{repositoryName}", repositories.modify),
    _admin("DELETE", "/repositories/{repositoryName}", repositories.delete),
    _admin("POST", "/applications", applications.create),
    _admin("GET", "/applications", applications.query),
    _admin("GET", "/applications/{applicationName}", applications.get),
    _admin("PATCH", "/applications/{applicationName}", applications.modify),
    _admin("DELETE", "/applications/{applicationName}", applications.delete),
    _admin("GET", "/applications/{applicationName}/status", applications.get_status),
    _admin("POST", "/applications/{applicationName}/refresh", applications.refresh),
    _grouped("POST", "/secrets", generic_secrets.create),
    _grouped("GET", "/secrets", generic_secrets.query),
    _grouped("GET", "/secrets/{secretName}", generic_secrets.get),
    _grouped("PATCH", "/secrets/{secretName}", generic_secrets.modify),
    _grouped("DELETE", "/secrets/{secretName}", generic_secrets.delete),
    _admin("GET", "/resourceQuota/resourceGroups", tenant.get_resource_group_quota),
    _admin("GET", "/resourceQuota/executables", tenant.get_executable_quota),
    _admin("GET", "/resourceQuota/applications", tenant.get_application_quota),
    _admin("GET", "/resourceQuota/repositories", tenant.get_repository_quota),
    _grouped("GET", "/resourceQuota/secrets", tenant.get_generic_secret_quota),
    _admin("GET", "/resourceQuota/dockerRegistrySecrets", tenant.get_docker_registry_secret_quota),
    _admin("GET", "/resourceQuota/deployments", tenant.get_deployment_quota),
    _admin("GET", "/tenantInfo", tenant.get_tenant_info),
    _admin("GET", "/resources/nodes", tenant.get_nodes),
    _admin("PATCH", "/resources/nodes", tenant.modify_nodes),
    _admin("GET", "/resources/instanceTypes", tenant.get_instance_types),
    _admin("GET", "/services", tenant.query_services),
    _admin("GET", "/services/{ServiceName}", tenant.get_service),
)
