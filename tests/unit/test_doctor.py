"""The doctor as a program: what it prints, and its exit codes."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from airflow_provider_aicore import doctor
from airflow_provider_aicore.api import auth
from airflow_provider_aicore.emulator import credentials_refused
from airflow_provider_aicore.examination import ALL


@pytest.fixture(autouse=True)
def context_of_airflow(monkeypatch):
    """Take back what the program says about this process."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")


def test_warnings_are_exit_code_0(connection, api, capsys):
    """What is missing in the tenant, but not for every task, is told and no failure."""
    secret = {"name": "default", "type": "S3", "data": {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}}
    api.post("https://api.ai.emulator.test/v2/admin/objectStoreSecrets", json=secret).raise_for_status()

    assert doctor.main(["--conn-id", connection]) == 0

    assert capsys.readouterr().out.splitlines()[-1] == "aicore_default: 13 ok, 1 warning"


def test_something_wrong_is_exit_code_1(connection, network, capsys):
    """Each check has its line, in words for a person."""
    network.faults.add(credentials_refused(), path="/oauth/token", times=None)

    assert doctor.main([]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("wrong ")] == [
        line for line in lines if "Bad credentials" in line
    ]
    assert lines[-1] == "aicore_default: 5 ok, 1 wrong, 8 not checked"


@pytest.mark.parametrize(
    "arguments",
    [["--no-such-option"], ["--resource-group", "-"], ["--resource-group", "a b"], ["something"]],
)
def test_arguments_that_cannot_be_are_exit_code_2(network, capsys, arguments):
    """Nobody is asked anything."""
    with pytest.raises(SystemExit) as ended:
        doctor.main(arguments)

    assert ended.value.code == 2
    assert network.requests == []


def test_json_is_for_programs(connection, network, capsys):
    """Each check with its name, verdict and text, and nothing else on the output."""
    doctor.main(["--json"])

    told = json.loads(capsys.readouterr().out)
    assert [each["check"] for each in told["checks"]] == ["connection", *(check.name for check in ALL)]
    assert told["checks"][4] == {
        "check": "certificate",
        "verdict": "ok",
        "text": "The key has a client secret and no certificate that could end.",
    }
    assert told["connection"] == "aicore_default"
    assert told["counts"]["ok"] == 12


def test_no_secret_is_printed(connection, network, capsys):
    """Neither form of the output holds a secret."""
    for arguments in ([], ["--json"]):
        doctor.main(arguments)
    printed = capsys.readouterr()

    assert network.service_key["clientsecret"] not in printed.out + printed.err


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SSL_CERT_FILE", "/no/such.pem", "No such file or directory. SSL_CERT_FILE is '/no/such.pem'"),
        ("HTTPS_PROXY", "foo://localhost", "Unknown scheme for proxy URL"),
        (
            "HTTPS_PROXY",
            "socks5://localhost",
            "Using SOCKS proxy, but the 'socksio' package is not installed",
        ),
    ],
    ids=str,
)
def test_an_environment_in_which_no_client_can_be_made_is_told(
    connection, network, capsys, monkeypatch, variable, value, told
):
    """It is the machine's, but keeps every task from the connection."""
    monkeypatch.setenv(variable, value)
    auth._plain_ssl_context.cache_clear()

    assert doctor.main([]) == 1

    auth._plain_ssl_context.cache_clear()
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("wrong        connection")
    assert told in first
    assert not any(line.startswith("wrong") for line in others)


def only_command():
    """Return the group and the command that Airflow gets."""
    group: Any
    (group,) = doctor.get_cli_commands()
    (command,) = group.subcommands
    return group, command


def test_airflow_s_command_line_has_the_same_arguments():
    """``airflow aicore doctor`` takes what the program takes, and ends with its exit code."""
    group, command = only_command()
    parser = argparse.ArgumentParser()
    for argument in command.args:
        argument.add_to_parser(parser)

    assert (group.name, command.name) == ("aicore", "doctor")
    assert vars(parser.parse_args(["--resource-group", "team-a"])) == {
        "conn_id": "aicore_default",
        "resource_group": "team-a",
        "json": False,
    }


def test_airflow_s_command_ends_with_the_exit_code(connection, network, capsys):
    """Airflow itself ignores what a command returns."""
    _, command = only_command()
    options = argparse.Namespace(conn_id=connection, resource_group=None, json=False)

    with pytest.raises(SystemExit) as ended:
        command.func(options)

    assert ended.value.code == 1
