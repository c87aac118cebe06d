"""The calls on ``/admin/resourceQuota``."""

from __future__ import annotations

from typing import Literal, get_args

from airflow_provider_aicore.api.admin_models import Quota
from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.reading import Reader

Kind = Literal["resourceGroups", "executables", "applications", "repositories", "dockerRegistrySecrets"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_QUOTA = Reader(Quota)


def get(kind: Kind) -> Call[Quota]:
    """Read how many of a kind the tenant has and may have.

    Source: the operations ``kubesubmit.v4.resource_quota.get_…_quota``, ``GET /admin/resourceQuota/…``.

    :raises PermissionDeniedError: the key may not read what administrators keep.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}, but it is one of {', '.join(KINDS)}.")
    return Call("GET", f"/admin/resourceQuota/{kind}", _QUOTA, repeatable=True)
