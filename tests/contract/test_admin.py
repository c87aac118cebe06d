"""Every answer below ``/v2/admin`` fits the vendor's description; a tenant is asked for little of it."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aicore.emulator.routes.admin.table import ROUTES

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
def area() -> str:
    """Give what the paths are below, after ``/v2``."""
    return "/admin"


def test_every_operation_s_success_fits_the_description(judged, emulator):
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


NOT_THERE = [
    ("/resourceGroups/none", 404),
    ("/resourceGroups?continueToken=gone", 410),
    ("/objectStoreSecrets/none", 404),
    ("/dockerRegistrySecrets/none", 404),
    ("/repositories/none", 404),
    ("/applications/none/status", 404),
    ("/secrets/none", 404),
]
REFUSED = [
    ("POST", "/resourceGroups", 400, {"resourceGroupId": "-a"}),
    ("POST", "/resourceGroups", 409, {"resourceGroupId": "default"}),
    ("DELETE", "/resourceGroups/default", 400, None),
    ("POST", "/objectStoreSecrets", 400, {"name": "Default", "type": "S3", "data": {}}),
    ("POST", "/dockerRegistrySecrets", 400, {"name": "registry", "data": {}}),
    ("POST", "/repositories", 400, {"name": "templates"}),
    ("POST", "/applications", 400, {"repositoryName": "none", "revision": "HEAD", "path": "."}),
    ("POST", "/secrets", 400, {"name": "warehouse", "data": {"password": "no base64"}}),
    ("PATCH", "/resources/nodes", 400, {"resourcePlans": [{"name": "basic", "request": 11}]}),
]


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    REFUSED,
    ids=[f"{n} {r[0]} {r[1]} {r[2]}" for n, r in enumerate(REFUSED)],
)
def test_every_refusal_fits_the_description(judged, emulator, method, path, status, body):
    """A refusal has AI Core's error body, which names code, message and request."""
    options = {} if body is None else {"json": body}
    error = judged(method, path, status, **options).json()["error"]

    assert {"code", "message", "requestId"} <= set(error)


@pytest.mark.parametrize(("path", "status"), NOT_THERE)
def test_what_is_not_there_is_refused_as_described(judged, path, status):
    """So has one of a question, which a tenant may be asked as well."""
    error = judged("GET", path, status).json()["error"]

    assert {"code", "message", "requestId"} <= set(error)
