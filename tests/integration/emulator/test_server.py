"""The emulator over TCP."""

from __future__ import annotations

import json
import logging
import socket
import time

import httpx
import pytest

from airflow_provider_aicore.emulator import (
    BodyCut,
    ConnectionLost,
    ManualClock,
    NoConnection,
    Options,
    Progress,
    SlowAnswer,
)
from airflow_provider_aicore.emulator.server import EmulatorServer
from tests.integration.emulator.laboratory import REPORT, Laboratory, python


@pytest.fixture
def server():
    """Give an emulator that listens."""
    with EmulatorServer(progress=Progress.by_reads(1)) as server:
        server.emulator.add_executable("text-clf", "text-clf-train")
        yield server


@pytest.fixture
def api(server):
    """Give a client of the emulator that listens."""
    with connect(server) as api:
        yield api


def connect(server):
    """Get a token over TCP and give a client that carries it."""
    key = server.emulator.service_key
    form = {"grant_type": "client_credentials"}
    token = httpx.post(
        f"{key['url']}/oauth/token",
        data=form,
        auth=(key["clientid"], key["clientsecret"]),
        trust_env=False,
        timeout=90,
    )
    return httpx.Client(
        base_url=f"{key['serviceurls']['AI_API_URL']}/v2/lm",
        headers={"Authorization": f"Bearer {token.json()['access_token']}", "AI-Resource-Group": "default"},
        trust_env=False,
        timeout=90,
    )


def configure(api):
    """Create a configuration and give the body that starts an execution of it."""
    body = {"name": "train", "executableId": "text-clf-train", "scenarioId": "text-clf"}
    return {"configurationId": api.post("/configurations", json=body).json()["id"]}


def test_the_same_answers_come_over_tcp(server, api):
    """Token, creation, reads, counts, queries and empty answers work as in process."""
    answer = api.post("/executions", json=configure(api))
    execution_id = answer.json()["id"]
    assert answer.headers["location"] == f"{server.url}/v2/lm/executions/{execution_id}"
    assert answer.headers["x-request-id"]
    assert len(answer.headers.get_list("date")) == 1
    assert [api.get(f"/executions/{execution_id}").json()["status"] for _ in range(2)] == [
        "UNKNOWN",
        "PENDING",
    ]
    assert api.get("/executions/$count", params={"scenarioId": "text-clf"}).text == "1"
    tags = [{"name": "odd", "value": "a+b & c"}]
    tracked = api.patch("/metrics", json={"executionId": execution_id, "tags": tags})
    assert (tracked.status_code, tracked.content) == (204, b"")
    assert api.get("/metrics", params={"tagFilters": "odd=a+b & c"}).json()["count"] == 1


def test_only_this_machine_is_listened_to(server):
    """The address is 127.0.0.1; a request under another host name is denied."""
    assert server.url.startswith("http://127.0.0.1:")
    answer = httpx.get(
        f"{server.url}/v2/lm/meta", headers={"Host": "evil.example.com"}, trust_env=False, timeout=90
    )
    assert answer.status_code == 403


def test_localhost_is_as_good_as_its_address(server, api):
    """A URL with localhost leads to the same emulator."""
    port = server.url.rpartition(":")[2]
    answer = api.get(f"http://localhost:{port}/v2/lm/meta")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fault", "started"), [(ConnectionLost(), 1), (NoConnection(), 0)], ids=["after", "before"]
)
def test_broken_connection_is_closed_without_an_answer(server, api, caplog, fault, started):
    """The client sees the connection break, before or after the effect; the next request is fine."""
    body = configure(api)
    server.emulator.faults.add(fault, method="POST", path="/executions$")
    with pytest.raises(httpx.TransportError):
        api.post("/executions", json=body)
    assert len(server.emulator.statuses()) == started
    assert api.get("/scenarios").status_code == 200
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_body_is_cut_in_the_middle(server, api, caplog):
    """Headers with the whole length and half of the bytes arrive, then the connection ends."""
    whole = len(api.get("/scenarios").content)
    server.emulator.faults.add(BodyCut(), path="/scenarios$")
    with pytest.raises(httpx.RemoteProtocolError, match=rf"received {whole // 2} bytes, expected {whole}"):
        api.get("/scenarios")
    assert api.get("/scenarios").status_code == 200
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_slow_answer_is_slow(server, api):
    """An impatient client runs into its timeout although the request took effect."""
    body = configure(api)
    server.emulator.faults.add(SlowAnswer(5), method="POST", path="/executions$")
    with pytest.raises(httpx.ReadTimeout):
        api.post("/executions", json=body, timeout=httpx.Timeout(90, read=0.5))
    deadline = time.monotonic() + 60
    while not server.emulator.statuses() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(server.emulator.statuses()) == 1


def test_control_path_is_beside_ai_core():
    """The control path needs no token and is not recorded; it turns a clock that can be turned."""
    with (
        EmulatorServer(now=ManualClock(1_800_000_000)) as server,
        httpx.Client(base_url=f"{server.url}/emulator", trust_env=False, timeout=90) as control,
    ):
        assert control.post("/clock", json={"seconds": 60}).json()["seconds"] == 1_800_000_060
        control.post("/faults", json={"fault": "unavailable"}).raise_for_status()
        answer = control.get(f"{server.url}/v2/lm/meta")
        assert (answer.status_code, answer.headers["date"]) == (503, "Fri, 15 Jan 2027 08:01:00 GMT")
        assert [each["path"] for each in control.get("/requests").json()["requests"]] == ["/v2/lm/meta"]
        assert control.delete("/faults").status_code == 204
        evil = {"Host": "evil.example.com"}
        assert control.get("/requests", headers=evil).status_code == 403


def test_other_addresses():
    """It listens where it is told to, by IPv6 as well; then a host name of that machine is as good."""
    with EmulatorServer(host="::1") as server, connect(server) as api:
        assert server.url.startswith("http://[::1]:")
        assert api.get("/scenarios").status_code == 200
    with EmulatorServer(host="0.0.0.0") as server, connect(server) as api:
        assert server.url.startswith("http://127.0.0.1:")
        assert api.get("/scenarios", headers={"Host": "emulator"}).status_code == 200
    with pytest.raises(ValueError, match="no address to listen on"):
        EmulatorServer(host="localhost")


def test_taken_port_is_an_error(server):
    """Nobody can listen where somebody does."""
    with pytest.raises(OSError, match="in use"):
        EmulatorServer(port=int(server.url.rpartition(":")[2]))


def test_running_execution_reports_its_metrics(tmp_path):
    """A process finds the tracking endpoint in its environment and needs no token."""
    laboratory = Laboratory(tmp_path)
    laboratory.prepare(python(REPORT))
    with EmulatorServer(templates=laboratory.templates) as server, connect(server) as api:
        execution_id = api.post("/executions", json=configure(api)).json()["id"]
        read = laboratory.until(
            lambda: api.get(f"/executions/{execution_id}").json(), lambda read: "completionTime" in read
        )
        assert read["status"] == "COMPLETED", json.dumps(read)
        (resource,) = api.get("/metrics", params={"executionIds": execution_id}).json()["resources"]
    assert (resource["metrics"][0]["name"], resource["metrics"][0]["value"]) == ("loss", 0.5)


def test_schedules_start_executions_while_nobody_asks():
    """The server keeps time: an execution that is due starts without a request."""
    seconds = 1_800_000_000.0
    options = Options(schedule_jitter=0)
    with EmulatorServer(now=lambda: seconds, options=options) as server, connect(server) as api:
        server.emulator.add_executable("text-clf", "text-clf-train")
        body = {"name": "hourly", "cron": "0 * * * *", **configure(api)}
        api.post("/executionSchedules", json=body).raise_for_status()
        seconds += 3600
        deadline = time.monotonic() + 20
        while not server.emulator.state.groups["default"].executions and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(server.emulator.state.groups["default"].executions) == 1


def test_server_keeps_time_after_a_failure(caplog):
    """What could not be done is logged, and done at the next tick."""
    seconds = 1_800_000_000.0
    trouble: list[Exception] = []

    def now():
        if trouble:
            raise trouble.pop()
        return seconds

    with EmulatorServer(now=now, options=Options(schedule_jitter=0)) as server, connect(server) as api:
        server.emulator.add_executable("text-clf", "text-clf-train")
        body = {"name": "hourly", "cron": "0 * * * *", **configure(api)}
        api.post("/executionSchedules", json=body).raise_for_status()
        trouble.append(OSError("no space left"))
        seconds += 3600
        deadline = time.monotonic() + 20
        while not server.emulator.state.groups["default"].executions and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(server.emulator.state.groups["default"].executions) == 1
    assert "no space left" in caplog.text


def test_server_that_never_listened_can_be_closed(tmp_path):
    """Port and folder are free again."""
    first = EmulatorServer(state=tmp_path / "state")
    first.close()
    with EmulatorServer(port=int(first.url.rpartition(":")[2]), state=tmp_path / "state"):
        pass


@pytest.mark.parametrize("target", [b"*", b"/v2/lm/meta#a", b"http://127.0.0.1/v2/lm/meta"])
def test_target_that_is_no_path_is_a_bad_request(server, target):
    """What no client of AI Core sends is refused in plain text, not answered with a failure."""
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port)) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 400 ")


def test_header_that_is_not_ascii_is_taken_as_it_is(api):
    """A token with a stray character is a damaged token."""
    answer = api.get("/meta", headers=[(b"Authorization", b"Bearer a.b.\xe9")])
    assert (answer.status_code, answer.text) == (401, "Jwt verification fails")
