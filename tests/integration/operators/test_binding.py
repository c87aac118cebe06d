"""Operators that look whether bindings fit before they create anything."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_aicore.api import artifacts
from airflow_provider_aicore.emulator import Progress, unavailable
from airflow_provider_aicore.exceptions import AICoreInvalidInput
from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from airflow_provider_aicore.workflow_template import WorkflowTemplate
from tests.templates import TRAIN

WRONG = {"Learning-Rate": 1, "epoch": 2, "shuffle": True}


def _operator(kind, **change):
    arguments: dict[str, Any] = {
        "task_id": "train",
        "scenario_id": "text-clf",
        "executable_id": "text-clf-train",
        "parameters": {"learning-rate": 0.1},
    }
    only_its = {"name": "n"} if kind is AICoreCreateConfigurationOperator else {"deferrable": False}
    return kind(**{**arguments, **only_its, **change})


def _sent(network, path=""):
    return [f"{one.method} {one.path}" for one in network.requests if path in one.path]


@pytest.fixture(params=[AICoreRunExecutableOperator, AICoreCreateConfigurationOperator])
def kind(request) -> Any:
    """Return either operator."""
    return request.param


@pytest.fixture
def template(tmp_path):
    """Return a WorkflowTemplate of ``text-clf-train``, as from a file."""
    (tmp_path / "train.yaml").write_text(TRAIN)
    return WorkflowTemplate.from_file(tmp_path / "train.yaml")


def test_bindings_that_do_not_fit_fail_the_task_before_anything_is_created(
    connection, context, network, kind
):
    """One error lists all that is wrong; a retry would meet it again."""
    with pytest.raises(AICoreInvalidInput, match="Nothing was created") as caught:
        _operator(kind, parameters=WRONG).execute(context)

    told = [line for line in str(caught.value).splitlines() if line.startswith("- ")]
    assert [line.startswith("- Warning: ") for line in told] == [False, True, True]
    assert isinstance(caught.value, AirflowFailException)
    assert [one for one in _sent(network, "/lm/") if not one.startswith("GET")] == []


def test_all_that_can_never_be_taken_is_told_at_once_without_a_request(connection, context, network, kind):
    """Malformed ids, names and values are seen without AI Core."""
    bad = {
        "scenario_id": "a/b",
        "executable_id": "My executable",
        "parameters": {"learning-rate": None, "": 1, "epochs": "x" * 5001, "right": 1},
        "input_artifacts": {"data": None, "more": ""},
    }
    with pytest.raises(AICoreInvalidInput) as caught:
        _operator(kind, **bad).execute(context)

    told = str(caught.value).splitlines()
    words = (
        "'a/b'",
        "'My executable'",
        "is None",
        "is empty",
        "5001 characters",
        "artifact 'data'",
        "'more'",
    )
    assert [word in line for word, line in zip(words, told, strict=True)] == [True] * 7
    assert network.requests == []


def test_a_warning_does_not_fail_the_task(connection, context, network, kind, capfd):
    """What AI Core may take is logged."""
    network.script("text-clf-train", Progress.at_once())

    assert _operator(kind, parameters={"learning-rate": 1, "epoch": 2}).execute(context)["id"]
    assert "The parameter 'epoch' is not declared" in capfd.readouterr().out


def test_preflight_can_only_warn(connection, context, network, kind, capfd):
    """It goes on in spite of errors, which are in the log."""
    network.script("text-clf-train", Progress.at_once())

    assert _operator(kind, parameters={}, preflight="warn").execute(context)["id"]
    assert "The parameter 'learning-rate' is not bound" in capfd.readouterr().out


def test_preflight_can_be_left_out(connection, context, network, kind):
    """Then the executable is not read."""
    network.script("text-clf-train", Progress.at_once())

    assert _operator(kind, parameters={}, preflight="off").execute(context)["id"]
    assert _sent(network, "/executables/") == []


def test_trouble_in_looking_does_not_fail_the_task(connection, context, network, kind, capfd):
    """It would have run; the log says that nobody looked."""
    network.script("text-clf-train", Progress.at_once())
    network.faults.add(unavailable(), path="/executables/", times=None)

    assert _operator(kind).execute(context)["id"]
    assert "The bindings could not be checked: GET /v2/lm/scenarios/text-clf" in capfd.readouterr().out


def test_a_try_that_finds_a_configuration_does_not_look(connection, context, network, kind):
    """An execution that lives is adopted whatever became of its executable."""
    network.script("text-clf-train", Progress.at_once())
    first = _operator(kind).execute(context)
    context["ti"].try_number = 2
    looked = len(_sent(network, "/executables/"))

    again = _operator(kind).execute(context)

    assert again["id"] == first["id"]
    assert len(_sent(network, "/executables/")) == looked == 1


@pytest.mark.parametrize("preflight", ["error", "warn", "off"])
def test_validation_creates_nothing_and_returns_the_warnings(
    connection, context, network, kind, preflight, client_for_looking
):
    """It looks for the object store secrets as well, however the preflight is set."""
    parameters = {"learning-rate": 1, "epoch": 2}

    result = _operator(kind, parameters=parameters, validate_only=True, preflight=preflight).execute(context)

    assert result["valid"] is True
    assert ["'epoch'" in text for text in result["warnings"]] == [True, False]
    assert "no object store secret 'default'" in result["warnings"][1]
    assert [one for one in _sent(network, "/lm/") if not one.startswith("GET")] == []
    assert _sent(network, "/configurations") == []


@pytest.mark.parametrize("preflight", ["error", "warn", "off"])
def test_validation_fails_with_all_that_is_wrong(connection, context, network, kind, preflight):
    """What it finds is its result."""
    with pytest.raises(AICoreInvalidInput, match=r"did you mean 'learning-rate'\?(.|\n)*- Warning"):
        _operator(kind, parameters=WRONG, validate_only=True, preflight=preflight).execute(context)


@pytest.mark.parametrize("expected", ["text_model", ["text_model"]])
def test_a_mistyped_output_fails_the_task_before_the_start(connection, context, network, expected):
    """It would have been missed hours later."""
    operator = _operator(AICoreRunExecutableOperator, expected_outputs=expected)

    with pytest.raises(AICoreInvalidInput, match="did you mean 'text-model'"):
        operator.execute(context)
    assert network.statuses() == {}


def test_a_configuration_is_also_made_for_deployments(connection, context, network):
    """Only an execution of such an executable is refused."""
    network.add_executable("text-clf", "text-clf-serve", deployable=True)
    change = {"executable_id": "text-clf-serve", "parameters": {}}

    assert _operator(AICoreCreateConfigurationOperator, **change).execute(context)["id"]
    with pytest.raises(AICoreInvalidInput, match="is for deployments"):
        _operator(AICoreRunExecutableOperator, **change).execute(context)


def test_an_unknown_preflight_is_refused_at_parse_time(kind):
    """A misspelt one would silently be another."""
    with pytest.raises(AICoreInvalidInput, match="preflight is 'warning', but it is one of error, warn, off"):
        _operator(kind, preflight="warning")


@pytest.mark.parametrize(
    "ids", [{}, {"scenario_id": "text-clf"}, {"executable_id": "text-clf-train"}], ids=str
)
def test_both_ids_are_needed_where_there_is_no_template(kind, ids):
    """It is told when the DAG is parsed."""
    with pytest.raises(AICoreInvalidInput, match="either both ids are needed, or a template"):
        _operator(kind, **{"scenario_id": None, "executable_id": None, **ids})


def test_a_template_stands_for_the_ids(connection, context, network, client_for_looking, kind, template):
    """What it says is what runs; an input that it calls optional may be left out."""
    network.add_executable("text-clf", "text-clf-yaml", input_artifacts={"data": "dataset", "old": "model"})
    network.script("text-clf-yaml", Progress.at_once())
    call = artifacts.create(name="d", kind="dataset", url="ai://default/d", scenario_id="text-clf")
    data = client_for_looking.send(call).id
    change = {
        "scenario_id": None,
        "executable_id": None,
        "template": template,
        "input_artifacts": {"data": data},
    }

    result = _operator(kind, **change).execute(context)

    assert (result["scenario_id"], result["executable_id"]) == ("text-clf", "text-clf-yaml")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"parameters": {"learning-rat": 1}}, "did you mean 'learning-rate', which is needed"),
        ({"parameters": {"learning-rate": 1, "epoch": 1}}, "did you mean 'epochs'"),
        (
            {"parameters": {"learning-rate": 1, "shuffle": "{{ ds }}"}},
            "It declares 'learning-rate', 'epochs'",
        ),
        ({"parameters": {"learning-rate": 1, 1: "x"}}, "The parameter 1 is not declared"),
        ({"parameters": {}}, "'learning-rate' is not bound"),
        ({"parameters": None}, "'learning-rate' is not bound"),
        ({"parameters": {"learning-rate": None}}, "The parameter 'learning-rate' is None"),
        ({"parameters": {"learning-rate": "x" * 5001}}, "'learning-rate' has 5001 characters"),
        ({"parameters": {"learning-rate": [float("nan")]}}, "'learning-rate' cannot be written as JSON"),
        ({"input_artifacts": {}}, "'data' is not bound"),
        ({"input_artifacts": {"Data": "{{ params.id }}"}}, "did you mean 'data'"),
        ({"input_artifacts": {"data": "a/b"}}, "'data' is 'a/b', which is no artifact's id"),
        ({"scenario_id": "text-clf"}, "either both ids are needed, or a template"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_does_not_fit_the_template_is_an_import_error(kind, template, change, complaint):
    """A mistyped name is found when the DAG is parsed, without any request."""
    right = {
        "scenario_id": None,
        "executable_id": None,
        "template": template,
        "parameters": {"learning-rate": 1},
        "input_artifacts": {"data": "5dde103a-f7da"},
    }
    with pytest.raises(AICoreInvalidInput, match=complaint):
        _operator(kind, **{**right, **change})
    assert _operator(kind, **right).executable_id == "text-clf-yaml"


def test_what_is_not_known_yet_is_checked_by_its_name_only(kind, template):
    """A value that is rendered, comes from another task, or bindings that do so as a whole, may be right."""
    ids = {"scenario_id": None, "executable_id": None, "template": template}
    data = {"data": "{{ ti.xcom_pull('register') }}"}
    with DAG("training", schedule=None):
        output = _operator(kind).output
        values = ("{{ params.rate }}", output, {"a": output}, ["{% if x %}1{% endif %}"])
        given: list[Any] = [({"learning-rate": value}, data) for value in values]
        given += [(output, output), ("{{ params.all }}", "{{ params.inputs }}")]

        for number, (parameters, inputs) in enumerate(given):
            _operator(kind, **ids, task_id=f"t{number}", parameters=parameters, input_artifacts=inputs)


@pytest.mark.parametrize(("preflight", "told"), [("warn", True), ("off", False)])
def test_the_preflight_says_what_becomes_of_a_template_s_findings(kind, template, preflight, told, capfd):
    """They are logged, or not looked for."""
    _operator(
        kind, scenario_id=None, executable_id=None, template=template, parameters={}, preflight=preflight
    )

    assert ("'learning-rate' is not bound" in capfd.readouterr().out) is told


def test_a_binding_that_does_not_fit_names_its_task(kind, template):
    """Airflow shows an import error without the DAG file's line, and tasks may share a template."""
    with pytest.raises(AICoreInvalidInput, match="task 'second'"):
        _operator(
            kind, scenario_id=None, executable_id=None, template=template, parameters={}, task_id="second"
        )
