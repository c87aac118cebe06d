"""What Airflow's own commands know of the provider."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

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


@pytest.mark.smoke
@pytest.mark.parametrize("connection_id", ["aicore_default", "aicore_single_fields"])
def test_connection_test_succeeds(airflow, connection_id):
    """``airflow connections test`` says that the connection works, whole key or single fields."""
    tested = airflow.command("connections", "test", connection_id, settings=TESTS_ENABLED)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "success" in tested.stdout.lower()


@pytest.mark.parametrize("connection_id", ["aicore_wrong_secret", "aicore_wrong_certificate"])
def test_connection_test_explains_refused_credentials(airflow, pem, connection_id):
    """``airflow connections test`` says what is wrong with refused credentials, and does not print them.

    A certificate and its key, texts of many lines, come whole through the REST API: AI Core refuses them.
    """
    tested = airflow.command("connections", "test", connection_id, settings=TESTS_ENABLED)
    output = " ".join((tested.stdout + tested.stderr).split())
    assert "refused with 401" in output
    unwrapped = "".join(output.split())
    for secret in (WRONG_SECRET, *pem["own.key"].splitlines()[1:-1]):
        assert secret not in unwrapped


def _examined(stdout):
    told = json.loads(stdout[stdout.index("{") :])
    return {each["check"]: each["verdict"] for each in told["checks"]}


@pytest.mark.smoke
def test_the_doctor_is_a_program(airflow):
    """It finds a connection of Airflow's database, says how each check came out, and ends accordingly."""
    command = [
        sys.executable,
        "-m",
        "airflow_provider_aicore.doctor",
        "--json",
        "--conn-id",
        "aicore_wrong_secret",
    ]
    ended = subprocess.run(command, env=airflow.environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 1, ended.stderr
    verdicts = _examined(ended.stdout)
    assert [name for name, verdict in verdicts.items() if verdict == "wrong"] == ["token"]
    assert WRONG_SECRET not in ended.stdout + ended.stderr


@pytest.mark.skipif(
    version("apache-airflow").startswith("3.1."), reason="Airflow 3.1 takes no commands of providers"
)
def test_the_doctor_is_a_command_of_airflow(airflow):
    """``airflow aicore doctor`` is the same; the emulator lacks what an administrator creates."""
    ended = airflow.command("aicore", "doctor", "--json")

    assert ended.returncode == 1, ended.stdout + ended.stderr
    verdicts = _examined(ended.stdout)
    assert [name for name, verdict in verdicts.items() if verdict == "wrong"] == ["object store secret"]
    assert [verdicts[name] for name in ("token", "resource group", "scenarios")] == ["ok", "ok", "ok"]


def test_the_doctor_refuses_arguments_that_cannot_be(airflow):
    """Its exit code is then another one than for a sick connection."""
    assert airflow.command("aicore", "doctor", "--resource-group", "?").returncode == 2
