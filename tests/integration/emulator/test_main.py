"""The emulator as a program."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.emulator.laboratory import Laboratory, lines, python
from tests.unit.emulator.client import Api


class Program:
    """The program, started; the line it prints when it is ready; and its end."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "airflow_provider_aicore.emulator", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())
        self.clients = []

    def connect(self):
        key = self.ready["service_key"]
        token = httpx.post(
            f"{key['url']}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(key["clientid"], key["clientsecret"]),
            trust_env=False,
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "AI-Resource-Group": "default"}
        self.clients.append(Api(base_url=f"{self.ready['url']}/v2/lm", headers=headers, trust_env=False))
        return self.clients[-1]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        rest, errors = self.process.communicate(timeout=10)
        return self.process.returncode, rest, errors


@pytest.fixture
def start():
    """Give a function that starts the program, and end what it started."""
    programs = []

    def start(*arguments):
        programs.append(Program(*arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.end(signal.SIGKILL)
        for client in program.clients:
            client.close()


def refuse(*arguments):
    """Start the program in vain, and give the only line that it says."""
    command = [sys.executable, "-m", "airflow_provider_aicore.emulator", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ready_line_and_clean_end(start, number):
    """One line says where it listens and with which credentials; a signal ends it without a word."""
    program = start()
    assert program.ready["event"] == "ready"
    assert program.connect().get("/scenarios").json() == {"count": 0, "resources": []}
    assert program.end(number) == (0, "", "")


def test_end_takes_running_executions_along(start, tmp_path):
    """A signal ends the processes of executions too."""
    laboratory = Laboratory(tmp_path)
    laboratory.prepare(python("import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
    program = start("--templates", laboratory.templates, "--unknown-seconds", 0, "--pending-seconds", 0)
    api = program.connect()
    execution_id = api.start()
    laboratory.wait(api, execution_id, {"RUNNING"})
    (pid,) = laboratory.until(lambda: lines(api, execution_id), bool)
    assert program.end()[0] == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_restart_with_the_same_credentials(start, tmp_path):
    """With the ready line of an earlier start, clients and their tokens stay good."""
    first = start("--resource-group", "team-a")
    token = first.connect().headers["Authorization"]
    (tmp_path / "ready.json").write_text(json.dumps(first.ready))
    first.end()
    port = first.ready["url"].rpartition(":")[2]
    second = start("--service-key", tmp_path / "ready.json", "--port", port)
    assert second.ready == first.ready
    answer = httpx.get(f"{second.ready['url']}/v2/lm/meta", headers={"Authorization": token}, trust_env=False)
    assert answer.status_code == 200


def test_what_cannot_start_says_why_in_one_line(tmp_path):
    """A taken port, a missing folder and bad options are one line and exit code 2; no secret is quoted."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "in use" in refuse("--port", taken.getsockname()[1])
    assert "missing" in refuse("--templates", tmp_path / "missing")
    assert "missing" in refuse("--object-store", tmp_path / "missing")
    assert "NAME=DIR" in refuse("--image", "trainer")
    (tmp_path / "key.json").write_text('{"clientsecret": "hidden" x')
    line = refuse("--service-key", tmp_path / "key.json")
    assert "key.json" in line
    assert "hidden" not in line


def test_kill_loses_nothing_that_was_acknowledged(start, tmp_path):
    """After SIGKILL the same client finds everything: what ran is DEAD, what waited begins anew."""
    laboratory = Laboratory(tmp_path)
    source = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(float(sys.argv[1]))"
    laboratory.prepare(
        python(source, "{{workflow.parameters.seconds}}"), parameters=({"name": "seconds", "value": "60"},)
    )
    arguments = ["--templates", laboratory.templates, "--state", tmp_path / "state", "--pending-seconds", 0]
    first = start(*arguments, "--unknown-seconds", 0)
    api = first.connect()
    running_id = api.start()
    laboratory.wait(api, running_id, {"RUNNING"})
    (pid,) = laboratory.until(lambda: lines(api, running_id), bool)
    artifact_id = api.register()
    first.end(signal.SIGKILL)

    port = first.ready["url"].rpartition(":")[2]
    second = start(*arguments, "--port", port, "--unknown-seconds", 60)
    assert second.ready == first.ready
    read = api.get(f"/executions/{running_id}").json()
    assert (read["status"], read["targetStatus"]) == ("DEAD", "COMPLETED")
    assert "emulator was ended" in read["statusMessage"]
    (container, _wait) = read["statusDetails"]["details"]
    assert (container["exit_code"], container["last_log_messages"]) == (137, pid)
    assert lines(api, running_id) == [pid]
    assert api.get(f"/artifacts/{artifact_id}").json()["name"] == "data"
    laboratory.until(lambda: has_ended(int(pid)), bool)
    waiting_id = api.start(parameterBindings=[{"key": "seconds", "value": "0"}])
    second.end(signal.SIGKILL)

    start(*arguments, "--port", port, "--unknown-seconds", 0)
    assert laboratory.wait(api, waiting_id, {"COMPLETED"})
    laboratory.until(lambda: list((tmp_path / "state" / "sandboxes").glob("*/e*")), lambda left: not left)


def has_ended(pid):
    """Tell whether a process has ended, also where nobody has collected it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_folder_in_use_is_refused(start, tmp_path):
    """A second emulator on the same folder says so in one line; the first one's end frees the folder."""
    first = start("--state", tmp_path)
    assert "in use by another emulator" in refuse("--state", tmp_path)
    first.end(signal.SIGKILL)
    assert (
        start("--state", tmp_path).ready["service_key"]["clientid"] == first.ready["service_key"]["clientid"]
    )


def test_port_that_is_none_is_refused():
    """A number that is no port is an error of the command line, not a traceback."""
    command = [sys.executable, "-m", "airflow_provider_aicore.emulator", "--port", "99999"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "0 to 65535" in ended.stderr
    assert "Traceback" not in ended.stderr
