"""Workflows of several containers: what they hand on, when they run, how often, and how they end together."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from airflow_provider_aicore.emulator.administration import GenericSecret
from tests.integration.emulator.laboratory import lines, python
from tests.integration.emulator.test_runner import ENDS, STOP, running

SAY = "import sys; print(*sys.argv[1:])"


def wait_for(gate):
    """Give the source of a program that ends when a file is there."""
    return f"import os, time\nwhile not os.path.exists('{gate}'): time.sleep(0.01)"


def say(*words, name="say", parameters=("word",), **fields):
    """Make a template that prints *words*."""
    inputs = {"parameters": [{"name": each} for each in parameters]}
    return python(SAY, *words, name=name, inputs=inputs, **fields)


def call(name, template=None, *, word=None, **fields):
    """Make a step or a task."""
    arguments = {} if word is None else {"arguments": {"parameters": [{"name": "word", "value": word}]}}
    return {"name": name, "template": template or name, **arguments, **fields}


def steps(*groups, **fields):
    """Make a template of steps: each group is a step or a list of them."""
    in_lists = [each if isinstance(each, list) else [each] for each in groups]
    return {"name": "main", "steps": in_lists, **fields}


def phases(api, execution_id):
    """Read in which phase each pod of an execution is."""
    details = api.get(f"/executions/{execution_id}").json().get("statusDetails") or {}
    return [node["phase"] for node in details.get("workflow_info", [])]


def dag(*tasks, fail_fast=True, **fields):
    """Make a template of tasks."""
    return {"name": "main", "dag": {"tasks": list(tasks), "failFast": fail_fast}, **fields}


SAY_WORD = say("{{inputs.parameters.word}}")
COUNT = {
    "name": "count",
    "outputs": {"parameters": [{"name": "best", "valueFrom": {"path": "/app/best"}}]},
    "inputs": {"parameters": [{"name": "word", "value": "0.9"}]},
    "script": {
        "image": "i",
        "command": ["python"],
        "source": "import sys\nopen('/app/best', 'w').write('{{inputs.parameters.word}}\\n')\n"
        "print('{{inputs.parameters.word}}')\nprint('careful', file=sys.stderr)",
    },
}
FAILS = python("raise SystemExit(3)", name="fails")


def test_output_parameters_and_results_are_handed_on(laboratory):
    """A step's file, its standard output, its status and its exit code are values for later ones."""
    word = (
        "{{steps.count.outputs.parameters.best}} {{steps.count.outputs.result}} {{steps.count.status}} "
        "{{steps.count.exitCode}} {{workflow.name}}"
    )
    api, read = laboratory.run(steps(call("count"), call("say", word=word)), COUNT, SAY_WORD)
    assert read["status"] == "COMPLETED", read
    assert set(lines(api, read["id"])) == {"0.9", "careful", f"0.9 0.9 Succeeded 0 {read['id']}"}


def test_output_parameter_has_a_default(laboratory):
    """What was not written is the default; without one the pod fails, in the container that looks for it."""
    source = {"path": "/app/best", "default": "none"}
    port = {"name": "best", "valueFrom": source}
    lazy = python("pass", name="lazy", outputs={"parameters": [port]})
    main = steps(call("lazy"), call("say", word="{{steps.lazy.outputs.parameters.best}}"))
    api, read = laboratory.run(main, lazy, SAY_WORD)
    assert lines(api, read["id"]) == ["none"]
    del source["default"]
    api, read = laboratory.run(main, lazy, SAY_WORD)
    assert read["status"] == "DEAD"
    assert "output parameter best" in read["statusMessage"]


def test_nested_templates_hand_out_parameters_and_artifacts(laboratory):
    """Steps within a dag hand on what their own steps left."""
    ports = {"artifacts": [{"name": "out", "path": "/app/out"}]}
    write = python("open('/app/out', 'w').write('deep')", name="write", outputs=ports)
    inner = {
        "name": "inner",
        "steps": [[call("write"), call("count", word="7")]],
        "outputs": {
            "artifacts": [{"name": "file", "from": "{{steps.write.outputs.artifacts.out}}"}],
            "parameters": [
                {"name": "best", "valueFrom": {"parameter": "{{steps.count.outputs.parameters.best}}"}}
            ],
        },
    }
    read_it = python(
        "import sys; print(open(sys.argv[1]).read(), sys.argv[2])",
        "{{inputs.artifacts.in.path}}",
        "{{inputs.parameters.word}}",
        name="read",
        inputs={"artifacts": [{"name": "in", "path": "/app/in"}], "parameters": [{"name": "word"}]},
    )
    arguments = {
        "parameters": [{"name": "word", "value": "{{tasks.inner.outputs.parameters.best}}"}],
        "artifacts": [{"name": "in", "from": "{{tasks.inner.outputs.artifacts.file}}"}],
    }
    main = dag(call("inner"), call("read", dependencies=["inner"], arguments=arguments))
    api, read = laboratory.run(main, inner, write, COUNT, read_it)
    assert read["status"] == "COMPLETED", read
    assert "deep 7" in lines(api, read["id"])


def test_skipped_steps_leave_nothing(laboratory):
    """A step runs only when its condition is true; the workflow goes on without it."""
    main = steps(
        call("count"),
        [
            call("bad", "say", word="bad", when="{{steps.count.outputs.result}} < 0.8"),
            call("good", "say", word="good", when="{{steps.count.outputs.result}} >= 0.8 && a != b"),
        ],
        call("after", "say", word="{{steps.bad.status}}"),
    )
    api, read = laboratory.run(main, COUNT, SAY_WORD)
    assert read["status"] == "COMPLETED"
    assert lines(api, read["id"])[-2:] == ["good", "Skipped"]
    assert len(read["statusDetails"]["workflow_info"]) == 3


def test_workflow_all_of_whose_steps_are_skipped(laboratory):
    """Nothing to do is a good end, with all its instants."""
    _, read = laboratory.run(steps(call("say", word="a", when="1 == 2")), SAY_WORD)
    assert (read["status"], "startTime" in read) == ("COMPLETED", True)


def test_condition_that_cannot_be_evaluated_is_fatal(laboratory):
    """An empty result without quotes around it is an error that shows the condition."""
    quiet = python("pass", name="quiet")
    main = steps(call("quiet"), call("say", word="a", when="{{steps.quiet.outputs.result}} == a"))
    _, read = laboratory.run(main, quiet, SAY_WORD)
    assert read["status"] == "DEAD"
    assert "' == a'" in read["statusMessage"]


def test_loops_over_items(laboratory):
    """A step runs once for each item, by the item's keys, and its outputs become JSON lists."""
    main = steps(
        call("each", "count", word="{{item.size}}", withItems=[{"size": 1}, {"size": 2}, {"size": "x"}]),
        call("say", word="{{steps.each.outputs.result}} {{steps.each.outputs.parameters.best}}"),
    )
    api, read = laboratory.run(main, COUNT, SAY_WORD)
    assert lines(api, read["id"])[-1] == '[1, 2, "x"] ["1", "2", "x"]'


def test_loop_over_a_parameter(laboratory):
    """A JSON list that a step wrote is looped over, with a condition for each item; an empty one skips."""
    main = steps(
        call("list", "count", word="[3, 4]"),
        call("say", word="{{item}}", withParam="{{steps.list.outputs.result}}", when="{{item}} > 3"),
        call("none", "say", word="{{item}}", withParam="[]"),
    )
    api, read = laboratory.run(main, COUNT, SAY_WORD)
    assert read["status"] == "COMPLETED"
    assert lines(api, read["id"])[-1] == "4"
    assert len(read["statusDetails"]["workflow_info"]) == 2


def test_retries_until_it_is_good(laboratory):
    """A template that failed runs again in a pod of its own, which is told how often it was tried."""
    flaky = python("import sys; print(sys.argv[1]); sys.exit(sys.argv[1] != '2')", "{{retries}}")
    flaky["retryStrategy"] = {"limit": 5, "backoff": {"duration": "10ms", "factor": 2}}
    api, read = laboratory.run(flaky)
    assert (read["status"], lines(api, read["id"])) == ("COMPLETED", ["0", "1", "2"])
    assert len({node["name"] for node in read["statusDetails"]["workflow_info"]}) == 3


def test_retries_end_at_the_limit(laboratory):
    """After the last try the execution is DEAD; what is not the program's own failure is not tried again."""
    _, read = laboratory.run({**FAILS, "retryStrategy": {"limit": "1"}})
    assert (read["status"], len(read["statusDetails"]["workflow_info"])) == ("DEAD", 2)
    ports = {"artifacts": [{"name": "data", "path": "/data"}]}
    _, read = laboratory.run({**FAILS, "inputs": ports, "retryStrategy": {"limit": "1"}})
    (node,) = read["statusDetails"]["workflow_info"]
    assert node["phase"] == "Error"


def test_failed_step_may_be_allowed_to(laboratory):
    """With ``continueOn`` the next steps run, and can look at how it ended."""
    main = steps(
        call("fails", continueOn={"failed": True}),
        call("say", word="{{steps.fails.status}} {{steps.fails.exitCode}}"),
    )
    api, read = laboratory.run(main, FAILS, SAY_WORD)
    assert (read["status"], lines(api, read["id"])) == ("COMPLETED", ["Failed 3"])


def test_dag_runs_by_dependencies(laboratory):
    """A task begins when all that it depends on have ended, by either way to say so."""
    both = "{{tasks.left.outputs.result}}{{tasks.right.outputs.result}}"
    main = dag(
        call("last", "say", word=both, depends="left && right"),
        call("left", "say", word="{{tasks.first.outputs.result}}l", dependencies=["first"]),
        call("right", "say", word="{{tasks.first.outputs.result}}r", dependencies=["first"]),
        call("first", "say", word="f"),
    )
    api, read = laboratory.run(main, SAY_WORD)
    seen = lines(api, read["id"])
    assert (seen[0], sorted(seen[1:3]), seen[3]) == ("f", ["fl", "fr"], "flfr")


@pytest.mark.parametrize(("fail_fast", "said"), [(True, []), (False, ["b", "c"])])
def test_failed_task_ends_the_dag(laboratory, fail_fast, said):
    """After a failed task nothing more starts, or with ``failFast: false`` only what depends on it."""
    gate = laboratory.object_store / "gate"
    # The dag takes note of a failed pod a moment after that is reported.
    slow = python(f"{wait_for(gate)}\ntime.sleep(0.5)", name="slow")
    main = dag(
        call("fails"),
        call("a", "say", word="a", dependencies=["fails"]),
        call("slow"),
        call("b", "say", word="b", dependencies=["slow"]),
        call("c", "say", word="c", dependencies=["b"]),
        fail_fast=fail_fast,
    )
    laboratory.prepare(main, FAILS, SAY_WORD, slow)
    api = laboratory.open()
    execution_id = api.start()
    laboratory.until(lambda: phases(api, execution_id), lambda seen: "Failed" in seen)
    gate.touch()
    assert laboratory.wait(api, execution_id, ENDS)["status"] == "DEAD"
    assert lines(api, execution_id) == said


def test_parallelism_bounds_the_containers(laboratory):
    """With ``parallelism: 1`` two steps of a group never run at the same time."""
    source = "import time; print('in', flush=True); time.sleep(0.2); print('out')"
    main = steps([call("a", "slow"), call("b", "slow"), call("c", "slow")])
    api, read = laboratory.run(main, python(source, name="slow"), parallelism=1)
    assert lines(api, read["id"]) == ["in", "out"] * 3


def test_deadline_of_a_template(laboratory):
    """``activeDeadlineSeconds`` of a template ends that container, and the execution says so."""
    slow = python("import time; time.sleep(600)", activeDeadlineSeconds="{{workflow.parameters.limit}}")
    _, read = laboratory.run(slow, parameters=({"name": "limit", "value": "0.2"},))
    assert read["status"] == "DEAD"
    assert "longer than the specified deadline" in read["statusMessage"]
    assert read["statusDetails"]["details"][0]["exit_code"] == 143


def secret_template(*, optional=False, then=""):
    """Make a template that prints variables from secrets."""
    template = python(f"import os; print(os.environ.get('KEY'), os.environ.get('S3_user')); {then}")
    reference = {"name": "store", "key": "key", "optional": optional}
    template["container"]["env"] = [{"name": "KEY", "valueFrom": {"secretKeyRef": reference}}]
    template["container"]["envFrom"] = [
        {"secretRef": {"name": "store", "optional": optional}, "prefix": "S3_"}
    ]
    return template


def test_secrets_become_variables(laboratory):
    """Values of a generic secret of the group reach the environment; optional ones may be missing."""
    laboratory.prepare(secret_template())
    api = laboratory.open()
    group = laboratory.emulators[-1].state.groups["default"]
    group.generic_secrets["store"] = GenericSecret("store", {"key": "L2FwcA==", "user": "dQ=="}, 0)
    read = laboratory.wait(api, api.start(), ENDS)
    assert lines(api, read["id"]) == ["/app u"]
    api, read = laboratory.run(secret_template(optional=True))
    assert lines(api, read["id"]) == ["None None"]


def test_pod_waits_for_a_missing_secret(laboratory):
    """Without its secret a pod cannot start: the execution stays PENDING and says why, until there is one."""
    gate = laboratory.object_store / "gate"
    laboratory.prepare(secret_template(then=f"\n{wait_for(gate)}"))
    api = laboratory.open()
    execution_id = api.start()
    read = laboratory.until(
        lambda: api.get(f"/executions/{execution_id}").json(), lambda read: read.get("statusMessage")
    )
    assert read["status"] == "PENDING"
    assert read["statusMessage"] == 'CreateContainerConfigError: secret "store" not found'
    assert read["statusDetails"]["workflow_info"][0]["phase"] == "Pending"
    group = laboratory.emulators[-1].state.groups["default"]
    group.generic_secrets["store"] = GenericSecret("store", {"key": "aw==", "user": "dQ=="}, 0)
    assert not laboratory.wait(api, execution_id, {"RUNNING"}).get("statusMessage")
    gate.touch()
    assert laboratory.wait(api, execution_id, ENDS)["status"] == "COMPLETED"


def test_pod_that_waits_for_a_secret_can_be_stopped(laboratory):
    """A stop ends the waiting."""
    laboratory.prepare(secret_template())
    api = laboratory.open()
    execution_id = api.start()
    laboratory.until(
        lambda: api.get(f"/executions/{execution_id}").json(), lambda read: read.get("statusMessage")
    )
    api.patch(f"/executions/{execution_id}", json=STOP).raise_for_status()
    assert laboratory.wait(api, execution_id, ENDS)["status"] == "STOPPED"


def test_executions_wait_for_their_turn(laboratory):
    """Beyond ``max_running`` executions are PENDING, first come first served; a stop works for them."""
    gate = laboratory.object_store / "gate"
    laboratory.prepare(python(wait_for(gate)))
    api = laboratory.open(max_running=1)
    first, second, third = api.start(), api.start(), api.start()
    laboratory.wait(api, first, {"RUNNING"})
    laboratory.wait(api, third, {"PENDING"})
    api.patch(f"/executions/{second}", json=STOP).raise_for_status()
    assert laboratory.wait(api, second, ENDS)["status"] == "STOPPED"
    assert [api.status(each) for each in (first, third)] == ["RUNNING", "PENDING"]
    gate.touch()
    assert [laboratory.wait(api, each, ENDS)["status"] for each in (first, third)] == ["COMPLETED"] * 2
    assert "startTime" not in api.get(f"/executions/{second}").json()


BRANCH = """
import pathlib, sys, time
word = pathlib.Path('/app/in').read_text()
pathlib.Path('/app/out').write_text(word + sys.argv[1])
"""


def three_steps(source):
    """Make a dag of three levels with two branches in the middle, which run *source*."""
    out = {"artifacts": [{"name": "out", "path": "/app/out"}]}
    first = python("open('/app/out', 'w').write('a')", name="first", outputs=out)
    into = {"artifacts": [{"name": "in", "path": "/app/in"}], "parameters": [{"name": "word"}]}
    branch = python(source, "{{inputs.parameters.word}}", name="branch", inputs=into, outputs=out)
    ports = {
        "inputs": {"artifacts": [{"name": each, "path": f"/app/{each}"} for each in ("l", "r")]},
        "outputs": {
            "artifacts": [
                {"name": "m", "globalName": "text-model", "path": "/app/m", "archive": {"none": {}}}
            ]
        },
    }
    join = "open('/app/m', 'w').write(open('/app/l').read() + open('/app/r').read())"

    def middle(word):
        arguments = {
            "parameters": [{"name": "word", "value": word}],
            "artifacts": [{"name": "in", "from": "{{tasks.first.outputs.artifacts.out}}"}],
        }
        return call(word, "branch", dependencies=["first"], arguments=arguments)

    artifacts = [{"name": each, "from": f"{{{{tasks.{each}.outputs.artifacts.out}}}}"} for each in "lr"]
    last = call("last", depends="l && r", arguments={"artifacts": artifacts})
    return (
        dag(call("first"), middle("l"), middle("r"), last),
        first,
        branch,
        python(join, name="last", **ports),
    )


def test_artifacts_pass_through_parallel_branches(laboratory):
    """Three steps, the middle one in two branches, hand artifacts on to the one that is registered."""
    _, read = laboratory.run(*three_steps(BRANCH))
    assert [each["name"] for each in read["outputArtifacts"]] == ["text-model"]
    stored = laboratory.object_store / "default" / read["id"] / "text-model"
    assert stored.read_text() == "alar"


def test_stop_in_the_middle_ends_all_processes(laboratory):
    """A stop while two branches run ends both and the children that left them, within seconds."""
    source = """
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(['sleep', '600'], start_new_session=True)
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
    laboratory.prepare(*three_steps(source))
    api = laboratory.open(stop_grace=0.5)
    execution_id = api.start()
    laboratory.wait(api, execution_id, {"RUNNING"})
    seen = laboratory.until(lambda: lines(api, execution_id), lambda seen: len(seen) == 2)
    pids = [int(pid) for line in seen for pid in line.split()]
    assert all(running(pid) for pid in pids)
    begin = time.monotonic()
    api.patch(f"/executions/{execution_id}", json=STOP).raise_for_status()
    read = laboratory.wait(api, execution_id, ENDS)
    laboratory.until(lambda: [pid for pid in pids if running(pid)], lambda left: not left)
    assert time.monotonic() - begin < 30
    assert read["status"] == "STOPPED"
    assert len(read["statusDetails"]["workflow_info"]) == 3


def test_what_left_a_container_ends_with_it(laboratory):
    """A child in a session of its own is ended when its container is, though the execution goes on."""
    source = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    look = "import sys; print(open('/proc/' + sys.argv[1] + '/stat').read().split()[2])"
    main = steps(call("leave"), call("say", word="{{steps.leave.outputs.result}}"))
    looks = python(
        f"try:\n {look}\nexcept OSError:\n print('gone')", "{{inputs.parameters.word}}", name="say"
    )
    looks["inputs"] = {"parameters": [{"name": "word"}]}
    api, read = laboratory.run(main, python(source, name="leave"), looks)
    assert lines(api, read["id"])[1] in {"gone", "Z"}, read


def test_documented_template_runs(laboratory):
    """The template in the documentation runs as it stands there."""
    page = (Path(__file__).parents[3] / "docs" / "emulator.md").read_text()
    (laboratory.templates / "documented.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    api = laboratory.open()
    execution_id = api.start(scenarioId="words", executableId="word-count")
    read = laboratory.wait(api, execution_id, ENDS)
    assert read["status"] == "COMPLETED", read
    stored = laboratory.object_store / "default" / execution_id / "counted"
    assert json.loads(stored.read_text()) == [2, 1, 1, 2]
