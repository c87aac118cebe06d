"""WorkflowTemplates become executables."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Emulator
from airflow_provider_aicore.emulator.templates import TemplateError
from tests.emulators import connect

TEMPLATE = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: text-clf-train
  labels:
    scenarios.ai.sap.com/id: text-clf
    ai.sap.com/version: "1.2.0"
  annotations:
    scenarios.ai.sap.com/name: Text classification
    scenarios.ai.sap.com/description: Finds the mood of a text
    executables.ai.sap.com/name: Train it
    executables.ai.sap.com/description: Trains a classifier
    artifacts.ai.sap.com/text-data.kind: dataset
    artifacts.ai.sap.com/text-model.kind: model
spec:
  entrypoint: main
  arguments:
    parameters:
      - name: epochs
        value: 10
      - name: learning-rate
  templates:
    - name: main
      steps:
        - - {name: prepare, template: prepare}
        - - name: train
            template: train
            arguments:
              artifacts:
                - {name: prepared, from: "{{steps.prepare.outputs.artifacts.prepared}}"}
    - name: prepare
      inputs: {artifacts: [{name: text-data, path: /app/data}]}
      outputs: {artifacts: [{name: prepared, path: /app/prepared}]}
      container: {image: i, command: [prepare]}
    - name: train
      inputs: {artifacts: [{name: prepared, path: /app/prepared}]}
      outputs: {artifacts: [{name: model, globalName: text-model, path: /app/model, archive: {none: {}}}]}
      container: {image: i, command: [train]}
"""


def load(folder, text=TEMPLATE, name="train.yaml"):
    """Write a template into a folder and make an emulator of it."""
    (folder / name).write_text(text)
    return Emulator(templates=folder)


def executable(emulator):
    """Read the executable as a client does."""
    return connect(emulator).get("/scenarios/text-clf/executables/text-clf-train").json()


def test_template_becomes_an_executable(tmp_path):
    """Names, version and signature come from where AI Core's Git sync takes them."""
    with load(tmp_path) as emulator:
        read = executable(emulator)
        scenario = connect(emulator).get("/scenarios/text-clf").json()
    assert (read["id"], read["name"], read["versionId"]) == ("text-clf-train", "Train it", "1.2.0")
    assert read["description"] == "Trains a classifier"
    assert read["parameters"] == [
        {"name": "epochs", "type": "string", "default": "10"},
        {"name": "learning-rate", "type": "string"},
    ]
    assert (scenario["name"], scenario["description"]) == ("Text classification", "Finds the mood of a text")


def test_only_what_comes_from_outside_is_an_input(tmp_path):
    """An artifact that one step hands to the next is no input; outputs need a global name."""
    with load(tmp_path) as emulator:
        read = executable(emulator)
    assert read["inputArtifacts"] == [{"name": "text-data", "kind": "dataset"}]
    assert read["outputArtifacts"] == [{"name": "text-model", "kind": "model"}]


def test_other_kinds_and_files_are_left_aside(tmp_path):
    """A folder may hold other documents and other files; both endings and several documents count."""
    (tmp_path / "readme.md").write_text("kind: WorkflowTemplate")
    secret = "apiVersion: v1\nkind: Secret\n"
    other = TEMPLATE.replace("name: text-clf-train", "name: text-clf-other")
    with load(tmp_path, f"{secret}---\n{TEMPLATE}---\n{other}---\n", "all.yml") as emulator:
        read = connect(emulator).get("/scenarios/text-clf/executables").json()
    assert {each["id"] for each in read["resources"]} == {"text-clf-train", "text-clf-other"}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("argoproj.io/v1alpha1", "ai.sap.com/v1alpha1", "2: apiVersion: a WorkflowTemplate has argoproj.io"),
        ("name: text-clf-train", "name: abc", "5: metadata.name"),
        (
            "scenarios.ai.sap.com/id",
            "scenarios.ai.sap.com/other",
            "6: metadata.labels: scenarios.ai.sap.com/id",
        ),
        ("ai.sap.com/version", "ai.sap.com/other", "6: metadata.labels: ai.sap.com/version"),
        ("entrypoint", "start", "16: spec: entrypoint"),
        ("kind: WorkflowTemplate", "kind: [", " cannot be read as YAML"),
        ("- name: epochs\n        value: 10", "- epochs", "20: spec.arguments.parameters[0]"),
        ("kind: dataset", "kind: data", "14: metadata.annotations.artifacts.ai.sap.com/text-data.kind"),
        ("entrypoint: main", "entrypoint: start", "17: spec.entrypoint: there is no template start"),
        ("command: [train]", "args: [train]", "39: spec.templates[2].container: command is needed"),
        ("template: train", "template: fit", "28: spec.templates[0].steps[1][0].template"),
        ("prepare.outputs.artifacts.prepared", "prepare.outputs.artifacts.data", "31: "),
    ],
)
def test_bad_template_is_refused_with_its_line(tmp_path, old, new, named):
    """A template that the Git sync would not take, or that cannot run, is refused by file, line and field."""
    named = f"train.yaml:{named}"
    with pytest.raises(TemplateError) as refusal:
        load(tmp_path, TEMPLATE.replace(old, new, 1))
    assert named in str(refusal.value)


def test_missing_folder_is_refused(tmp_path):
    """A folder that is not there is named."""
    with pytest.raises(TemplateError, match="missing"):
        Emulator(templates=tmp_path / "missing")


def test_two_templates_with_one_id_are_refused(tmp_path):
    """Ids of templates are unique per tenant."""
    (tmp_path / "again.yaml").write_text(TEMPLATE)
    with pytest.raises(ValueError, match="text-clf-train"):
        load(tmp_path)


def test_folders_of_the_runner_have_to_exist(tmp_path):
    """A missing folder is reported at the start, not by the first execution."""
    with pytest.raises(ValueError, match="missing for the object store"):
        Emulator(object_store=tmp_path / "missing")
    with pytest.raises(ValueError, match=r"missing for acme/trainer"):
        Emulator(images={"acme/trainer": tmp_path / "missing"})


def test_image_without_a_folder_is_refused(tmp_path):
    """Where folders are given for images, a template with another image cannot run."""
    (tmp_path / "train.yaml").write_text(TEMPLATE)
    with pytest.raises(TemplateError, match=r"train\.yaml:35: .*no folder is given for the image 'i'"):
        Emulator(templates=tmp_path, images={"docker.io/acme/trainer": tmp_path})


SERVING = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: text-clf-serve
  labels: {scenarios.ai.sap.com/id: text-clf, ai.sap.com/version: "1.0.0"}
  annotations: {artifacts.ai.sap.com/text-model.kind: model}
spec:
  inputs:
    parameters: [{name: replicas, type: string, default: 1}]
    artifacts: [{name: text-model}]
  template:
    apiVersion: serving.kserve.io/v1beta1
    spec: "predictor: {}"
"""


def test_serving_template_becomes_deployable(tmp_path):
    """A ServingTemplate beside a WorkflowTemplate is an executable of deployments, which run by the clock."""
    (tmp_path / "serve.yaml").write_text(SERVING)
    with load(tmp_path) as emulator:
        api = connect(emulator)
        shown = api.get("/scenarios/text-clf/executables/text-clf-serve").json()
        deployment = api.get(f"/deployments/{api.deploy()}").json()
    assert shown["deployable"] is True
    assert shown["parameters"] == [{"name": "replicas", "type": "string", "default": "1"}]
    assert shown["inputArtifacts"] == [{"name": "text-model", "kind": "model"}]
    assert shown["outputArtifacts"] == []
    assert deployment["status"] == "RUNNING"


@pytest.mark.parametrize(
    ("old", "new"), [("ai.sap.com/v1alpha1", "argoproj.io/v1alpha1"), ("  template:", "  other:")]
)
def test_bad_serving_template_is_refused(tmp_path, old, new):
    """It has a version and a field of its own."""
    with pytest.raises(TemplateError, match=r"serve\.yaml"):
        load(tmp_path, SERVING.replace(old, new, 1), "serve.yaml")
