"""Operations ``kubesubmit.v4.docker_registry_secrets.*``, which are the tenant's, not a resource group's."""

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.administration import DockerRegistrySecret
from airflow_provider_aicore.emulator.exchange import JSON, MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, found
from airflow_provider_aicore.emulator.render import present
from airflow_provider_aicore.emulator.routes.admin import naming

_CONTENT = ".dockerconfigjson"


def create(request: ApiRequest) -> Reply:
    """Keep a secret's name."""
    body = request.body()
    name = checks.text(body, "name", pattern=naming.DOCKER_REGISTRY_NAME)
    _check_data(body)
    secrets = request.tenant.docker_registry_secrets
    naming.refuse_duplicate("Docker registry secret", name, secrets)
    naming.refuse_beyond_quota("docker registry secrets", secrets)
    secrets[name] = DockerRegistrySecret(name)
    return Reply(202, {"message": "secret has been created"})


def query(request: ApiRequest) -> Reply:
    """List the secrets."""
    return naming.listed(request, [present(name=each) for each in request.tenant.docker_registry_secrets])


def get(request: ApiRequest) -> Reply:
    """Give one secret: its name."""
    return Reply(200, {"name": _find(request).name})


def modify(request: ApiRequest) -> Reply:
    """Replace a secret's content. SAP's client sends plain JSON where the description has a merge patch."""
    secret = _find(request)
    _check_data(request.body(MERGE_PATCH, JSON))
    return Reply(202, {"id": secret.name, "message": "secret has been modified"})


def delete(request: ApiRequest) -> Reply:
    """Delete a secret."""
    secret = _find(request)
    del request.tenant.docker_registry_secrets[secret.name]
    return Reply(202, {"id": secret.name, "message": "secret has been deleted"})


def _check_data(body: Mapping[str, Any]) -> None:
    data = body.get("data")
    if not isinstance(data, dict) or set(data) != {_CONTENT} or not isinstance(data[_CONTENT], str):
        raise bad_request(f"data: an object with the text {_CONTENT}, and with nothing else, is required")
    try:
        content = json.loads(data[_CONTENT])
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise bad_request(f"data: {_CONTENT} has to be the text of a JSON object, not encoded with base64")


def _find(request: ApiRequest) -> DockerRegistrySecret:
    return found(
        request.tenant.docker_registry_secrets,
        request.path_ids["dockerRegistryName"],
        "Docker registry secret",
    )
