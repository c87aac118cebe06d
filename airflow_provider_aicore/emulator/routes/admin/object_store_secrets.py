"""Operations ``kubesubmit.v4.object_store_secrets.*``, in a resource group, by default in ``default``."""

from collections.abc import Mapping
from typing import Any

from airflow_provider_aicore.emulator import checks
from airflow_provider_aicore.emulator.administration import ObjectStoreSecret
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, found
from airflow_provider_aicore.emulator.render import Shape, present
from airflow_provider_aicore.emulator.routes.admin import naming

_METADATA = {
    "type": ("storage.ai.sap.com/type",),
    "bucket": ("storage.ai.sap.com/bucket",),
    "endpoint": ("storage.ai.sap.com/endpoint", "serving.kubeflow.org/s3-endpoint"),
    "region": ("storage.ai.sap.com/region", "serving.kubeflow.org/s3-region"),
    "pathPrefix": ("storage.ai.sap.com/pathPrefix",),
    "verifyssl": ("serving.kubeflow.org/s3-verifyssl",),
    "usehttps": ("serving.kubeflow.org/s3-usehttps",),
}
"""Where each field of a request shows. Source: schema ``BckndobjectStoreSecretStatus``."""


def create(request: ApiRequest) -> Reply:
    """Keep a secret's name and metadata."""
    body = request.body()
    name = checks.text(body, "name", pattern=naming.OBJECT_STORE_NAME)
    metadata = _metadata(body)
    naming.refuse_duplicate("Object store secret", name, request.group.object_store_secrets)
    request.group.object_store_secrets[name] = ObjectStoreSecret(name, metadata)
    return Reply(202, {"message": "secret has been created"})


def query(request: ApiRequest) -> Reply:
    """List the secrets of the resource group."""
    return naming.listed(request, [_shape(each) for each in request.group.object_store_secrets.values()])


def get(request: ApiRequest) -> Reply:
    """Give one secret, without its data."""
    return Reply(200, _shape(_find(request)))


def modify(request: ApiRequest) -> Reply:
    """Replace a secret; its name stays."""
    secret = _find(request)
    body = request.body()
    checks.text(body, "name")
    request.group.object_store_secrets[secret.name] = ObjectStoreSecret(secret.name, _metadata(body))
    return Reply(202, {"id": secret.name, "message": "secret has been modified"})


def delete(request: ApiRequest) -> Reply:
    """Delete a secret."""
    secret = _find(request)
    del request.group.object_store_secrets[secret.name]
    return Reply(202, {"id": secret.name, "message": "secret has been deleted"})


def _metadata(body: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(body.get("data"), dict):
        raise bad_request("data: an object with the credentials is required")
    fields = {"type": checks.text(body, "type"), "usehttps": "1"}
    for name in _METADATA:
        value = checks.optional_text(body, name)
        if value is not None:
            fields[name] = value
    return {shown: value for name, value in fields.items() for shown in _METADATA[name]}


def _find(request: ApiRequest) -> ObjectStoreSecret:
    return found(
        request.group.object_store_secrets, request.path_ids["objectStoreName"], "Object store secret"
    )


def _shape(secret: ObjectStoreSecret) -> Shape:
    return present(name=secret.name, metadata=dict(secret.metadata))
