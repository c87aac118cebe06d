"""Operations ``kubesubmit.v4.repositories.*``, which are the tenant's."""

import re
from typing import Any

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.administration import Repository
from airflow_provider_aicore.emulator.exchange import JSON, MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import found
from airflow_provider_aicore.emulator.render import Shape, present
from airflow_provider_aicore.emulator.routes.admin import naming


def create(request: ApiRequest) -> Reply:
    """Keep a repository's name and URL; without a name it gets one from its URL."""
    body = request.body()
    url = checks.text(body, "url")
    name = _name_of(url)
    if body.get("name") is not None:
        name = checks.text(body, "name", pattern=naming.REPOSITORY_NAME)
    _check_credentials(body)
    repositories = request.tenant.repositories
    naming.refuse_duplicate("Repository", name, repositories)
    naming.refuse_beyond_quota("repositories", repositories)
    repositories[name] = Repository(name, url)
    return Reply(200, {"id": name, "message": "Repository has been on-boarded"})


def query(request: ApiRequest) -> Reply:
    """List the repositories."""
    return naming.listed(request, [_shape(each) for each in request.tenant.repositories.values()])


def get(request: ApiRequest) -> Reply:
    """Give one repository, without its credentials."""
    return Reply(200, _shape(_find(request)))


def modify(request: ApiRequest) -> Reply:
    """Take new credentials, which nothing needs."""
    repository = _find(request)
    _check_credentials(request.body(JSON, MERGE_PATCH))
    return Reply(200, {"id": repository.name, "message": "The repository has been modified"})


def delete(request: ApiRequest) -> Reply:
    """Delete a repository; its applications stay."""
    repository = _find(request)
    del request.tenant.repositories[repository.name]
    return Reply(200, {"id": repository.name, "message": "The repository has been deleted"})


def _name_of(url: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", url.rstrip("/").removesuffix(".git").lower()).strip("-")
    return name[-51:] or "repository"


def _check_credentials(body: dict[str, Any]) -> None:
    checks.text(body, "username")
    checks.text(body, "password")


def _find(request: ApiRequest) -> Repository:
    return found(request.tenant.repositories, request.path_ids["repositoryName"], "Repository")


def _shape(repository: Repository) -> Shape:
    return present(name=repository.name, url=repository.url, status="COMPLETED")
