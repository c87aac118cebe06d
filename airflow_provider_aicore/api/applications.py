"""Calls on ``/admin/applications``, which keep the tenant's executables in step with Git."""

from __future__ import annotations

from urllib.parse import quote

from airflow_provider_aicore.api.admin_models import Application, ApplicationStatus
from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.reading import Reader, resources

_APPLICATIONS = resources(Application)
_STATUS = Reader(ApplicationStatus)


def get_all() -> Call[list[Application]]:
    """Read the tenant's applications, of which there are at most 50.

    Source: operation ``kubesubmit.v4.applications.get_all``, ``GET /admin/applications``.

    :raises PermissionDeniedError: the key may not read what administrators keep.
    """
    return Call("GET", "/admin/applications", _APPLICATIONS, repeatable=True)


def get_status(name: str) -> Call[ApplicationStatus]:
    """Read what became of an application's templates when Git was last read.

    Source: operation ``kubesubmit.v4.applications.get_status``,
    ``GET /admin/applications/{applicationName}/status``.

    :raises PermissionDeniedError: the key may not read what administrators keep.
    """
    path = f"/admin/applications/{quote(name, safe='')}/status"
    return Call("GET", path, _STATUS, repeatable=True)
