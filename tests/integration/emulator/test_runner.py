"""Executions that really run: their processes, artifacts, logs and ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.emulator.processes import ContainerProcess
from tests.integration.emulator.laboratory import lines, python

STOP = {"targetStatus": "STOPPED"}
SLEEP = "import time; print('asleep', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
ENDS = {"COMPLETED", "DEAD", "STOPPED"}


def alive(pid):
    """Say whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def running(pid):
    """Say whether a process runs; one that ended and was not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_process_runs_to_its_end(laboratory):
    """A container that ends with 0 makes the execution COMPLETED, and its output becomes the log."""
    api, read = laboratory.run(python("import sys; print('epoch 1'); print('careful', file=sys.stderr)"))
    assert (read["status"], read["outputArtifacts"]) == ("COMPLETED", [])
    assert read["statusDetails"]["workflow_info"][0]["phase"] == "Succeeded"
    assert {"submissionTime", "startTime", "completionTime"} <= set(read)
    assert sorted(lines(api, read["id"])) == ["careful", "epoch 1"]


def test_parameters_reach_the_process(laboratory):
    """Bound values and defaults fill tags in arguments and variables."""
    source = "import os, sys; print(sys.argv[1:], os.environ['RATE'])"
    template = python(source, "--epochs={{workflow.parameters.epochs}}", "{{inputs.parameters.layers}}")
    template["container"]["env"] = [{"name": "RATE", "value": "{{workflow.parameters.rate}}"}]
    template["inputs"] = {"parameters": [{"name": "layers"}]}
    api, read = laboratory.run(
        template,
        parameters=({"name": "epochs", "value": 10}, {"name": "rate"}, {"name": "layers", "value": 2}),
        parameterBindings=[{"key": "rate", "value": "0.5"}, {"key": "undeclared", "value": "x"}],
    )
    assert lines(api, read["id"]) == ["['--epochs=10', '2'] 0.5"]


def test_parameter_without_a_value_is_fatal(laboratory):
    """A declared parameter that nobody binds ends the execution before it runs, by name."""
    _, read = laboratory.run(python("print()"), parameters=({"name": "epochs"},))
    assert read["status"] == "DEAD"
    assert "epochs" in read["statusMessage"]
    assert "startTime" not in read


def test_environment_holds_nothing_of_the_emulators(laboratory, monkeypatch):
    """A process sees its own variables and those of AI Core, and no secret of whoever runs the emulator."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    api, read = laboratory.run(
        python("import os; print(*sorted(os.environ))"), tracking_endpoint="http://127.0.0.1:1"
    )
    variables = set(" ".join(lines(api, read["id"])).split()) - {"LC_CTYPE"}
    own = {"AICORE_EXECUTION_ID", "AICORE_TRACKING_ENDPOINT", "ARGO_NODE_ID"}
    assert variables == own | {"HOME", "LANG", "PATH", "TMPDIR"}


def test_artifacts_go_in_and_come_out(laboratory):
    """A bound folder is found at its declared path; what is left at the other is stored and registered."""
    (laboratory.object_store / "default" / "texts").mkdir(parents=True)
    (laboratory.object_store / "default" / "texts" / "a.txt").write_text("hello")
    source = """
import pathlib
text = pathlib.Path('/app/data/a.txt').read_text()
pathlib.Path('/app/model').mkdir()
pathlib.Path('/app/model/weights').write_text(text.upper())
"""
    laboratory.prepare(
        python(
            source,
            inputs={"artifacts": [{"name": "text-data", "path": "/app/data/"}]},
            outputs={
                "artifacts": [
                    {
                        "name": "model",
                        "globalName": "text-model",
                        "path": "/app/model",
                        "archive": {"none": {}},
                    }
                ]
            },
        )
    )
    api = laboratory.open()
    artifact_id = api.register(url="ai://default/texts")
    execution_id = api.start(inputArtifactBindings=[{"key": "text-data", "artifactId": artifact_id}])
    read = laboratory.wait(api, execution_id, ENDS)
    (output,) = read["outputArtifacts"]
    assert (output["name"], output["kind"]) == ("text-model", "model")
    assert output["url"] == f"ai://default/{execution_id}/text-model"
    stored = laboratory.object_store / "default" / execution_id / "text-model" / "weights"
    assert stored.read_text() == "HELLO"
    assert api.get(f"/artifacts/{output['id']}").json()["configurationId"] == read["configurationId"]


def test_optional_artifacts_may_be_missing(laboratory):
    """An optional input without a binding and an optional output that was not written do no harm."""
    ports = [{"name": "extra", "path": "/app/extra", "optional": True}]
    _, read = laboratory.run(python("pass", inputs={"artifacts": ports}, outputs={"artifacts": ports}))
    assert read["status"] == "COMPLETED"


@pytest.mark.parametrize("bound", [False, True])
def test_missing_input_is_fatal(laboratory, bound):
    """An input that is not bound, or whose URL leads nowhere, fails before the process starts."""
    ports = {"artifacts": [{"name": "text-data", "path": "/app/data"}]}
    laboratory.prepare(python("print('ran')", inputs=ports))
    api = laboratory.open()
    binding = {"key": "text-data", "artifactId": api.register(url="ai://default/missing")}
    execution_id = api.start(inputArtifactBindings=[binding] if bound else [])
    read = laboratory.wait(api, execution_id, ENDS)
    assert read["status"] == "DEAD"
    assert ("ai://default/missing" if bound else "nothing is bound") in read["statusMessage"]
    assert read["statusDetails"]["details"][0]["container_name"] == "init"
    assert lines(api, execution_id) == [f"Error: {read['statusMessage']}"]


@pytest.mark.parametrize("source", ["pass", "import os; os.mkdir('/app/model')"])
def test_missing_output_is_fatal(laboratory, source):
    """A declared output that was not written, or is an empty folder, makes a good end a bad one."""
    ports = {
        "artifacts": [
            {"name": "model", "globalName": "text-model", "path": "/app/model", "archive": {"none": {}}}
        ]
    }
    _, read = laboratory.run(python(source, outputs=ports))
    assert read["status"] == "DEAD"
    assert "/app/model" in read["statusMessage"]
    main, wait = read["statusDetails"]["details"]
    assert (main["exit_code"], wait["container_name"], wait["exit_code"]) == (0, "wait", 1)
    assert "outputArtifacts" not in read


@pytest.mark.parametrize(
    ("source", "exit_code"),
    [("raise SystemExit(3)", 3), ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137)],
)
def test_failed_process_says_how_it_ended(laboratory, source, exit_code):
    """An exit code, or the signal's number plus 128, and the last lines are in the details."""
    _, read = laboratory.run(python(f"print('last words', flush=True); {source}"))
    assert (read["status"], read["statusMessage"]) == ("DEAD", f"Error (exit code {exit_code})")
    main = read["statusDetails"]["details"][0]
    assert (main["container_name"], main["exit_code"]) == ("main", exit_code)
    assert main["last_log_messages"] == "last words"
    (node,) = read["statusDetails"]["workflow_info"]
    assert (node["phase"], node["exit_code"]) == ("Failed", str(exit_code))


def test_command_that_is_not_there(laboratory):
    """A command that cannot be run is named."""
    template = python("")
    template["container"]["command"] = ["no-such-program"]
    _, read = laboratory.run(template)
    assert read["status"] == "DEAD"
    assert "no-such-program" in read["statusMessage"]


def test_process_starts_in_a_copy_of_the_image(laboratory, tmp_path):
    """The folder of the image is the working directory, also under ``workingDir``, and stays clean."""
    image = tmp_path / "image"
    image.mkdir()
    (image / "train.py").write_text("open('new', 'w'); print('trained')")
    template = python("")
    template["container"] |= {"command": ["python3", "/app/src/train.py"], "workingDir": "/app/src"}
    api, read = laboratory.run(template, images={"docker.io/acme/trainer": image})
    assert lines(api, read["id"]) == ["trained"]
    assert [each.name for each in image.iterdir()] == ["train.py"]


def test_script_template(laboratory):
    """A script's source becomes a file that its command runs, with tags and paths filled in."""
    script = {"image": "i", "command": ["python"], "source": "print('{{workflow.parameters.word}}')"}
    api, read = laboratory.run(
        {"name": "main", "script": script}, parameters=({"name": "word", "value": "hello"},)
    )
    assert lines(api, read["id"]) == ["hello"]


def test_steps_hand_on_artifacts_and_parameters(laboratory):
    """Steps run in order, each in a place of its own; an artifact goes from one to the next."""
    steps = [
        [
            {
                "name": "write",
                "template": "write",
                "arguments": {"parameters": [{"name": "word", "value": "hi"}]},
            }
        ],
        [
            {
                "name": "read",
                "template": "read",
                "arguments": {"artifacts": [{"name": "in", "from": "{{steps.write.outputs.artifacts.out}}"}]},
            }
        ],
    ]
    write = python(
        "import sys; open('/data/out', 'w').write(sys.argv[1])",
        "{{inputs.parameters.word}}",
        name="write",
        inputs={"parameters": [{"name": "word"}]},
        outputs={"artifacts": [{"name": "out", "path": "/data/out"}]},
    )
    read = python(
        "import os; print(open('/data/in').read(), os.path.exists('/data/out'))",
        name="read",
        inputs={"artifacts": [{"name": "in", "path": "/data/in"}]},
    )
    api, execution = laboratory.run({"name": "main", "steps": steps}, write, read)
    assert lines(api, execution["id"]) == ["hi False"]
    pods = [node["name"] for node in execution["statusDetails"]["workflow_info"]]
    assert len(set(pods)) == 2
    assert all(pod.startswith(f"{execution['id']}-") for pod in pods)


def test_steps_of_one_group_run_side_by_side(laboratory):
    """Two steps of a group meet: each waits for what the other leaves."""
    source = """
import pathlib, sys, time
here, there = (pathlib.Path(sys.argv[1]) / name for name in sys.argv[2:])
here.touch()
while not there.exists():
    time.sleep(0.01)
"""
    folder = str(laboratory.object_store)
    first, second = (
        python(source, folder, "a", "b", name="first"),
        python(source, folder, "b", "a", name="second"),
    )
    group = [{"name": "first", "template": "first"}, {"name": "second", "template": "second"}]
    _, read = laboratory.run({"name": "main", "steps": [group]}, first, second)
    assert read["status"] == "COMPLETED"


def test_failed_step_ends_the_workflow(laboratory):
    """After a failed step no further one starts."""
    steps = [[{"name": "bad", "template": "bad"}], [{"name": "good", "template": "good"}]]
    bad, good = python("raise SystemExit(1)", name="bad"), python("print('ran')", name="good")
    api, read = laboratory.run({"name": "main", "steps": steps}, bad, good)
    assert read["status"] == "DEAD"
    assert lines(api, read["id"]) == []


@pytest.mark.parametrize("source", [SLEEP, DEAF], ids=["willing", "deaf"])
def test_stop_ends_the_process(laboratory, source):
    """A stopped process is asked to end, forced after the grace, and the execution is STOPPED."""
    laboratory.prepare(python(f"import os; print(os.getpid(), flush=True); {source}"))
    api = laboratory.open(stop_grace=0.2)
    execution_id = api.start()
    laboratory.wait(api, execution_id, {"RUNNING"})
    laboratory.until(lambda: lines(api, execution_id), lambda seen: "asleep" in seen)
    assert api.patch(f"/executions/{execution_id}", json=STOP).status_code == 202
    assert api.status(execution_id) in {"STOPPING", "STOPPED"}
    read = laboratory.wait(api, execution_id, ENDS)
    assert (read["status"], read["targetStatus"]) == ("STOPPED", "STOPPED")
    assert not alive(int(lines(api, execution_id)[0]))


def test_what_a_process_leaves_behind_is_ended(laboratory):
    """A child that outlives its parent goes with the container: while it lives, it keeps the output open."""
    source = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    )
    _, read = laboratory.run(python(source))
    assert read["status"] == "COMPLETED"


def test_what_leaves_the_process_group_is_ended(laboratory):
    """A child with a session of its own neither holds the execution up nor outlives it."""
    source = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    api, read = laboratory.run(python(source))
    assert read["status"] == "COMPLETED"
    pid = int(lines(api, read["id"])[0])
    laboratory.until(lambda: running(pid), lambda runs: not runs)


def test_process_stays_in_the_session_of_the_emulator(laboratory):
    """Whoever ends the emulator's session ends the processes too."""
    api, read = laboratory.run(python("import os; print(os.getsid(0), os.getpgid(0) == os.getpid())"))
    assert lines(api, read["id"]) == [f"{os.getsid(0)} True"]


def test_no_signal_after_the_end(tmp_path, monkeypatch):
    """The number of a process that has ended may be another's by now: a later stop sends nothing."""
    process = ContainerProcess(["true"], environment={}, folder=tmp_path, write_line=print)
    assert process.wait() == 0
    sent = []
    monkeypatch.setattr(os, "killpg", lambda *signal: sent.append(signal))
    process.stop(0)
    time.sleep(0.1)
    assert sent == []


def test_waits_before_it_runs(laboratory):
    """An execution can be deleted while UNKNOWN and stopped while PENDING, and then never runs."""
    laboratory.prepare(python("print('ran')"))
    api = laboratory.open(unknown_seconds=60)
    execution_id = api.start()
    assert api.delete(f"/executions/{execution_id}").status_code == 202
    api = laboratory.open(pending_seconds=60)
    execution_id = api.start()
    laboratory.wait(api, execution_id, {"PENDING"})
    api.patch(f"/executions/{execution_id}", json=STOP).raise_for_status()
    read = laboratory.wait(api, execution_id, ENDS)
    assert read["status"] == "STOPPED"
    assert "startTime" not in read


def test_deadline_ends_the_workflow(laboratory):
    """``activeDeadlineSeconds`` ends what runs too long."""
    _, read = laboratory.run(python(SLEEP), activeDeadlineSeconds=0.3)
    assert read["status"] == "DEAD"
    assert "deadline" in read["statusMessage"]


def test_close_ends_what_runs(laboratory):
    """Closing the emulator leaves no process and no folder behind."""
    laboratory.prepare(python(f"import os; print(os.getpid(), os.environ['HOME'], flush=True); {DEAF}"))
    api = laboratory.open(stop_grace=0.2)
    execution_id = api.start()
    laboratory.wait(api, execution_id, {"RUNNING"})
    pid, home = laboratory.until(lambda: lines(api, execution_id), lambda seen: "asleep" in seen)[0].split()
    laboratory.emulators[-1].close()
    assert not alive(int(pid))
    assert not os.path.exists(home)  # noqa: PTH110 - the path is a text here


def test_scripted_executable_does_not_run(laboratory):
    """A script goes before the template: nothing is run."""
    laboratory.prepare(python("print('ran')"))
    api = laboratory.open()
    laboratory.emulators[-1].script("text-clf-train", Progress.at_once())
    execution_id = api.start()
    assert api.status(execution_id) == "COMPLETED"
    assert lines(api, execution_id) == []


def test_reload_leaves_what_runs_as_it_is(laboratory, tmp_path):
    """An execution goes on with the template that it was started with; the next one takes the new one."""
    wait = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\n"
    steps = [[{"name": "wait", "template": "wait"}], [{"name": "say", "template": "say"}]]

    def prepare(word):
        laboratory.prepare(
            {"name": "main", "steps": steps},
            python(wait, str(tmp_path / "go"), name="wait"),
            python(f"print('{word}')", name="say"),
        )

    prepare("old")
    api = laboratory.open()
    first = api.start()
    laboratory.wait(api, first, {"RUNNING"})
    prepare("new")
    laboratory.emulators[0].reload_templates()
    second = api.start()
    (tmp_path / "go").touch()
    for each in (first, second):
        laboratory.wait(api, each, ENDS)
    assert (lines(api, first), lines(api, second)) == (["old"], ["new"])


def test_closed_emulator_runs_nothing(laboratory, tmp_path):
    """Who goes on asking after the end gets answers, but starts no process."""
    laboratory.prepare(python(f"open({str(tmp_path / 'trace')!r}, 'w')"))
    api = laboratory.open()
    laboratory.emulators[0].close()
    execution_id = api.start()
    (run,) = laboratory.emulators[0]._runner._runs
    run.join()
    assert (api.status(execution_id), (tmp_path / "trace").exists()) == ("UNKNOWN", False)


def test_restart_ends_what_ran_and_begins_what_waited(laboratory, tmp_path):
    """The one that ran is DEAD and says why; those that waited for their turn run, in the order they had."""
    source = f"""
import os, time
while not os.path.exists({str(tmp_path / "go")!r}): time.sleep(0.01)
print(os.environ["AICORE_EXECUTION_ID"], file=open({str(tmp_path / "trace")!r}, "a"))
"""
    laboratory.prepare(python(source))
    options = {"state": tmp_path / "state", "max_running": 1}
    api = laboratory.open(**options)
    ran, *waited = (api.start() for _ in range(4))
    laboratory.wait(api, ran, {"RUNNING"})
    laboratory.wait(api, waited[-1], {"PENDING"})
    laboratory.emulators.pop().close()
    (tmp_path / "go").touch()
    api = laboratory.open(**options)
    read = laboratory.wait(api, ran, ENDS)
    assert (read["status"], "emulator was ended" in read["statusMessage"]) == ("DEAD", True)
    for execution_id in waited:
        assert laboratory.wait(api, execution_id, ENDS)["status"] == "COMPLETED"
    assert (tmp_path / "trace").read_text().split() == waited
