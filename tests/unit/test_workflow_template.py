"""Reading WorkflowTemplates that lie beside a DAG file."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_aicore.workflow_template import WorkflowTemplate, WorkflowTemplateError
from tests.templates import TRAIN

ROOT = Path(__file__).parents[2]


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a template from text."""

    def read(text, **options):
        (tmp_path / "train.yaml").write_text(text)
        return WorkflowTemplate.from_file(tmp_path / "train.yaml", **options)

    return read


def test_a_template_tells_what_its_executable_declares(read):
    """Values are as they are written; what a step fills is no input, what has no global name no output."""
    template = read(TRAIN)

    assert (template.scenario_id, template.executable_id) == ("text-clf", "text-clf-yaml")
    assert template.version_id == "1.10"
    assert template.parameters == {"learning-rate": None, "epochs": "010", "note": ""}
    assert template.input_artifacts == {"data": "dataset", "old": None}
    assert template.optional_inputs == ("old",)
    assert template.output_artifacts == {"text-model": "model"}


@pytest.mark.parametrize("source", ["raw: {data: x}", "s3: {key: x}", "http: {url: x}"])
def test_an_input_with_a_source_of_its_own_need_not_be_bound(read, source):
    """The template says where it comes from."""
    template = read(TRAIN.replace("path: /data", f"path: /data, {source}"))

    assert template.optional_inputs == ("data", "old")


def test_the_demo_s_template_is_read_as_ai_core_shows_it():
    """The same file is the emulator's."""
    path = ROOT / "demo" / "templates" / "digits-classifier.yaml"

    template = WorkflowTemplate.from_file(path)

    assert template.executable_id == "digits-classifier-train"
    assert template.parameters == {"epochs": "30", "hidden-units": "256", "learning-rate": "0.001"}
    assert (template.input_artifacts, template.output_artifacts) == (
        {"digits": "dataset"},
        {"digits-model": "model"},
    )


def test_the_example_s_template_is_the_demo_s():
    """The demo and the emulator run what the example is checked with."""
    here, there = (ROOT / folder / "digits-classifier.yaml" for folder in ("example_dags", "demo/templates"))

    assert here.read_text() == there.read_text()


def test_anchors_and_merge_keys_are_followed(read):
    """They are YAML's own."""
    text = TRAIN.replace("  name: text-clf-yaml\n", "  <<: {name: &name text-clf-yaml}\n")
    text = text.replace("scenarios.ai.sap.com/id: text-clf", "scenarios.ai.sap.com/id: *name")

    assert (read(text).executable_id, read(text).scenario_id) == ("text-clf-yaml", "text-clf-yaml")


def test_what_a_task_of_a_dag_fills_is_no_input(read):
    """As with steps."""
    text = TRAIN.replace("      steps:\n", "      dag:\n       tasks:\n").replace("- - ", "-   ")

    assert read(text) == read(TRAIN)


def test_an_input_of_two_templates_may_be_left_out_only_if_both_say_so(read):
    """It is one binding for both."""
    text = TRAIN.replace("{name: data, path: /data}", "{name: old, path: /other}")

    assert (read(text).input_artifacts, read(text).optional_inputs) == ({"old": None}, ())


def test_what_stands_beside_a_merge_key_wins(read):
    """As YAML has it: a name that is merged as well is not there twice."""
    text = TRAIN.replace("metadata:\n", "metadata:\n  <<: {name: aaaa, generateName: x}\n", 1)

    assert read(text).executable_id == "text-clf-yaml"


@pytest.mark.parametrize(("written", "optional"), [("True", ("old",)), ("yes", ("old",)), ("false", ())])
def test_optional_is_whatever_yaml_takes_for_true(read, written, optional):
    """Argo reads it so, too."""
    assert read(TRAIN.replace("optional: true", f"optional: {written}")).optional_inputs == optional


def test_documents_of_other_kinds_are_left_aside(read):
    """A file may hold a secret or a ServingTemplate as well."""
    others = "kind: Secret\n---\n---\njust text\n---\nkind: ServingTemplate\n---\n"

    assert read(others + TRAIN) == read(TRAIN)


def test_one_of_several_templates_is_chosen_by_name(read):
    """Without a name it is refused with those that there are."""
    both = f"{TRAIN}---\n{TRAIN.replace('text-clf-yaml', 'text-clf-other')}"

    assert read(both, name="text-clf-other").executable_id == "text-clf-other"
    with pytest.raises(WorkflowTemplateError, match=r"2 Workf.*name=, out of text-clf-yaml, text-clf-other"):
        read(both)
    with pytest.raises(WorkflowTemplateError, match="0 WorkflowTemplates of the name 'nope'"):
        read(both, name="nope")


BAD = [
    # (what is replaced, by what, line and words of the error)
    (TRAIN, "", "line 1, the document: .* kind: WorkflowTemplate is needed, and the file is empty"),
    (
        TRAIN,
        "\njust text",
        "line 2, the document: .* is needed, and this is no mapping",
    ),
    (TRAIN, "- a\n- list\n", "line 1, the document: .* and this is no mapping"),
    (TRAIN, "name: a", "line 1, kind: .* and this is without a kind"),
    (TRAIN, "{", "line 2, is no YAML: did not find"),
    (TRAIN, "a: {{ b }}: c", "line 1, is no YAML: "),
    ("kind: WorkflowTemplate", "kind: Workflow", "line 2, kind: .* is needed, and this is Workflow"),
    ("kind: WorkflowTemplate", "kind: ServingTemplate", "line 2, kind: a ServingTemplate is for deployments"),
    ("kind: WorkflowTemplate", "kind: [WorkflowTemplate]", "line 2, kind: text is needed here"),
    ("argoproj.io/v1alpha1", "v1", "line 1, apiVersion: a WorkflowTemplate has argoproj.io/v1alpha1, not v1"),
    ("apiVersion: argoproj.io/v1alpha1\n", "", "line 1, apiVersion: .* not None"),
    ("  name: text-clf-yaml\n", "", "line 4, metadata.name: it is missing, but needed"),
    ("text-clf-yaml", "abc", "line 4, metadata.name: 'abc' is no id"),
    ("text-clf-yaml", "has spaces", "line 4, metadata.name: 'has spaces' is no id"),
    ("text-clf-yaml", "x" * 65, "line 4, metadata.name: 'x{65}' is no id"),
    ("  name: text-clf-yaml\n", "  name: aaaa\n  name: bbbb\n", "line 4, metadata: name is there 2 times"),
    ("metadata:\n", "metadata:\n  <<: 5\n", "line 4, metadata: expected a mapping or list of mappings"),
    (
        "    scenarios.ai.sap.com/id: text-clf\n",
        "",
        "line 6, metadata.labels.scenarios.ai.sap.com/id: it is missing",
    ),
    ("com/id: text-clf", "com/id:", "line 6, metadata.labels.scenarios.ai.sap.com/id: it is missing"),
    ("com/id: text-clf", "com/id: a/b", "line 6, metadata.labels.scenarios.ai.sap.com/id: 'a/b' is no id"),
    (
        "kind: dataset",
        "kind: data",
        "line 9, .*data.kind: 'data' is no kind of artifact: those are model, da",
    ),
    ("  annotations:\n", "  annotations: x\n  other:\n", "line 8, metadata.annotations: a mapping is needed"),
    ("  entrypoint: main\n", "", "line 12, spec.entrypoint: it is missing, but needed"),
    (
        "entrypoint: main",
        "entrypoint: man",
        "line 12, spec.entrypoint: there is no template 'man'; .* main, r",
    ),
    ("  templates:\n", "  template:\n", "line 12, spec.templates: it is missing, but needed"),
    ("  templates:\n", "  templates: []\n  other:\n", "line 19, spec.templates: it is missing, but needed"),
    ("  templates:\n", "  templates: x\n  other:\n", "line 19, spec.templates: a list is needed here"),
    ("    - name: read\n", "    - name: main\n", "line 20, .*0.: there are 2 templates of the name 'main'"),
    ("    - name: read\n", "    - nam: read\n", "line 27, spec.templates.1..name: it is missing"),
    ("      - name: learning-rate\n", "      - 7\n", "line 15, spec.arguments.parameters.0.: a mapping is"),
    ("      - name: learning-rate\n", "      - value: 1\n", "line 15, .*parameters.0..name: it is missing"),
    ("name: learning-rate", "name: epochs", "line 16, .*1.: there are two parameters of the name 'epochs'"),
    ("value: 010", "value: [1]", "line 17, spec.arguments.parameters.1..value: text is needed here"),
    ("{name: data, path: /data}", "{path: /data}", "line 30, .*inputs.artifacts.0..name: it is missing"),
]


@pytest.mark.parametrize(("old", "new", "complaint"), BAD, ids=range(len(BAD)))
def test_a_bad_template_is_refused_with_file_line_and_field(read, old, new, complaint):
    """Whoever parses the DAG sees where to look."""
    assert old in TRAIN

    with pytest.raises(WorkflowTemplateError, match=f"train.yaml,? {complaint}"):
        read(TRAIN.replace(old, new, 1))


@pytest.mark.parametrize(
    ("path", "complaint"),
    [("no-such.yaml", "No such file or directory"), (".", "Is a directory")],
    ids=["none", "folder"],
)
def test_a_file_that_cannot_be_read_is_named(path, complaint):
    """With what a relative path begins at."""
    with pytest.raises(
        WorkflowTemplateError, match=rf"{complaint}\. A relative path begins at the folder of"
    ):
        WorkflowTemplate.from_file(path)


def test_what_is_no_text_is_no_yaml(tmp_path):
    """A file of bytes is named as well."""
    (tmp_path / "train.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(WorkflowTemplateError, match=r"train.yaml is no YAML"):
        WorkflowTemplate.from_file(tmp_path / "train.yaml")


def test_a_relative_path_begins_at_the_file_that_calls(tmp_path):
    """A DAG file finds it beside itself, from whatever folder Airflow parses it."""
    (tmp_path / "train.yaml").write_text(TRAIN)
    dag_file = tmp_path / "dag.py"
    code = "from airflow_provider_aicore.workflow_template import WorkflowTemplate as T\n"
    dag_file.write_text(f"{code}found = T.from_file('train.yaml')")
    namespace: dict[str, WorkflowTemplate] = {}

    exec(compile(dag_file.read_text(), dag_file, "exec"), namespace)

    assert namespace["found"].path == tmp_path / "train.yaml"


def test_a_template_looks_the_same_wherever_its_file_is(read, tmp_path):
    """Airflow would take a DAG with a mapped task for a new version of it with each folder."""
    (tmp_path / "elsewhere.yaml").write_text(TRAIN)

    assert repr(read(TRAIN)) == repr(WorkflowTemplate.from_file(tmp_path / "elsewhere.yaml"))
    assert str(tmp_path) not in repr(read(TRAIN))
