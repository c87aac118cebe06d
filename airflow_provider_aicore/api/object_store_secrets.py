"""The call on ``/admin/objectStoreSecrets``."""

from __future__ import annotations

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.models import Secret
from airflow_provider_aicore.api.reading import resources

_SECRETS = resources(Secret)


def query() -> Call[list[Secret]]:
    """Read the names of the resource group's object store secrets.

    Source: operation ``kubesubmit.v4.object_store_secrets.query``, ``GET /admin/objectStoreSecrets``.

    :raises PermissionDeniedError: the key may not read what administrators keep.
    """
    return Call("GET", "/admin/objectStoreSecrets", _SECRETS, repeatable=True)
