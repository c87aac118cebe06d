"""What Airflow's own commands know of the provider."""

from __future__ import annotations

import json

import pytest

from tests.e2e.secret_search import WRONG_SECRET

TESTS_ENABLED = {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("list", "airflow-provider-aicore"),
        ("hooks", "aicore"),
        ("triggers", "airflow_provider_aicore.triggers.aicore"),
    ],
)
def test_airflow_lists_the_provider(airflow, command, expected):
    """``airflow providers`` knows the package, its connection type and its triggers."""
    listed = airflow.command("providers", command, "--output", "json")
    assert listed.returncode == 0, listed.stderr
    entries = json.loads(listed.stdout[listed.stdout.index("[") :])
    assert any(expected in entry.values() for entry in entries), entries


def test_connection_test_succeeds(airflow):
    """``airflow connections test`` says that the connection works."""
    tested = airflow.command("connections", "test", "aicore_default", settings=TESTS_ENABLED)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "success" in tested.stdout.lower()


def test_connection_test_explains_refused_credentials(airflow):
    """``airflow connections test`` says what is wrong with refused credentials, and does not print them."""
    tested = airflow.command("connections", "test", "aicore_wrong_secret", settings=TESTS_ENABLED)
    output = tested.stdout + tested.stderr
    assert "Bad credentials" in output
    assert WRONG_SECRET not in output
