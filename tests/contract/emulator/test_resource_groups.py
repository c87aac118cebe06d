"""Resource groups come and go."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Options, Progress
from tests.emulators import connect

LABELS = [{"key": "ext.ai.sap.com/team", "value": "a"}]


def create(admin, group_id, **fields):
    """Create a resource group."""
    return admin.post("/resourceGroups", json={"resourceGroupId": group_id, **fields}).raise_for_status()


def test_resource_group_can_be_used_when_it_is_provisioned(make_emulator, clock):
    """Until then it shows as PROVISIONING and the gateway denies it."""
    emulator = make_emulator(options=Options(resource_group_provisioning_seconds=30))
    admin = connect(emulator)
    admin.base_url = f"{emulator.url}/v2/admin"
    create(admin, "team-b")
    theirs = connect(emulator, "team-b")
    before = admin.get("/resourceGroups/team-b").json()["status"], theirs.get("/scenarios").status_code
    clock.move(30)
    after = admin.get("/resourceGroups/team-b").json()["status"], theirs.get("/scenarios").status_code
    assert (before, after) == (("PROVISIONING", 403), ("PROVISIONED", 200))


def test_resource_group_is_provisioned_at_once_by_default(emulator, admin):
    """Nobody has to wait who did not ask for it."""
    create(admin, "team-b")
    assert connect(emulator, "team-b").get("/scenarios").status_code == 200


def test_default_cannot_be_deleted(admin):
    """The resource group ``default`` stays."""
    assert admin.delete("/resourceGroups/default").status_code == 400
    assert admin.get("/resourceGroups/default").status_code == 200


def test_deleted_resource_group_ends_what_runs_in_it(emulator, admin):
    """With the group everything in it is gone, and the gateway denies it."""
    create(admin, "team-b")
    theirs = connect(emulator, "team-b")
    emulator.script("text-clf-train", Progress.stuck("RUNNING"))
    execution_id = theirs.start()
    ended = []
    emulator.state.groups["team-b"].executions[execution_id].enactment.abandon = lambda: ended.append(1)
    assert admin.delete("/resourceGroups/team-b").status_code == 202
    assert (ended, theirs.get("/executions").status_code) == ([1], 403)


def test_labels_come_with_a_get_and_can_be_replaced_and_selected(admin):
    """The answer to the POST lacks them; a PATCH replaces all."""
    assert "labels" not in create(admin, "team-b", labels=[]).json()
    assert admin.patch("/resourceGroups/team-b", json={"labels": LABELS}).status_code == 202
    answer = admin.get("/resourceGroups", params={"labelSelector": "ext.ai.sap.com/team=a"}).json()
    assert [(each["resourceGroupId"], each["labels"]) for each in answer["resources"]] == [("team-b", LABELS)]


def test_list_of_resource_groups_goes_on_at_the_link(admin):
    """``maxpagesize`` gives the first page, the ``Link`` header leads to the next, the last one has none."""
    create(admin, "team-b")
    first = admin.get("/resourceGroups", headers={"Prefer": "maxpagesize=1"})
    link = first.headers["link"].partition(">")[0].removeprefix("<")
    second = admin.get(link, headers={"Prefer": "maxpagesize=1"})
    names = [each.json()["resources"][0]["resourceGroupId"] for each in (first, second)]
    assert (names, "link" in second.headers) == (["default", "team-b"], False)


def test_unknown_continue_token_has_expired(admin):
    """The list has to be begun again."""
    assert admin.get("/resourceGroups", params={"continueToken": "gone"}).status_code == 410


def test_count_is_of_the_answer_unless_asked_for(admin):
    """``$count=true`` gives the number of all."""
    create(admin, "team-b")
    answers = [admin.get("/resourceGroups", params={"$top": 1, "$count": each}) for each in ("false", "true")]
    assert [each.json()["count"] for each in answers] == [1, 2]


def test_tenant_has_at_most_fifty_resource_groups(make_emulator):
    """The fifty-first is refused, and the quota says so."""
    emulator = make_emulator(resource_groups=[f"team-{number}" for number in range(48)])
    admin = connect(emulator)
    admin.base_url = f"{emulator.url}/v2/admin"
    create(admin, "the-last")
    assert admin.post("/resourceGroups", json={"resourceGroupId": "more"}).status_code == 400
    quota = admin.get("/resourceQuota/resourceGroups").json()
    assert quota == {"usage": {"count": 50}, "quota": {"maxCount": 50}}


@pytest.mark.parametrize("key", ["team", "ext.ai.sap.com/", "ext.ai.sap.com/-", "ext.ai.sap.com/" + "a" * 49])
def test_bad_label_key_is_refused(admin, key):
    """Keys of a resource group's labels are shorter than elsewhere and end in a letter or digit."""
    body = {"resourceGroupId": "team-b", "labels": [{"key": key, "value": "v"}]}
    assert admin.post("/resourceGroups", json=body).status_code == 400


def test_client_of_a_resource_group_can_create_it(emulator):
    """What is the tenant's ignores the header, which SAP's clients send with whatever they ask."""
    theirs = connect(emulator, "team-b")
    theirs.base_url = f"{emulator.url}/v2/admin"
    assert create(theirs, "team-b").status_code == 202
    assert theirs.delete("/resourceGroups/team-b").status_code == 202
    assert theirs.get("/resourceGroups/team-b").status_code == 404
    assert theirs.get("/tenantInfo").status_code == 200
    assert theirs.get("/objectStoreSecrets").status_code == 403
