"""Secrets go in and never come out."""

from __future__ import annotations

import pytest

SECRET = {"name": "warehouse", "data": {"password": "c2VjcmV0"}}
TENANT_WIDE = {"AI-Tenant-Scope": "true"}


def held(emulator, group="default"):
    """Give the data of a resource group's generic secrets."""
    return {name: each.plain() for name, each in emulator.state.groups[group].generic_secrets.items()}


def test_generic_secret_is_decoded_and_never_given_back(emulator, admin):
    """Containers get the plain values, and nobody else."""
    admin.post("/secrets", json=SECRET).raise_for_status()
    assert held(emulator) == {"warehouse": {"password": "secret"}}
    answers = admin.get("/secrets/warehouse").text + admin.get("/secrets").text
    assert "data" not in answers
    assert "c2VjcmV0" not in answers
    assert "c2VjcmV0" not in repr(emulator.requests)


@pytest.mark.parametrize("data", [{"a": "no base64!"}, {"a": 1}, {"a/b": "YQ=="}, "YQ==", None])
def test_bad_data_of_a_generic_secret_is_refused(admin, data):
    """Values have to be encoded with base64, and keys are those of a Kubernetes secret."""
    assert admin.post("/secrets", json={"name": "warehouse", "data": data}).status_code == 400


def test_generic_secret_can_be_replaced_and_deleted(emulator, admin):
    """A PATCH replaces all data and leaves labels that it does not name."""
    labels = [{"key": "ext.ai.sap.com/team", "value": "a"}]
    admin.post("/secrets", json={**SECRET, "labels": labels}).raise_for_status()
    admin.patch("/secrets/warehouse", json={"data": {"user": "YQ=="}}).raise_for_status()
    assert held(emulator) == {"warehouse": {"user": "a"}}
    assert admin.get("/secrets/warehouse").json()["labels"] == labels
    assert admin.post("/secrets", json=SECRET).status_code == 409
    assert admin.delete("/secrets/warehouse").status_code == 200
    assert admin.get("/secrets/warehouse").status_code == 404


def test_tenant_wide_secret_is_in_every_resource_group(emulator, admin):
    """Also in one that comes later; a group's own secret of the same name goes first."""
    admin.post("/secrets", json={**SECRET, "data": {"mine": "YQ=="}}).raise_for_status()
    admin.post("/secrets", json=SECRET, headers=TENANT_WIDE).raise_for_status()
    admin.post("/resourceGroups", json={"resourceGroupId": "team-b"}).raise_for_status()
    assert held(emulator) == {"warehouse": {"mine": "a"}}
    assert held(emulator, "team-b") == {"warehouse": {"password": "secret"}}
    shown = admin.get("/secrets/warehouse", headers=TENANT_WIDE).json()
    assert shown["resourceGroupSecretsSyncStatus"] == {"default": False, "team-b": True}
    admin.delete("/secrets/warehouse").raise_for_status()
    assert held(emulator) == {"warehouse": {"password": "secret"}}
    assert admin.get("/secrets").json()["count"] == 0
    admin.delete("/secrets/warehouse", headers=TENANT_WIDE).raise_for_status()
    assert held(emulator) == held(emulator, "team-b") == {}


def test_tenant_has_at_most_five_secrets_of_its_own(admin):
    """The sixth is refused."""
    statuses = [
        admin.post("/secrets", json={**SECRET, "name": f"n{number}"}, headers=TENANT_WIDE).status_code
        for number in range(6)
    ]
    assert statuses == [200] * 5 + [400]


def test_generic_secret_needs_a_scope(admin):
    """Either header says whose secret it is."""
    del admin.headers["AI-Resource-Group"]
    assert admin.post("/secrets", json=SECRET).status_code == 400
    assert admin.get("/secrets", headers={"AI-Tenant-Scope": "maybe"}).status_code == 400


def test_object_store_secret_shows_its_metadata_only(admin):
    """What an ``ai://`` URL begins with has a bucket and no credentials."""
    body = {"name": "store", "type": "S3", "bucket": "b", "data": {"AWS_SECRET_ACCESS_KEY": "hidden"}}
    admin.post("/objectStoreSecrets", json=body).raise_for_status()
    expected = {
        "storage.ai.sap.com/type": "S3",
        "storage.ai.sap.com/bucket": "b",
        "serving.kubeflow.org/s3-usehttps": "1",
    }
    assert admin.get("/objectStoreSecrets/store").json() == {"name": "store", "metadata": expected}


def test_object_store_secrets_are_of_one_resource_group(emulator, admin):
    """Without the header that is ``default``."""
    admin.post("/resourceGroups", json={"resourceGroupId": "team-b"}).raise_for_status()
    del admin.headers["AI-Resource-Group"]
    admin.post("/objectStoreSecrets", json={"name": "s", "type": "S3", "data": {}}).raise_for_status()
    theirs = admin.get("/objectStoreSecrets", headers={"AI-Resource-Group": "team-b"})
    assert (list(emulator.state.groups["default"].object_store_secrets), theirs.json()["count"]) == (["s"], 0)


@pytest.mark.parametrize(
    ("content", "status"), [('{"auths": {}}', 202), ("eyJhdXRocyI6IHt9fQ==", 400), ("[]", 400), (None, 400)]
)
def test_docker_registry_secret_is_json_text(admin, content, status):
    """It is the text of a JSON object, not encoded with base64."""
    body = {"name": "registry", "data": {".dockerconfigjson": content}}
    assert admin.post("/dockerRegistrySecrets", json=body).status_code == status


def test_docker_registry_secret_has_nothing_else_in_it(admin):
    """The description lets no other key in."""
    body = {"name": "registry", "data": {".dockerconfigjson": "{}", "password": "p"}}
    assert admin.post("/dockerRegistrySecrets", json=body).status_code == 400


def test_docker_registry_secret_changes_by_plain_json_too(admin):
    """SAP's client sends no merge patch."""
    data = {".dockerconfigjson": "{}"}
    admin.post("/dockerRegistrySecrets", json={"name": "registry", "data": data}).raise_for_status()
    assert admin.patch("/dockerRegistrySecrets/registry", json={"data": data}).status_code == 202


@pytest.mark.parametrize("name", ["a", "a__b", "a_", "_a", "A", "a" * 64])
def test_bad_name_of_a_docker_registry_secret_is_refused(admin, name):
    """At least two characters, and no underscore at an end or beside another."""
    body = {"name": name, "data": {".dockerconfigjson": "{}"}}
    assert admin.post("/dockerRegistrySecrets", json=body).status_code == 400


def test_star_stands_for_all_resource_groups(emulator, admin):
    """SAP's documentation names them so for a tenant-wide secret; elsewhere there is none of that name."""
    every = {**TENANT_WIDE, "AI-Resource-Group": "*"}
    assert admin.post("/secrets", json=SECRET, headers=every).status_code == 200
    assert held(emulator) == {"warehouse": {"password": "secret"}}
    assert admin.get("/secrets", headers={"AI-Resource-Group": "*"}).status_code == 403
    assert admin.get(admin.base_url.join("/v2/lm/executions"), headers=every).status_code == 403
