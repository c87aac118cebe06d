"""Quotas, nodes and the tenant itself."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator.administration import Application, DockerRegistrySecret, Repository

REPOSITORY = {"url": "https://git.example.com/Acme/Workflows.git", "username": "u", "password": "p"}
APPLICATION = {"repositoryUrl": REPOSITORY["url"], "revision": "HEAD", "path": "."}
DOCKER = {"name": "registry", "data": {".dockerconfigjson": "{}"}}


@pytest.mark.parametrize(
    ("path", "held", "thing", "body"),
    [
        ("repositories", "repositories", Repository("n", "u"), REPOSITORY),
        ("applications", "applications", Application("n", "u", "HEAD", "."), APPLICATION),
        ("dockerRegistrySecrets", "docker_registry_secrets", DockerRegistrySecret("n"), DOCKER),
    ],
)
def test_tenant_has_at_most_fifty_of_each(emulator, admin, path, held, thing, body):
    """The fiftieth is taken, the next is refused, and the quota says how many there are."""
    getattr(emulator.state, held).update({f"n{number}": thing for number in range(49)})
    assert admin.post(f"/{path}", json=body).is_success
    again = {**body, "name": "other", "applicationName": "other"}
    assert admin.post(f"/{path}", json=again).status_code == 400
    expected = {"usage": {"count": 50}, "quota": {"maxCount": 50}}
    assert admin.get(f"/resourceQuota/{path}").json() == expected


def test_quota_alone(admin):
    """``quotaOnly`` leaves the usage out."""
    assert set(admin.get("/resourceQuota/executables").json()) == {"quota", "usage"}
    assert set(admin.get("/resourceQuota/executables", params={"quotaOnly": "true"}).json()) == {"quota"}


def test_executables_are_counted_by_kind(emulator, admin):
    """Those for deployments have a quota of their own."""
    emulator.add_executable("serving", "serve", deployable=True)
    usage = admin.get("/resourceQuota/executables").json()["usage"]
    assert usage == {"servingTemplateCount": 1, "workflowTemplateCount": 1}


@pytest.mark.parametrize(("request_", "status"), [(0, 200), (10, 200), (11, 400), (-1, 400), (1.5, 400)])
def test_warm_nodes_have_a_limit(admin, request_, status):
    """From 0 to 10 of each plan."""
    body = {"resourcePlans": [{"name": "basic", "request": request_}]}
    assert admin.patch("/resources/nodes", json=body).status_code == status
    if status == 200:
        expected = {"provisioned": request_, "requested": request_}
        assert admin.get("/resources/nodes").json()["resourcePlans"]["basic"] == expected


def test_tenant_is_that_of_the_service_key(emulator, admin):
    """Its id is the identity zone of the key."""
    assert admin.get("/tenantInfo").json()["tenantId"] == emulator.service_key["identityzoneid"]


def test_repository_without_a_name_gets_one_from_its_url(admin):
    """The name is of the letters that names may have."""
    answer = admin.post("/repositories", json=REPOSITORY).json()
    assert answer["id"] == "https-git-example-com-acme-workflows"


def test_repository_needs_credentials(admin):
    """User name and password are required."""
    assert admin.post("/repositories", json={"url": REPOSITORY["url"], "username": "u"}).status_code == 400
