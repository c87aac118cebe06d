"""No secret leaves the connection."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tests.e2e.secret_search import ODD_SECRET, WRONG_SECRET, files, finds, spellings, tokens_of, values

pytestmark = pytest.mark.smoke  # What Airflow takes for a secret differs between its versions.


@pytest.fixture(scope="module")
def needles(emulator, pem):
    """All spellings of both client secrets, the good one and the refused one, and lines of a private key."""
    client_id = emulator.service_key["clientid"]
    secrets = spellings(client_id, emulator.service_key["clientsecret"]) | spellings(client_id, WRONG_SECRET)
    key = pem["own.key"].splitlines()[1:-1]
    return secrets | set(key) | {quote(line, safe="") for line in key}


@pytest.fixture(scope="module")
def places(airflow, demo_run, example_runs, failed_run, blocking_run, refused_run):
    """Everything that Airflow has kept after successes, failures and refusals, deferred and blocking."""
    return [*files(airflow), *values(airflow)]


def test_runs_ended_as_meant(airflow, demo_run, example_runs, failed_run, blocking_run, refused_run):
    """The runs whose traces are searched went through success, failure and refused credentials."""
    assert [run.state for run in (demo_run, failed_run, refused_run)] == ["success", "failed", "failed"]
    states = {task_id: task["state"] for task_id, task in blocking_run.tasks.items()}
    assert states == {"succeed": "success", "fail": "failed"}
    assert {task["state"] for task in refused_run.tasks.values()} == {"failed"}
    assert {airflow.rest.dag_run_state(*run) for run in example_runs.items()} == {"success"}


def test_search_finds_what_is_there(places, demo_run):
    """The search finds the execution's id in a log and in the database, so it would find a secret as well."""
    found = {place for place, text in places if demo_run.execution_id in text}
    assert {"table xcom", "table rendered_task_instance_fields"} <= found
    assert any(place.startswith("logs/") for place in found)


def test_search_recognises_a_token(emulator):
    """The search recognises a token of this client, so it would find one in Airflow as well."""
    token = emulator.token()
    assert tokens_of(emulator.service_key["clientid"], f"Bearer {token},")


@pytest.mark.parametrize("encode", [json.dumps, repr])
def test_search_finds_nested_key(encode):
    """The search finds a secret in a service key that was encoded within encoded text, three levels deep."""
    text = encode(encode(encode({"clientsecret": ODD_SECRET})))
    assert finds(text, spellings("client", ODD_SECRET))


def test_no_secret(places, needles):
    """No file and no table but the connections holds a client secret or a private key, in no spelling."""
    assert [place for place, text in places if finds(text, needles)] == []


def test_no_access_token(places, emulator):
    """No file and no table holds an access token for AI Core."""
    client_id = emulator.service_key["clientid"]
    assert [place for place, text in places if tokens_of(client_id, text)] == []


def test_no_secret_in_triggers(demo_run, failed_run, needles, emulator):
    """The decrypted trigger of a deferred task holds its execution's id, but neither secret nor token."""
    rows = [" ".join(row) for row in demo_run.trigger_rows | failed_run.trigger_rows]
    assert any("airflow_provider_aicore.triggers" in row for row in rows)
    for run in (demo_run, failed_run):
        assert any(run.execution_id in row for row in rows)
    assert [
        row for row in rows if finds(row, needles) or tokens_of(emulator.service_key["clientid"], row)
    ] == []
