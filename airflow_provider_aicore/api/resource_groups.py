"""The call on ``/admin/resourceGroups``."""

from __future__ import annotations

from airflow_provider_aicore.api.admin_models import ResourceGroup
from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.reading import resources

_RESOURCE_GROUPS = resources(ResourceGroup)


def get_all() -> Call[list[ResourceGroup]]:
    """Read the tenant's resource groups, the first page of them.

    Source: operation ``kubesubmit.v4.resourcegroups.get_all``, ``GET /admin/resourceGroups``.

    :raises PermissionDeniedError: the key may not read what administrators keep.
    """
    return Call("GET", "/admin/resourceGroups", _RESOURCE_GROUPS, repeatable=True)
