"""The emulator as a program."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from airflow_provider_aicore.emulator import Emulator
from airflow_provider_aicore.emulator.__main__ import main
from tests.contract.judged_program import JUDGED_PROGRAM
from tests.emulators import Api
from tests.integration.emulator.laboratory import Laboratory, lines, python


class Program:
    """The program, started and judged; the line it prints when it is ready; and its end."""

    def __init__(self, violations, *arguments):
        command = [sys.executable, JUDGED_PROGRAM, str(violations), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())
        self.clients: list[Api] = []

    def connect(self):
        key = self.ready["service_key"]
        token = httpx.post(
            f"{key['url']}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(key["clientid"], key["clientsecret"]),
            trust_env=False,
            timeout=90,
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "AI-Resource-Group": "default"}
        url = f"{self.ready['url']}/v2/lm"
        self.clients.append(Api(base_url=url, headers=headers, trust_env=False, timeout=90))
        return self.clients[-1]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        rest, errors = self.process.communicate(timeout=120)
        return self.process.returncode, rest, errors


@pytest.fixture
def start(tmp_path_factory):
    """Give a function that starts the program, and end what it started."""
    programs = []
    violations = tmp_path_factory.mktemp("judge") / "violations"

    def start(*arguments):
        programs.append(Program(violations, *arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.end(signal.SIGKILL)
        for client in program.clients:
            client.close()
    assert not programs or not violations.read_text()


@pytest.fixture
def refuse(capsys):
    """Give a function that starts the program in this process, in vain, and gives its only line."""

    def refuse(*arguments):
        try:
            code: object = main([*map(str, arguments)])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        assert (code, said.out) == (2, "")
        (line,) = said.err.splitlines()
        return line

    return refuse


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ready_line_and_clean_end(start, number):
    """One line says where it listens and with which credentials; a signal ends it without a word."""
    program = start("--quiet")
    assert program.ready["event"] == "ready"
    assert program.connect().get("/scenarios").json() == {"count": 0, "resources": []}
    assert program.end(number) == (0, "", "")


def test_end_takes_running_executions_along(start, tmp_path):
    """A signal ends the processes of executions too."""
    laboratory = Laboratory(tmp_path)
    laboratory.prepare(python("import os, time; print(os.getpid(), flush=True); time.sleep(600)"))
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
    url = f"{second.ready['url']}/v2/lm/meta"
    answer = httpx.get(url, headers={"Authorization": token}, trust_env=False, timeout=90)
    assert answer.status_code == 200


def test_what_cannot_start_says_why_in_one_line(refuse, tmp_path):
    """A taken port, a missing folder and bad options are one line and exit code 2; no secret is quoted."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1 port {port}: Address already in use" in refuse("--port", port)
    assert "192.0.2.1" in refuse("--host", "192.0.2.1")
    assert "missing" in refuse("--templates", tmp_path / "missing")
    assert "missing" in refuse("--object-store", tmp_path / "missing")
    assert "NAME=DIR" in refuse("--image", "trainer")
    for name in ("--faults", "--scripts"):
        (tmp_path / "entries.yaml").write_text("- fautl: unavailable\n  progress: 1\n")
        assert "entries.yaml: entry 1" in refuse(name, tmp_path / "entries.yaml")
        assert "missing.yaml: cannot be read" in refuse(name, tmp_path / "missing.yaml")
    (tmp_path / "entries.yaml").write_text("- {executable_id: absent, progress: {way: stuck}}")
    assert "entries.yaml: There is no executable 'absent'" in refuse("--scripts", tmp_path / "entries.yaml")
    assert "absent" in refuse("--scripts", tmp_path / "entries.yaml", "--state", tmp_path / "state")
    Emulator(state=tmp_path / "state").close()  # Nobody has it any more.
    assert "no address" in refuse("--host", "nowhere")
    assert "--x509 needs --tls" in refuse("--x509")
    assert "--certificate-days: 'nan'" in refuse("--certificate-days", "nan")
    assert "--prot" in refuse("--prot", "80")
    assert "--templates: no path" in refuse("--templates", "")
    assert "--resource-group: 'team a'" in refuse("--resource-group", "team a")
    assert "--token-lifetime: 'nan'" in refuse("--token-lifetime", "nan")
    assert "--unknown-seconds: '-1'" in refuse("--unknown-seconds", "-1")
    assert "at least one" in refuse("--max-running", 0)
    assert "missing.json: No such file" in refuse("--service-key", tmp_path / "missing.json")
    (tmp_path / "key.json").write_text('{"clientid": 1, "clientsecret": 2}')
    assert "no clientid" in refuse("--service-key", tmp_path / "key.json")
    (tmp_path / "key.json").write_text('{"clientsecret": "hidden" x')
    line = refuse("--service-key", tmp_path / "key.json")
    assert "key.json" in line
    assert "hidden" not in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use any folder")
def test_folder_that_is_not_ours_is_refused(refuse, tmp_path):
    """What an execution could not read or write later is said at the start."""
    tmp_path.chmod(0o500)
    assert "permissions" in refuse("--object-store", tmp_path)
    tmp_path.chmod(0o200)
    assert "permissions" in refuse("--image", f"trainer={tmp_path}")
    tmp_path.chmod(0o700)


def test_exit_code_of_a_start_in_vain():
    """The program itself ends with 2, without a traceback."""
    command = [sys.executable, "-m", "airflow_provider_aicore.emulator", "--templates", "missing"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)


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


def test_folder_in_use_is_refused(start, refuse, tmp_path):
    """A second emulator on the same folder says so in one line; the first one's end frees the folder."""
    first = start("--state", tmp_path)
    assert "in use by another emulator" in refuse("--state", tmp_path)
    first.end(signal.SIGKILL)
    assert (
        start("--state", tmp_path).ready["service_key"]["clientid"] == first.ready["service_key"]["clientid"]
    )


def test_port_that_is_none_is_refused(refuse):
    """A number that is no port is an error of the command line, not a traceback."""
    assert "0 to 65535" in refuse("--port", "99999")


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("list_lag", "NAME=VALUE"),
        ("list_lack=1", "there is no 'list_lack', only refused_transition_status, list_lag"),
        ("repeated_metrics=add", "repeated_metrics='add'): one of append, replace"),
        ("null_fields=[", "null_fields=["),
    ],
)
def test_option_that_is_none_is_refused(refuse, option, reason):
    """The line says which names or values are possible."""
    assert reason in refuse("--option", "extra_field=true", "--option", option)


def test_options_of_the_command_line(start, tmp_path):
    """Options reach the emulator, the last one of a name counts; of two executions one waits for its turn."""
    laboratory = Laboratory(tmp_path)
    laboratory.prepare(python("import time; time.sleep(600)"))
    program = start(
        *("--templates", laboratory.templates, "--unknown-seconds", 0, "--pending-seconds", 0),
        *("--max-running", 1, "--option", "null_fields=true", "--option", "refused_transition_status=400"),
        *("--option", "refused_transition_status=412"),
    )
    api = program.connect()
    running_id, waiting_id = api.start(), api.start()
    laboratory.wait(api, running_id, {"RUNNING"})
    waiting = laboratory.wait(api, waiting_id, {"PENDING"})
    assert waiting["startTime"] is None
    assert api.delete(f"/executions/{running_id}").status_code == 412


def test_private_root_is_turned_off(start, tmp_path):
    """Told so, the program runs containers as its own user, whatever the machine could do."""
    laboratory = Laboratory(tmp_path)
    outputs = {"parameters": [{"name": "word", "valueFrom": {"path": "/app-of-emulator/out"}}]}
    laboratory.prepare(python("import os; print(os.getuid())", outputs=outputs))
    waits = ("--unknown-seconds", 0, "--pending-seconds", 0)
    program = start("--templates", laboratory.templates, *waits, "--no-private-root")
    api = program.connect()
    execution_id = api.start()
    laboratory.wait(api, execution_id, {"COMPLETED", "DEAD"})
    assert lines(api, execution_id)[0] == str(os.getuid())


def test_folder_without_templates_is_said(start, tmp_path):
    """Whoever names the wrong folder is told that nothing in it can run."""
    assert f"no ServingTemplate in {tmp_path}" in start("--templates", tmp_path).end()[2]


SCRIPTS = """
- executable_id: text-clf-train
  scenario_id: text-clf
  progress: {way: by_clock, running: 3600}
"""
FAULTS = """
- fault: server_error
  path: /scenarios$
"""


def test_scripts_faults_and_clock_of_the_command_line(start, tmp_path):
    """Executions move as a file says and by a clock that is turned, and a request fails as a file says."""
    (tmp_path / "scripts.yaml").write_text(SCRIPTS)
    (tmp_path / "faults.yaml").write_text(FAULTS)
    files = ("--scripts", tmp_path / "scripts.yaml", "--faults", tmp_path / "faults.yaml")
    program = start(*files, "--clock", "manual", "--date-skew", 3600)
    api = program.connect()
    assert [api.get("/scenarios").status_code for _ in range(2)] == [500, 200]
    execution_id = api.start()
    api.post(f"{program.ready['url']}/emulator/clock", json={"seconds": 3645}).raise_for_status()
    answer = api.get(f"/executions/{execution_id}")
    assert answer.json()["status"] == "COMPLETED"
    time_there = api.get(f"{program.ready['url']}/emulator/clock").json()["seconds"]
    assert parsedate_to_datetime(answer.headers["date"]).timestamp() == int(time_there) + 3600


def test_introduction(start, tmp_path):
    """Standard error has the executables, and a connection that a shell understands."""
    (tmp_path / "scripts.yaml").write_text(SCRIPTS)
    program = start("--scripts", tmp_path / "scripts.yaml")
    code, _, errors = program.end()
    assert code == 0
    executable, export = errors.splitlines()
    assert executable == "text-clf/text-clf-train"
    script = f'{export}\nprintf %s "$AIRFLOW_CONN_AICORE_DEFAULT"'
    connection = json.loads(subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout)
    assert connection["conn_type"] == "aicore"
    assert connection["extra"]["secret_service_key"] == program.ready["service_key"]


def test_listening_for_others_is_said_loudly(start):
    """Whoever opens it to the network is warned, even when it is told to be quiet."""
    program = start("--host", "0.0.0.0", "--quiet")
    assert program.end()[2].startswith("WARNING: it listens on 0.0.0.0")


def test_key_with_a_certificate(start):
    """With TLS the ready line names the authority's file; the key has a certificate on request."""
    program = start("--tls", "--x509")
    key = program.ready["service_key"]
    assert key["credential-type"] == "x509"
    assert "clientsecret" not in key
    assert program.ready["url"].startswith("https://")
    authority_file = program.ready["ca_file"]
    assert Path(authority_file).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert program.end()[2].splitlines()[-1] == f"export SSL_CERT_FILE={authority_file}"
    assert not Path(authority_file).exists()
