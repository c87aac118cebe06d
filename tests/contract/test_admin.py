"""Every answer below ``/v2/admin`` fits the vendor's description."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aicore.emulator.routes.admin.table import ROUTES
from tests.contract.judged import Judged

LABELS = [{"key": "ext.ai.sap.com/team", "value": "a"}]
SECRET = {"name": "warehouse", "data": {"password": "c2VjcmV0"}}
TENANT_WIDE = {"AI-Tenant-Scope": "true"}
REPOSITORY = {"name": "templates", "url": "https://git.example.com/a.git", "username": "u", "password": "p"}
APPLICATION = {"repositoryUrl": REPOSITORY["url"], "revision": "HEAD", "path": "workflows"}
REGISTRY = {"data": {".dockerconfigjson": json.dumps({"auths": {}})}}
STORE = {"name": "default", "type": "S3", "bucket": "b", "region": "eu", "data": {"AWS_ACCESS_KEY_ID": "x"}}
QUOTAS = (
    "resourceGroups", "executables", "applications", "repositories", "secrets", "dockerRegistrySecrets",
    "deployments",
)  # fmt: skip


@pytest.fixture
def judged(emulator, description) -> Judged:
    """Return a client whose answers are judged."""
    return Judged(emulator, description, "/admin")


def test_every_operation_s_success_fits_the_description(judged):
    """One walk visits each route; a route that is added has to be visited too."""
    judged("POST", "/resourceGroups", 202, json={"resourceGroupId": "team-b", "labels": LABELS})
    judged("GET", "/resourceGroups", 200, params={"labelSelector": "ext.ai.sap.com/team=a", "$count": "true"})
    judged("PATCH", "/resourceGroups/team-b", 202, json={"labels": LABELS})
    judged("GET", "/resourceGroups/team-b", 200)
    judged("DELETE", "/resourceGroups/team-b", 202)
    judged("POST", "/objectStoreSecrets", 202, json=STORE)
    judged("GET", "/objectStoreSecrets", 200)
    judged("GET", "/objectStoreSecrets/default", 200)
    judged("PATCH", "/objectStoreSecrets/default", 202, json=STORE)
    judged("DELETE", "/objectStoreSecrets/default", 202)
    judged("POST", "/dockerRegistrySecrets", 202, json={"name": "registry", **REGISTRY})
    judged("GET", "/dockerRegistrySecrets", 200)
    judged("GET", "/dockerRegistrySecrets/registry", 200)
    judged.merge_patch("/dockerRegistrySecrets/registry", 202, REGISTRY)
    judged("DELETE", "/dockerRegistrySecrets/registry", 202)
    judged("POST", "/repositories", 200, json=REPOSITORY)
    judged("GET", "/repositories", 200)
    judged("GET", "/repositories/templates", 200)
    judged("PATCH", "/repositories/templates", 200, json={"username": "u", "password": "p"})
    judged("POST", "/applications", 200, json={"applicationName": "pipelines", **APPLICATION})
    judged("GET", "/applications", 200)
    judged("GET", "/applications/pipelines", 200)
    judged("PATCH", "/applications/pipelines", 200, json=APPLICATION)
    judged("POST", "/applications/pipelines/refresh", 202)
    judged("GET", "/applications/pipelines/status", 200)
    judged("DELETE", "/applications/pipelines", 200)
    judged("DELETE", "/repositories/templates", 200)
    for headers in ({}, TENANT_WIDE):
        judged("POST", "/secrets", 200, json={**SECRET, "labels": LABELS}, headers=headers)
        judged("GET", "/secrets", 200, headers=headers)
        judged("GET", "/secrets/warehouse", 200, headers=headers)
        judged("PATCH", "/secrets/warehouse", 200, json=SECRET, headers=headers)
        judged("GET", "/resourceQuota/secrets", 200, headers=headers)
        judged("DELETE", "/secrets/warehouse", 200, headers=headers)
    for name in QUOTAS:
        judged("GET", f"/resourceQuota/{name}", 200)
        judged("GET", f"/resourceQuota/{name}", 200, params={"quotaOnly": "true"})
    judged("GET", "/tenantInfo", 200)
    plans = {"resourcePlans": [{"name": "basic", "request": 2}]}
    judged("PATCH", "/resources/nodes", 200, json=plans)
    judged("GET", "/resources/nodes", 200)
    judged("GET", "/resources/instanceTypes", 200)
    judged("GET", "/services", 200)
    judged("GET", "/services/mine", 404)

    never_succeeds = {("GET", "/services/{ServiceName}")}
    assert judged.succeeded == {(route.method, route.path) for route in ROUTES} - never_succeeds


REFUSED = [
    ("POST", "/resourceGroups", 400, {"resourceGroupId": "-a"}),
    ("POST", "/resourceGroups", 409, {"resourceGroupId": "default"}),
    ("DELETE", "/resourceGroups/default", 400, None),
    ("GET", "/resourceGroups/none", 404, None),
    ("GET", "/resourceGroups?continueToken=gone", 410, None),
    ("POST", "/objectStoreSecrets", 400, {"name": "Default", "type": "S3", "data": {}}),
    ("GET", "/objectStoreSecrets/none", 404, None),
    ("POST", "/dockerRegistrySecrets", 400, {"name": "registry", "data": {}}),
    ("GET", "/dockerRegistrySecrets/none", 404, None),
    ("POST", "/repositories", 400, {"name": "templates"}),
    ("GET", "/repositories/none", 404, None),
    ("POST", "/applications", 400, {"repositoryName": "none", "revision": "HEAD", "path": "."}),
    ("GET", "/applications/none/status", 404, None),
    ("POST", "/secrets", 400, {"name": "warehouse", "data": {"password": "no base64"}}),
    ("GET", "/secrets/none", 404, None),
    ("PATCH", "/resources/nodes", 400, {"resourcePlans": [{"name": "basic", "request": 11}]}),
]


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    REFUSED,
    ids=[f"{n} {r[0]} {r[1]} {r[2]}" for n, r in enumerate(REFUSED)],
)
def test_every_refusal_fits_the_description(judged, method, path, status, body):
    """A refusal has AI Core's error body, which names code, message and request."""
    options = {} if body is None else {"json": body}
    error = judged(method, path, status, **options).json()["error"]

    assert {"code", "message", "requestId"} <= set(error)
