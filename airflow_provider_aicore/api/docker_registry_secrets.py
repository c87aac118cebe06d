"""The call on ``/admin/dockerRegistrySecrets``."""

from __future__ import annotations

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.models import Secret
from airflow_provider_aicore.api.reading import resources

_SECRETS = resources(Secret)


def query() -> Call[list[Secret]]:
    """Read the names of the tenant's docker registry secrets; resource groups have none of their own.

    Source: operation ``kubesubmit.v4.docker_registry_secrets.query``, ``GET /admin/dockerRegistrySecrets``.

    :raises PermissionDeniedError: the key may not read what administrators keep.
    """
    return Call("GET", "/admin/dockerRegistrySecrets", _SECRETS, repeatable=True)
