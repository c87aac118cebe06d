"""Operations ``kubesubmit.v4.applications.*``, which are the tenant's.

The emulator's folder of templates stands for whatever an application names: it is read again when an
application is created or refreshed, and every application shows what became of the templates.
"""

import secrets
from typing import Any

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.administration import Application, Sync, SyncedTemplate
from airflow_provider_aicore.emulator.exchange import JSON, MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, found
from airflow_provider_aicore.emulator.render import Shape, present
from airflow_provider_aicore.emulator.routes.admin import naming
from airflow_provider_aicore.emulator.timestamps import whole_seconds


def create(request: ApiRequest) -> Reply:
    """Create an application, which begins with reading the templates."""
    body = request.body()
    name = f"application-{secrets.token_hex(8)}"
    if body.get("applicationName") is not None:
        name = checks.text(body, "applicationName", pattern=naming.APPLICATION_NAME)
    application = _read(name, _repository_url(request, body), body)
    applications = request.tenant.applications
    naming.refuse_duplicate("Application", name, applications)
    naming.refuse_beyond_quota("applications", applications)
    applications[name] = application
    request.tenant.reload_templates()
    return Reply(200, {"id": name, "message": "ArgoCD application has been created"})


def query(request: ApiRequest) -> Reply:
    """List the applications."""
    return naming.listed(request, [_shape(each) for each in request.tenant.applications.values()])


def get(request: ApiRequest) -> Reply:
    """Give one application."""
    return Reply(200, _shape(_find(request)))


def modify(request: ApiRequest) -> Reply:
    """Replace where an application looks."""
    application = _find(request)
    body = request.body(JSON, MERGE_PATCH)
    url = checks.text(body, "repositoryUrl")
    request.tenant.applications[application.name] = _read(application.name, url, body)
    return Reply(200, {"id": application.name, "message": "The application has been modified"})


def delete(request: ApiRequest) -> Reply:
    """Delete an application; the executables stay."""
    application = _find(request)
    del request.tenant.applications[application.name]
    return Reply(200, {"id": application.name, "message": "The application has been deleted"})


def refresh(request: ApiRequest) -> Reply:
    """Read the templates again, now: on AI Core it takes a moment."""
    application = _find(request)
    request.tenant.reload_templates()
    return Reply(202, {"id": application.name, "message": "Application refresh has been scheduled"})


def get_status(request: ApiRequest) -> Reply:
    """Say what became of the templates when they were last read, and why one was refused."""
    application = _find(request)
    sync = request.tenant.sync
    templates = [_shape_template(each) for each in sync.templates]
    return Reply(
        200,
        {
            "healthStatus": "Degraded" if sync.refusals else "Healthy",
            "syncStatus": "OutOfSync" if sync.refusals else "Synced",
            "message": _message(sync),
            "source": {
                "repoURL": application.repository_url,
                "path": application.path,
                "revision": application.revision,
            },
            "syncStartedAt": whole_seconds(sync.at),
            "syncFinishedAt": whole_seconds(sync.at),
            "reconciledAt": whole_seconds(sync.at),
            "syncResourcesStatus": templates,
            "syncRessourcesStatus": templates,
        },
    )


def _message(sync: Sync) -> str:
    return "; ".join(sync.refusals) or "successfully synced (all tasks run)"


def _repository_url(request: ApiRequest, body: dict[str, Any]) -> str:
    if ("repositoryUrl" in body) == ("repositoryName" in body):
        raise bad_request("One of repositoryUrl and repositoryName is required")
    if "repositoryUrl" in body:
        return checks.text(body, "repositoryUrl")
    name = checks.text(body, "repositoryName")
    if name not in request.tenant.repositories:
        raise bad_request(f"repositoryName: there is no repository {name}")
    return request.tenant.repositories[name].url


def _read(name: str, repository_url: str, body: dict[str, Any]) -> Application:
    return Application(name, repository_url, checks.text(body, "revision"), checks.text(body, "path"))


def _find(request: ApiRequest) -> Application:
    return found(request.tenant.applications, request.path_ids["applicationName"], "Application")


def _shape(application: Application) -> Shape:
    return present(
        applicationName=application.name,
        repositoryUrl=application.repository_url,
        revision=application.revision,
        path=application.path,
    )


def _shape_template(template: SyncedTemplate) -> Shape:
    return present(
        name=template.name,
        kind=template.kind,
        status="Synced" if template.refusal is None else "SyncFailed",
        message=template.refusal or f"{template.name} configured",
    )
