"""The examination over a real network: what httpx says of ports and answers, and not the emulator for it."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.api import Client, ServiceKey
from airflow_provider_aicore.api.retry import NO_RETRY
from airflow_provider_aicore.emulator import BodyCut, ConnectionLost, SlowAnswer
from airflow_provider_aicore.emulator.server import EmulatorServer
from airflow_provider_aicore.examination import QUICK, Case, Verdict, examine


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Lead to this machine whatever proxy there is."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def examined(key, timeout: float = 10.0):
    """Give the lines by the names of their checks, and the names of those that went wrong."""
    with Client(ServiceKey.parse(key), retry=NO_RETRY, timeout=timeout) as client:
        lines = client.run(examine(Case(client.service_key, client.resource_group, client.now), QUICK))
    return {line.check: line for line in lines}, [
        each.check for each in lines if each.verdict is Verdict.WRONG
    ]


def test_a_port_on_which_nobody_listens_is_named():
    """The host is wrong, and nothing else is looked at."""
    with EmulatorServer() as server:
        key = server.emulator.service_key
    lines, wrong = examined(key)

    assert wrong == ["host"]
    assert f"{key['serviceurls']['AI_API_URL'].removeprefix('http://')} got no answer" in lines["host"].text


@pytest.mark.parametrize(
    ("fault", "timeouts"),
    [(SlowAnswer(60), (0.2, 1, 5)), (ConnectionLost(), (10,)), (BodyCut(), (10,))],
    ids=["slow", "lost", "cut"],
)
@pytest.mark.parametrize(
    ("path", "check"), [("/lm/meta", "host"), ("/oauth/token", "token"), ("/lm/scenarios", "API")]
)
def test_trouble_on_the_way_is_told_where_it_is(fault, timeouts, path, check):
    """Each of the three requests stands for one check; a busy machine may be late with the others, too."""
    with EmulatorServer() as server:
        server.emulator.faults.add(fault, path=path, times=None)
        for timeout in timeouts:
            _, wrong = examined(server.emulator.service_key, timeout)
            if wrong == [check]:
                break

    assert wrong == [check]
