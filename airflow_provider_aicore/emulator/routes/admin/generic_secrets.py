"""Operations ``kubesubmit.v4.generic_secrets.*``: of a resource group or, by ``AI-Tenant-Scope``, of all."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.administration import GenericSecret
from airflow_provider_aicore.emulator.exchange import JSON, MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, found
from airflow_provider_aicore.emulator.render import Shape, pairs, present
from airflow_provider_aicore.emulator.routes.admin import naming
from airflow_provider_aicore.emulator.timestamps import whole_seconds

MOST_TENANT_WIDE = 5
"""Tenant-wide generic secrets. Source: SAP's documentation of quotas."""
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
"""A key of a Kubernetes secret, which a generic secret becomes."""


def create(request: ApiRequest) -> Reply:
    """Keep a secret, for containers that name it in their environment."""
    body = request.body()
    secrets, tenant_wide = _scope(request)
    secret = GenericSecret(
        name=checks.text(body, "name", pattern=naming.SECRET_NAME),
        data=_data(body),
        created_at=request.now,
        labels=naming.labels(body),
        tenant_wide=tenant_wide,
    )
    naming.refuse_duplicate("Secret", secret.name, secrets)
    if tenant_wide:
        naming.refuse_beyond_quota("tenant-wide secrets", secrets, MOST_TENANT_WIDE)
    _keep(request, secret)
    return Reply(200, {"name": secret.name, "message": "secret has been created"})


def query(request: ApiRequest) -> Reply:
    """List the secrets of the scope, without their data."""
    secrets, _ = _scope(request)
    return naming.listed(request, [_shape(request, each) for each in secrets.values()])


def get(request: ApiRequest) -> Reply:
    """Give one secret, without its data."""
    return Reply(200, _shape(request, _find(request)))


def modify(request: ApiRequest) -> Reply:
    """Replace a secret's data, and its labels if there are new ones."""
    secret = _find(request)
    body = request.body(JSON, MERGE_PATCH)
    labels = naming.labels(body)
    labels = secret.labels if labels is None else labels
    _keep(request, GenericSecret(secret.name, _data(body), secret.created_at, labels, secret.tenant_wide))
    return Reply(200, {"name": secret.name, "message": "The secret has been modified"})


def delete(request: ApiRequest) -> Reply:
    """Delete a secret."""
    secret = _find(request)
    if secret.tenant_wide:
        del request.tenant.generic_secrets[secret.name]
    else:
        del request.group.generic_secrets[secret.name]
    request.tenant.share_generic_secrets()
    return Reply(200)


def is_tenant_wide(request: ApiRequest) -> bool:
    """Say whether ``AI-Tenant-Scope`` asks for the whole tenant.

    :raises Refusal: 400, neither it nor ``AI-Resource-Group`` is there.
    """
    scope = request.headers.get("ai-tenant-scope", "false").lower()
    if scope not in {"true", "false"}:
        raise bad_request(f"AI-Tenant-Scope: true or false is allowed, not {scope!r}")
    if scope == "false" and "ai-resource-group" not in request.headers:
        raise bad_request("One of the headers AI-Resource-Group and AI-Tenant-Scope is required")
    return scope == "true"


def _scope(request: ApiRequest) -> tuple[Mapping[str, GenericSecret], bool]:
    if is_tenant_wide(request):
        return request.tenant.generic_secrets, True
    own = {name: each for name, each in request.group.generic_secrets.items() if not each.tenant_wide}
    return own, False


def _keep(request: ApiRequest, secret: GenericSecret) -> None:
    if secret.tenant_wide:
        request.tenant.generic_secrets[secret.name] = secret
    else:
        request.group.generic_secrets[secret.name] = secret
    request.tenant.share_generic_secrets()


def _find(request: ApiRequest) -> GenericSecret:
    secrets, _ = _scope(request)
    return found(secrets, request.path_ids["secretName"], "Secret")


def _data(body: Mapping[str, Any]) -> dict[str, str]:
    data = body.get("data")
    if not isinstance(data, dict):
        raise bad_request("data: an object is required, whose values are encoded with base64")
    for key in data:
        if not _KEY.fullmatch(key):
            raise bad_request(f"data: the key {key!r} does not match the pattern {_KEY.pattern}")
    return {key: _encoded(data, key) for key in data}


def _encoded(data: Mapping[str, Any], key: str) -> str:
    value = checks.text(data, key)
    try:
        base64.b64decode(value.encode(), validate=True)
    except binascii.Error as error:
        raise bad_request(f"data: the value of {key} is not encoded with base64") from error
    return value


def _shape(request: ApiRequest, secret: GenericSecret) -> Shape:
    synced = {
        each.id: each.generic_secrets.get(secret.name) == secret for each in request.tenant.groups.values()
    }
    return present(
        name=secret.name,
        createdAt=whole_seconds(secret.created_at),
        labels=pairs(secret.labels, "value"),
        resourceGroupSecretsSyncStatus=synced if secret.tenant_wide else None,
    )
