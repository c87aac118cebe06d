"""What the demo says and does when something is in its way; Airflow starts in none of these tests."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import uuid
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from demo import __main__ as program
from demo import stage
from demo.airflow_processes import COMPONENTS, USER, Airflow, wait_until
from demo.emulator_process import EmulatorProcess
from demo.process import Process, reaching_loopback

ROOT = Path(__file__).parents[2]


DEMO = [sys.executable, "-m", "demo"]


def test_the_demo_from_its_start_to_its_end(tmp_path):
    """It shows progress, tasks, execution, log, metrics and model, leaves nothing running, and succeeds."""
    environment = {name: value for name, value in os.environ.items() if name not in {"KEEP", "PORT"}}
    with subprocess.Popen(
        DEMO, env={**environment, "TMPDIR": str(tmp_path)}, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as demo:
        said = demo.communicate()[0]
    print(said)  # Pytest shows it if something is missing.

    assert demo.returncode == 0
    assert "train: deferred  (AI Core works, no worker waits)" in said
    tasks = ["store_digits", "register", "train", "accept_model", "predict"]
    assert re.findall(r"^(\w+) +success +[\d:]{8}  [\d:]{8} +\d+\.\d$", said, re.MULTILINE) == tasks
    assert re.search(r"^Execution e\w+: COMPLETED$", said, re.MULTILINE)
    assert re.search(r"^  \| accuracy on 360 held-out images: 0\.9\d+$", said, re.MULTILINE)
    assert re.search(r"^  metric accuracy: 0\.9\d+$", said, re.MULTILINE)
    (model,) = re.findall(r"^  model digits-model, artifact .+\n    in (.+)$", said, re.MULTILINE)
    assert any(Path(model).iterdir())
    assert [each for each in psutil.process_iter() if _knows(each, str(tmp_path))] == []


def _knows(process, folder):
    try:
        return folder in " ".join([*process.cmdline(), *process.environ().values()])
    except psutil.Error:
        return False


def test_a_pipeline_that_fails_is_exit_code_1(tmp_path, monkeypatch, signals):
    """Whoever runs it in a script knows how it ended, and finds the logs."""
    play = SimpleNamespace(perform=lambda: False)
    monkeypatch.setattr(stage, "stage", lambda *_: nullcontext(play))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("KEEP", "PORT"):
        monkeypatch.delenv(name, raising=False)

    assert program.main() == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_addresses_are_told(airflow, emulator, demo_run, capsys):
    """With user and password, how to connect from a shell, and what the other examples ask for."""
    stage.Play(airflow, emulator, stage.Clock()).print_addresses()

    said = capsys.readouterr().out
    assert f"{airflow.url}   user: {USER}   password: {airflow.password}\n" in said
    assert f"{airflow.dags}; all but demo_pipeline are paused" in said
    (exported,) = re.findall(r"export AIRFLOW_CONN_AICORE_DEFAULT=(.+)", said)
    extra = json.loads(*shlex.split(exported))["extra"]
    assert extra["secret_service_key"] == emulator.service_key
    artifact_id = airflow.rest.xcom("demo_pipeline", demo_run.run_id, "register", "id")
    assert f"digits_artifact_id {artifact_id}\n" in said
    assert f"digits_url {airflow.rest.xcom('demo_pipeline', demo_run.run_id, 'store_digits')}\n" in said


def refusal(port):
    """Run the demo with a PORT that it cannot use; return the only line that it says."""
    environment = {**os.environ, "PORT": str(port)}
    ended = subprocess.run(
        DEMO, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    return line


@pytest.fixture
def play(tmp_path):
    """A play on a stage where every process runs, one task is deferred and the run never ends."""
    tasks = {"train": {"state": "deferred"}, "predict": {"state": None}}
    rest = SimpleNamespace(dag_run_state=lambda *_: "running", task_instances=lambda *_: tasks)
    runs = SimpleNamespace(check=lambda: None, was_ended=lambda: False)
    airflow = SimpleNamespace(rest=rest, home=tmp_path / "airflow", processes=dict.fromkeys(COMPONENTS, runs))
    emulator = SimpleNamespace(folder=tmp_path / "aicore", process=runs)
    return stage.Play(airflow, emulator, stage.Clock())  # type: ignore[arg-type]


def test_taken_port():
    """A port on which somebody listens is refused in one line, with exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        line = refusal(port)
    assert line.startswith(f"demo: port {port} cannot be used (")
    assert line.endswith("choose another PORT, or none")


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_bad_port(port):
    """A PORT that is no port number is refused in one line, with exit code 2."""
    assert refusal(port) == f"demo: PORT={port} is no port number"


def test_loopback_goes_past_a_proxy(tmp_path, monkeypatch):
    """Airflow reaches this machine without the proxy, and so do hosts that were excepted before."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    airflow = Airflow(tmp_path / "home", tmp_path / "dags")
    for name in ("NO_PROXY", "no_proxy"):
        assert airflow.environment[name] == "127.0.0.1,localhost,intranet.example.com"


def test_both_spellings_of_no_proxy_count():
    """Hosts excepted in either spelling stay so, and nothing is excepted but this machine otherwise."""
    both = reaching_loopback({"NO_PROXY": "a.example.com", "no_proxy": "b.example.com"})
    assert both["no_proxy"] == both["NO_PROXY"] == "127.0.0.1,localhost,a.example.com,b.example.com"
    assert reaching_loopback({"no_proxy": ""})["NO_PROXY"] == "127.0.0.1,localhost"


def test_emulator_goes_past_a_proxy(tmp_path, monkeypatch):
    """The emulator's process, and so what it runs, reaches this machine without the proxy."""
    given = []

    def start(*_, environment, **_more):
        given.append(environment)
        raise RuntimeError

    monkeypatch.setattr("demo.emulator_process.Process", start)
    with pytest.raises(RuntimeError), EmulatorProcess(tmp_path, templates=tmp_path, images={}):
        pass
    assert given[0]["no_proxy"].startswith("127.0.0.1,localhost")


def test_emulator_ends_without_a_token(tmp_path, monkeypatch):
    """An emulator that gives no token is not left running."""

    def refused(_self):
        raise RuntimeError("no token")

    monkeypatch.setattr(EmulatorProcess, "token", refused)
    emulator = EmulatorProcess(tmp_path, templates=stage.TEMPLATES, images=stage.IMAGES)
    try:
        with pytest.raises(RuntimeError, match="no token"), emulator:
            pass
        assert emulator.process.popen.poll() is not None
    finally:
        emulator.stop()


def test_nothing_written_is_no_error(emulator):
    """An execution that has died before its first metric and line has none, instead of an error."""
    execution_id = str(uuid.uuid4())
    assert emulator.metrics(execution_id) == {}
    assert emulator.last_log_lines(execution_id, 5) == []


def test_watching_ends(play, tmp_path, monkeypatch):
    """A run that does not end is given up, in words that name the tasks' states and the logs."""
    monkeypatch.setattr(stage, "PATIENCE", 0)
    with pytest.raises(TimeoutError) as error:
        play._watch("run-1")
    assert "Tasks: train deferred, predict not scheduled." in str(error.value)
    assert str(tmp_path / "airflow" / "logs") in str(error.value)


def test_lost_process_ends_keep_running(play, tmp_path):
    """KEEP=1 does not go on when one of the processes has failed, and the error names it."""
    failing = [sys.executable, "-c", "raise SystemExit(1)"]
    lost = Process("triggerer", failing, environment=os.environ, folder=tmp_path)
    lost.popen.wait()
    play.airflow.processes["triggerer"] = lost
    with pytest.raises(RuntimeError, match="triggerer ended with exit code 1"):
        program.keep_running(play)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_component_starts_again(play, tmp_path, monkeypatch, capsys, number):
    """A component that somebody kills is told in one line and replaced, with all that it has left running."""
    monkeypatch.setattr(stage, "SECONDS_LOST", 0)
    airflow = Airflow(tmp_path, tmp_path / "dags")
    started: list[str] = []
    monkeypatch.setattr(airflow, "start_component", started.append)
    obeying = "import os, signal, sys; signal.signal(15, lambda *_: sys.exit(0)); os.fork(); signal.pause()"
    lost = Process("scheduler", [sys.executable, "-c", obeying], environment=os.environ, folder=tmp_path)
    airflow.processes = {**play.airflow.processes, "scheduler": lost}
    play.airflow = airflow
    try:
        wait_until(lambda: len(lost.family()) == 2, seconds=20, what="its child")
        lost.popen.send_signal(number)
        lost.popen.wait()
        play.check_processes()
        assert lost.family() == []
    finally:
        lost.kill()
    assert started == ["scheduler"]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("scheduler was ended: it starts again in 0 s")


def test_keep_outlives_a_failure(tmp_path, monkeypatch, capsys):
    """KEEP=1 leaves everything running also when the pipeline cannot be watched to its end."""
    done = []

    def fail():
        raise RuntimeError("no answer")

    play = SimpleNamespace(perform=fail, print_addresses=lambda: done.append("addresses"))
    monkeypatch.setattr(stage, "stage", lambda *_: nullcontext(play))
    monkeypatch.setattr(program, "keep_running", lambda _: done.append("kept"))
    monkeypatch.setenv("KEEP", "1")
    assert program.perform(tmp_path, None) is False
    assert done == ["addresses", "kept"]
    assert capsys.readouterr().err == "demo: no answer\n"


@pytest.fixture
def signals():
    """Put the handlers back that were there before."""
    before = {number: signal.getsignal(number) for number in program.ENDING_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_demo(number, signals):
    """Ctrl-C, SIGTERM and a closed terminal begin the clean-up, and nothing interrupts that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    program.listen_to_signals()
    assert signal.getsignal(number) is program.end_once
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert {signal.getsignal(each) for each in program.ENDING_SIGNALS} == {signal.SIG_IGN}


def test_nohup_is_respected(signals):
    """A demo that was started with nohup outlives its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    program.listen_to_signals()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
