"""Bindings with a mistake, and right ones however odd, against executables of the emulator."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aicore.api import artifacts, ensure, preflight
from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.reading import nothing
from airflow_provider_aicore.emulator import Answer
from airflow_provider_aicore.emulator.definitions import ArtifactSlot, Executable, Parameter, Scenario
from tests.emulators import connect

TRAIN: dict[str, Any] = {
    "scenario_id": "travel",
    "executable_id": "travel-train",
    "parameters": {"learning-rate": 0.1},
    "input_artifacts": {"text-data": "<data>", "base-model": "<model>"},
}
PLAIN: dict[str, Any] = {
    "scenario_id": "travel",
    "executable_id": "travel-plain",
    "parameters": {},
    "input_artifacts": {},
}
ARTIFACTS: dict[str, dict[str, Any]] = {
    "<data>": {},
    "<more>": {"labels": {"ext.ai.sap.com/set": "a, b = ü"}},
    "<model>": {"kind": "model", "url": "ai://default/models/base.bin"},
    "<result>": {"kind": "resultset"},
    "<other>": {"kind": "other"},
    "<long>": {"name": "n" * 256, "url": "ai://default/" + "x" * 1000},
    "<secret>": {"url": "ai://my-secret/data"},
    "<foreign>": {"scenario_id": "churn"},
    "<foreign model>": {"scenario_id": "churn", "kind": "model"},
    "<slash>": {"url": "ai://default/data/"},
    "<bucket>": {"url": "s3://bucket/data"},
    "<unknown secret>": {"url": "ai://nowhere/data"},
}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def known(client, emulator):
    """Stage executables, secrets and artifacts; return the artifacts' ids by the names above."""
    at = emulator.state.now()

    def add(scenario_id, executable_id, name, **fields):
        executable = Executable(executable_id, scenario_id, name, **{"created_at": at, **fields})
        emulator.state.add_executable(executable, Scenario(scenario_id, f"{scenario_id}-scenario", at))

    add(
        "travel",
        "travel-train",
        "travel-classifier",
        parameters=(
            Parameter("learning-rate"),
            Parameter("epochs", "10"),
            Parameter("Model.Name", "base"),
            Parameter("note", ""),
            Parameter("größe", "1"),
        ),
        input_artifacts=(ArtifactSlot("text-data", "dataset"), ArtifactSlot("base-model", "model")),
        output_artifacts=(ArtifactSlot("text-model", "model"),),
    )
    add("travel", "travel-plain", "plain", parameters=(Parameter("a", "1"), Parameter("A", "2")))
    add("travel", "travel-any", "any", input_artifacts=(ArtifactSlot("anything"),))
    add("travel", "travel-serve", "serve", deployable=True)
    add("travel", "travel-broken", "broken", created_at=0.0)
    add("churn", "churn-train", "churn")
    for name in ("default", "my-secret"):
        secret = {"name": name, "type": "S3", "data": {"AWS_ACCESS_KEY_ID": "x"}}
        client.send(Call("POST", "/admin/objectStoreSecrets", nothing, json=secret))
    common = {"name": "data", "kind": "dataset", "url": "ai://default/data", "scenario_id": "travel"}
    ids = {name: client.send(artifacts.create(**{**common, **its})).id for name, its in ARTIFACTS.items()}
    return {**ids, "<other group>": connect(emulator, "team-a").register(scenarioId="travel")}


@pytest.fixture
def check(client, known, retry):
    """Return a function that checks bindings."""

    def check(given, **options):
        ids = {name: known.get(each, each) for name, each in given["input_artifacts"].items()}
        bindings = ensure.Bindings.of(**{**given, "input_artifacts": ids})
        return client.run(preflight.check(bindings, retry, **options))

    return check


def train(parameters=None, input_artifacts=None, **ids):
    """Give the right bindings with some changed; one of ``None`` is left out."""
    parameters = {**TRAIN["parameters"], **(parameters or {})}
    inputs = {**TRAIN["input_artifacts"], **(input_artifacts or {})}
    return {
        **TRAIN,
        "parameters": {name: value for name, value in parameters.items() if value is not None},
        "input_artifacts": {name: value for name, value in inputs.items() if value is not None},
        **ids,
    }


GONE = {"learning-rate": None}
NO_DATA = {"text-data": None}
# What is given, and for each problem whether it is an error and words that tell it.
MISTAKES: list[tuple[dict[str, Any], list[tuple[bool, str]]]] = [
    # ids
    (train(scenario_id="travl"), [(True, "no scenario 'travl'. Did you mean 'travel'?")]),
    (train(scenario_id="Travel"), [(True, "no scenario 'Travel'. Did you mean 'travel'?")]),
    (train(scenario_id="travel-scenario"), [(True, "display name of 'travel': give that id")]),
    (train(scenario_id="zzzz"), [(True, "no scenario 'zzzz'. There are: churn, text-clf, travel.")]),
    (train(executable_id="travel-trian"), [(True, "Did you mean 'travel-train'?")]),
    (train(executable_id="Travel-Train"), [(True, "Did you mean 'travel-train'?")]),
    (train(executable_id="travel_train"), [(True, "Did you mean 'travel-train'?")]),
    (train(executable_id="travel-classifier"), [(True, "display name of 'travel-train': give that id")]),
    (train(executable_id="Travel-Classifier"), [(True, "display name of 'travel-train': give that id")]),
    (train(executable_id="churn-train"), [(True, "no executable 'churn-train' in scenario 'travel'")]),
    (train(executable_id="zzzz"), [(True, "There are: travel-any, travel-broken, travel-plain")]),
    # what cannot be run
    ({**PLAIN, "executable_id": "travel-serve"}, [(True, "for deployments")]),
    ({**PLAIN, "executable_id": "travel-broken"}, [(True, "failed to sync")]),
    # parameters
    (train(GONE), [(True, "parameter 'learning-rate' is not bound and has no default")]),
    (train({**GONE, "Learning-Rate": 1}), [(True, "did you mean 'learning-rate'? A name has to match")]),
    (train({**GONE, "LEARNING-RATE": 1}), [(True, "did you mean 'learning-rate'? A name has to match")]),
    (train({**GONE, " learning-rate": 1}), [(True, "did you mean 'learning-rate'? A name has to match")]),
    (train({**GONE, "learning_rate": 1}), [(True, "did you mean 'learning-rate', which is needed and")]),
    (train({**GONE, "learning.rate": 1}), [(True, "did you mean 'learning-rate', which is needed and")]),
    (train({**GONE, "learnig-rate": 1}), [(True, "did you mean 'learning-rate', which is needed and")]),
    (train({**GONE, "learning rate": 1}), [(True, "did you mean 'learning-rate', which is needed and")]),
    (train({"Epochs": 1}), [(True, "'Epochs' is not declared by the executable; did you mean 'epochs'?")]),
    (train({"epochs": 1, "EPOCHS": 2}), [(True, "'EPOCHS' is not declared by the executable; did you")]),
    (train({"model.name": "x"}), [(True, "did you mean 'Model.Name'? A name has to match")]),
    (train({"epochs ": 1}), [(True, "did you mean 'epochs'? A name has to match")]),
    (train({"epoch": 1}), [(False, "executable; did you mean 'epochs'?")]),
    (train({"MODEL_NAME": "x"}), [(False, "executable; did you mean 'Model.Name'?")]),
    (train({"model-name": "x"}), [(False, "executable; did you mean 'Model.Name'?")]),
    (train({"grösse": 1}), [(True, "did you mean 'größe'?")]),
    (train({"batch-size": 1}), [(False, "'batch-size' is not declared by the executable. It declares")]),
    (train({"epochs": 1, "epoch": 2}), [(False, "'epoch' is not declared by the executable. It declares")]),
    ({**PLAIN, "scenario_id": "churn", "executable_id": "churn-train", "parameters": {"x": 1}},
     [(False, "It declares none")]),
    (train({"text-data": "x"}, NO_DATA), [(True, "as one, but as input artifact")]),
    (train({"text-data": "x"}), [(False, "'text-data' is not declared by the executable. It declares")]),
    # input artifacts
    (train(None, NO_DATA), [(True, "input artifact 'text-data' is not bound: give it in `input_artifacts`")]),
    (train(None, {**NO_DATA, "Text-Data": "<data>"}), [(True, "did you mean 'text-data'? A name has to")]),
    (train(None, {**NO_DATA, "text_data": "<data>"}), [(True, "did you mean 'text-data', which is needed")]),
    (train(None, {**NO_DATA, "txt-data": "<data>"}), [(True, "did you mean 'text-data', which is needed")]),
    (train(None, {"extra": "<data>"}), [(False, "input artifact 'extra' is not declared")]),
    (train(None, {"epochs": "<data>"}), [(True, "as one, but as parameter")]),
    (train(None, {"text-data": UNKNOWN}), [(True, f"bound to {UNKNOWN}, which is no artifact of this")]),
    (train(None, {"text-data": "<other group>"}), [(True, "which is no artifact of this resource group")]),
    (train(None, {"text-data": "<model>"}), [(True, "of kind 'model', but the executable wants 'dataset'")]),
    (train(None, {"base-model": "<data>"}), [(True, "of kind 'dataset', but the executable wants 'model'")]),
    (train(None, {"text-data": "<result>"}), [(True, "of kind 'resultset', but the executable wants")]),
    (train(None, {"text-data": "<other>"}), [(True, "of kind 'other', but the executable wants 'dataset'")]),
    (train(None, {"text-data": "<foreign>"}), [(False, "of another scenario, 'churn'")]),
    (train(None, {"text-data": "<slash>"}), [(False, "'ai://default/data/': its slash at the end")]),
    (train(None, {"text-data": "<bucket>"}), [(False, "AI Core reads ai://<object store secret>/<path>")]),
    # several at once
    (
        train({**GONE, "epoch": 1}, {"text-data": "<model>", "base-model": UNKNOWN}),
        [
            (True, "'learning-rate' is not bound"),
            (True, "of kind 'model'"),
            (True, "which is no artifact"),
            (False, "did you mean 'epochs'?"),
        ],
    ),
    (
        train(None, {"text-data": "<foreign model>", "base-model": None}),
        [(True, "'base-model' is not bound"), (True, "of kind 'model'"), (False, "of another scenario")],
    ),
    (
        train(None, {"text-data": UNKNOWN}, executable_id="travel-trian"),
        [(True, "Did you mean 'travel-train'?"), (True, "which is no artifact of this resource group")],
    ),
]  # fmt: skip
RIGHT: list[dict[str, Any]] = [
    train(),
    *[
        train({"learning-rate": value})
        for value in (
            0, 1, -1, 10**30, 0.001, 1e-05, -0.0, 1e300, True, False, "", " ", "  padded  ", "x" * 5000,
            "0.1", "None", "null", "{{x}}", "line\nbreak", "tab\t", "ü€😀", "日本語", '"quoted"', "'",
            "a=b&c=d;e", "--flag", "$(HOME)", "%20", "\\", [], {}, [1, 2, 3], {"a": {"b": [None, True]}},
            ("a", "tuple"), '{"already": "json"}', "ai://default/looks/like/a/url",
        )
    ],
    train({"epochs": 20}),
    train({"epochs": "20", "Model.Name": "large", "note": "", "größe": 2}),
    train({"größe": "ü"}),
    train(None, {"text-data": "<more>"}),
    train(None, {"text-data": "<long>"}),
    train(None, {"text-data": "<secret>"}),
    PLAIN,
    {**PLAIN, "parameters": {"a": 1}},
    {**PLAIN, "parameters": {"a": 1, "A": 2}},
    *[
        {**PLAIN, "executable_id": "travel-any", "input_artifacts": {"anything": each}}
        for each in ("<data>", "<model>", "<result>", "<other>", "<more>")
    ],
    {**PLAIN, "scenario_id": "churn", "executable_id": "churn-train"},
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_found_and_named(check, given, expected):
    """Each one is told once, with what to do; errors before warnings."""
    problems = check(given)

    assert [problem.is_error for problem in problems] == [is_error for is_error, _ in expected], problems
    for problem, (_, words) in zip(problems, expected, strict=True):
        assert words in problem.text


@pytest.mark.parametrize("given", RIGHT, ids=range(len(RIGHT)))
def test_what_is_right_is_passed_with_at_most_two_requests(check, emulator, known, given):
    """However odd it looks; the second request is for artifacts, so many as there may be."""
    before = len(emulator.requests)

    assert check(given) == []

    paths = [one.path.removeprefix("/v2/lm/") for one in emulator.requests[before:]]
    read = f"scenarios/{given['scenario_id']}/executables/{given['executable_id']}"
    bound = list(given["input_artifacts"].values())
    several = {0: [], 1: [f"artifacts/{known.get(bound[0])}" if bound else ""], 2: ["artifacts"]}
    assert paths == [read, *several[len(bound)]]
    assert check(given, thorough=True) == []


def test_the_tables_are_as_long_as_they_are_said_to_be():
    """Forty mistakes and forty right ones at least, each once."""
    for table in (MISTAKES, RIGHT):
        assert len({repr(each) for each in table}) == len(table) >= 40


def test_a_thorough_check_looks_for_the_secrets_too(client, check, known):
    """Those that the URLs name, and the one that outputs are stored with; an ordinary one asks for none."""
    given = train(None, {"text-data": "<unknown secret>"})
    client.send(Call("DELETE", "/admin/objectStoreSecrets/default", nothing))

    assert check(given) == []

    problems = check(given, thorough=True)
    assert [problem.is_error for problem in problems] == [False, False]
    assert "no object store secret 'default', which" in problems[0].text
    assert "no object store secret 'nowhere', which an input artifact's URL names" in problems[1].text


def test_an_artifact_that_the_list_does_not_show_is_read_by_itself(check, emulator, known):
    """A list may lag behind, and holds a thousand at most; what is not in it may be there."""
    emulator.faults.add(Answer(200, json={"count": 0, "resources": []}), path="/lm/artifacts$")
    before = len(emulator.requests)

    assert check(train()) == []

    paths = [one.path.removeprefix("/v2/lm/") for one in emulator.requests[before + 1 :]]
    assert paths == ["artifacts", f"artifacts/{known['<data>']}", f"artifacts/{known['<model>']}"]
