"""What is refused in a workflow before it runs."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator.argo_reader import read_templates
from airflow_provider_aicore.emulator.parts import Part, PartRefused
from airflow_provider_aicore.emulator.template_checks import WorkflowChecker

CONTAINER = {"image": "i", "command": ["python"]}
POD = {"name": "train", "container": CONTAINER}
LOOP = {"name": "loop", "template": "train", "withItems": [1]}


def check(*templates, **spec):
    """Read and check a workflow that begins with the first of *templates*."""
    part = Part({"entrypoint": templates[0]["name"], "templates": [*templates], **spec})
    WorkflowChecker(part, read_templates(part), {}).check()


def steps(*calls, **fields):
    """Make a template of steps that run in turn."""
    return {"name": "main", "steps": [[call] for call in calls], **fields}


def dag(*tasks, **fields):
    """Make a template of tasks."""
    return {"name": "main", "dag": {"tasks": list(tasks), **fields}}


def pod(**fields):
    """Make a template with a container."""
    return {**POD, **fields}


def container(**fields):
    """Make a template with more fields in its container."""
    return {**POD, "container": {**CONTAINER, **fields}}


def test_defaults_of_other_types_become_texts():
    """A default of ``true`` reaches the process as ``true``."""
    template = pod(inputs={"parameters": [{"name": "fast", "value": True}, {"name": "epochs", "value": 3}]})
    read = read_templates(Part({"templates": [template]}))
    assert read["train"].parameters == {"fast": "true", "epochs": "3"}


A = {"name": "a", "template": "train"}
WRITES = pod(outputs={"parameters": [{"name": "best", "valueFrom": {"path": "/best"}}]})
WORST = {"name": "x", "valueFrom": {"parameter": "{{steps.a.outputs.parameters.worst}}"}}
NEEDS = pod(inputs={"parameters": [{"name": "epochs"}]})


@pytest.mark.parametrize(
    ("templates", "named"),
    [
        ([{"name": "t"}], "needs one of container, script, steps and dag"),
        ([{"name": "t", "container": {"image": "i"}}], "command is needed"),
        ([pod(sidecars=[])], "templates[0].sidecars"),
        ([pod(daemon=True)], "daemon is not run"),
        ([pod(steps=[])], "needs one of"),
        ([pod(inputs={"artifacts": [{"name": "a", "path": "/a", "raw": {}}]})], "artifacts[0].raw"),
        ([pod(outputs={"artifacts": [{"name": "a", "path": "/a", "globalName": "m"}]})], "archive"),
        ([pod(outputs={"artifacts": [{"name": "a", "path": "/a", "globalName": "../m"}]})], "plain name"),
        ([pod(outputs={"artifacts": [{"name": "a"}]})], "path is needed"),
        ([pod(outputs={"parameters": [{"name": "a", "valueFrom": {"jqFilter": "."}}]})], "jqFilter"),
        ([container(volumeMounts=[])], "volumeMounts"),
        ([container(env=[{"name": "A", "valueFrom": {"fieldRef": {}}}])], "fieldRef"),
        ([container(envFrom=[{"configMapRef": {}}])], "configMapRef"),
        ([container(args="--fast")], "has to be a list"),
        ([container(args=[{}])], "args[0]: has to be a text"),
        ([container(args=["{{inputs.parameters.epoch}}"])], "{{inputs.parameters.epoch}} has no value here"),
        ([container(args=["{{=1 + 1}}"])], "{{=1 + 1}} is an expression"),
        ([container(args=["{{retries}}"])], "{{retries}}"),
        ([pod(retryStrategy={"limit": "many"})], "limit: has to be a number"),
        ([pod(retryStrategy={"retryPolicy": "Never"})], "'Never' is not one of"),
        ([pod(retryStrategy={"backoff": {"duration": "soon"}})], "no duration"),
        ([pod(retryStrategy={"affinity": {}})], "retryStrategy.affinity"),
        ([pod(activeDeadlineSeconds="soon")], "activeDeadlineSeconds: has to be a number"),
        ([steps(activeDeadlineSeconds=1), POD], "activeDeadlineSeconds is not run"),
        ([steps({"name": "a"}), POD], "template is needed"),
        ([steps({**A, "onExit": "train"}), POD], "onExit"),
        ([steps({**A, "withSequence": {}}), POD], "withSequence"),
        ([steps({**A, "when": "1 = 1"}), POD], "steps[0][0].when"),
        ([steps({**A, "when": "{{steps.b.status}} == Failed"}), POD], "{{steps.b.status}} has no value"),
        ([steps(A, {**A, "name": "b", "when": "{{steps.b.status}} == Failed"}), POD], "{{steps.b.status}}"),
        ([steps({**A, "template": "other"}), POD], "there is no template other"),
        ([steps(A, A), POD], "two of the name a"),
        ([steps(A), NEEDS], "no value for its parameter epochs"),
        ([NEEDS], "no value for its parameter epochs"),
        ([steps({**A, "when": "{{item}} == 1"}), POD], "{{item}} has no value here"),
        ([steps(A, outputs={"parameters": [WORST]}), WRITES], "{{steps.a.outputs.parameters.worst}}"),
        ([dag({**A, "dependencies": ["b"]}), POD], "no task b to depend on"),
        ([dag({**A, "depends": "a.Failed"}), POD], "names joined with &&"),
        ([dag({**A, "dependencies": ["b"]}, {**A, "name": "b", "depends": "a"}), POD], "in a circle"),
        ([dag(A, {**A, "name": "b", "when": "{{tasks.a.status}} == Failed"}), POD], "{{tasks.a.status}}"),
        ([dag(A, target="a"), POD], "dag.target"),
        ([POD, POD], "two templates of the name train"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_refused_by_name(templates, named):
    """Nothing that a template asks for is silently left out, and no name leads nowhere."""
    with pytest.raises(PartRefused) as refusal:
        check(*templates)
    assert named in str(refusal.value)


@pytest.mark.parametrize("field", ["onExit", "volumes", "templateDefaults"])
def test_unknown_fields_of_the_workflow_are_refused(field):
    """The workflow's own fields are looked at as well."""
    with pytest.raises(PartRefused, match=field):
        check(POD, **{field: {}})


def test_what_can_run_is_taken():
    """Values of earlier steps, of items and of tasks further up may be used."""
    parameter = {"name": "epochs", "value": "{{item.epochs}} {{steps.a.outputs.parameters.best}}"}
    needs = {**NEEDS, "name": "needs"}
    loop = {"name": "l", "template": "needs", "arguments": {"parameters": [parameter]}, "withParam": "[]"}
    check(steps(A, loop), WRITES, needs)
    last = {**A, "name": "c", "depends": "b", "when": "{{tasks.a.outputs.parameters.best}} == 1"}
    check(dag(A, {**A, "name": "b", "dependencies": ["a"]}, last), WRITES)
