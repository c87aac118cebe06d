"""Stopping and deleting executions, one and many."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aicore.emulator import Options, Progress
from tests.emulators import connect

STOP = {"targetStatus": "STOPPED"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
ALWAYS_STOPPING = Progress.by_clock(unknown=0, pending=0, stopping=1e9)


def in_status(emulator, status):
    """Start an execution and bring it into *status*."""
    api = connect(emulator)
    emulator.script("text-clf-train", ALWAYS_STOPPING if status == "STOPPING" else Progress.at_once(status))
    if status in {"UNKNOWN", "PENDING", "RUNNING"}:
        emulator.script("text-clf-train", Progress.stuck(status))
    execution_id = api.start()
    if status == "STOPPING":
        api.patch(f"/executions/{execution_id}", json=STOP).raise_for_status()
    assert api.status(execution_id) == status
    return api, execution_id


def bulk(api, *changes, headers=MERGE_PATCH):
    """Send a bulk PATCH."""
    body = {"executions": [{"id": each, "targetStatus": target} for each, target in changes]}
    return api.patch("/executions", content=json.dumps(body), headers=headers)


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_stop_of_a_live_execution_is_noted(emulator, status):
    """PENDING and RUNNING can be stopped: 202 at once, STOPPING for a while, then STOPPED."""
    api, execution_id = in_status(emulator, status)
    answer = api.patch(f"/executions/{execution_id}", json=STOP)
    assert answer.status_code == 202
    assert answer.json() == {"id": execution_id, "message": "Execution modification scheduled"}
    read = api.get(f"/executions/{execution_id}").json()
    assert (read["status"], read["targetStatus"]) == ("STOPPING", "STOPPED")
    read = api.get(f"/executions/{execution_id}").json()
    assert read["status"] == "STOPPED"
    assert "completionTime" in read


@pytest.mark.parametrize("status", ["UNKNOWN", "STOPPING", "COMPLETED", "DEAD", "STOPPED"])
def test_stop_in_another_status_is_refused(emulator, status):
    """Everything but PENDING and RUNNING refuses a stop, with AI Core's code."""
    api, execution_id = in_status(emulator, status)
    answer = api.patch(f"/executions/{execution_id}", json=STOP)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "01010076")
    assert api.status(execution_id) == status


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "STOPPING"])
def test_delete_of_a_live_execution_is_refused(emulator, status):
    """What may still run has to be stopped before it can be deleted."""
    api, execution_id = in_status(emulator, status)
    assert api.delete(f"/executions/{execution_id}").status_code == 400


def test_status_of_a_refusal_is_an_option(make_emulator):
    """A refused transition is 400 or 412: AI Core's status is not documented, so it can be chosen."""
    api, execution_id = in_status(make_emulator(options=Options(refused_transition_status=412)), "UNKNOWN")
    assert api.patch(f"/executions/{execution_id}", json=STOP).status_code == 412


@pytest.mark.parametrize("status", ["UNKNOWN", "COMPLETED", "DEAD", "STOPPED"])
def test_delete_is_noted_and_done_later(emulator, clock, status):
    """A deleted execution shows its target for a while, and is then not found; its artifacts stay."""
    api, execution_id = in_status(emulator, status)
    artifacts = api.get("/artifacts").json()["count"]
    answer = api.delete(f"/executions/{execution_id}")
    assert (answer.status_code, answer.json()["targetStatus"]) == (202, "DELETED")
    read = api.get(f"/executions/{execution_id}").json()
    assert (read["status"], read["targetStatus"]) == (status, "DELETED")
    assert api.get("/executions").json()["count"] == 1
    clock.move(5)
    answer = api.get(f"/executions/{execution_id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "01010020")
    assert api.get("/executions").json()["count"] == 0
    assert api.get("/artifacts").json()["count"] == artifacts


def test_deleted_unknown_execution_never_starts(make_emulator, clock):
    """Deletion ends an execution that has not begun."""
    api = connect(make_emulator(progress=Progress.by_clock(unknown=2), options=Options(deletion_seconds=60)))
    execution_id = api.start()
    api.delete(f"/executions/{execution_id}")
    clock.move(30)
    assert api.status(execution_id) == "UNKNOWN"


def test_second_delete_is_refused(emulator):
    """An execution that is being deleted cannot be deleted again."""
    api, execution_id = in_status(emulator, "COMPLETED")
    api.delete(f"/executions/{execution_id}").raise_for_status()
    assert api.delete(f"/executions/{execution_id}").status_code == 400


@pytest.mark.parametrize("body", [{"targetStatus": "DELETED"}, {"targetStatus": "COMPLETED"}, {}])
def test_only_stopped_can_be_asked_for(emulator, body):
    """PATCH of one execution takes STOPPED and nothing else."""
    api, execution_id = in_status(emulator, "RUNNING")
    assert api.patch(f"/executions/{execution_id}", json=body).status_code == 400


def test_unknown_execution_is_not_found(api):
    """Changes of an execution that is not there are 404 with AI Core's code."""
    for answer in (
        api.patch("/executions/e000000000000000", json=STOP),
        api.delete("/executions/e000000000000000"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "01010020")


def test_bulk_gives_a_verdict_for_each_in_order(emulator):
    """A bulk PATCH is always 202, with success or AI Core's error for each item."""
    api, completed = in_status(emulator, "COMPLETED")
    emulator.script("text-clf-train", Progress.stuck("RUNNING"))
    running = api.start()
    answer = bulk(api, (completed, "DELETED"), ("exec_a_not_exist", "DELETED"), (running, "STOPPED"))
    assert answer.status_code == 202
    first, second, third = answer.json()["executions"]
    assert first == {"id": completed, "message": "Execution modification scheduled"}
    assert (second["id"], second["error"]["code"]) == ("exec_a_not_exist", "01010020")
    assert third["id"] == running
    assert emulator.statuses()[running] == "STOPPING"


@pytest.mark.parametrize("amount", [0, 101])
def test_bulk_takes_one_to_a_hundred(api, amount):
    """No list, an empty list, and a hundred and first item are 400."""
    assert api.patch("/executions", content="{}", headers=MERGE_PATCH).status_code == 400
    assert bulk(api, *((f"e{number:015d}", "STOPPED") for number in range(amount))).status_code == 400


@pytest.mark.parametrize("amount", [1, 100])
def test_bulk_takes_a_hundred(api, amount):
    """One item and a hundred are taken."""
    answer = bulk(api, *((f"e{number:015d}", "STOPPED") for number in range(amount)))
    assert (answer.status_code, len(answer.json()["executions"])) == (202, amount)


def test_bulk_items_are_unique(api):
    """The same item twice is 400."""
    assert bulk(api, ("e000000000000000", "STOPPED"), ("e000000000000000", "STOPPED")).status_code == 400


def test_bulk_wants_a_merge_patch(api):
    """A bulk PATCH as plain JSON is 400: the description takes merge patches only."""
    headers = {"Content-Type": "application/json"}
    assert bulk(api, ("e000000000000000", "STOPPED"), headers=headers).status_code == 400


def test_bulk_can_be_switched_off(make_emulator):
    """A tenant without bulk updates refuses them."""
    api = connect(make_emulator(options=Options(bulk_updates=False)))
    assert bulk(api, ("e000000000000000", "STOPPED")).status_code == 400
