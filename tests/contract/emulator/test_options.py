"""What AI Core leaves open: each option, both ways."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Options, Progress
from tests.emulators import connect


def configuring(api, **fields):
    """Create a configuration and give the status of the answer."""
    body = {
        "name": "train",
        "executableId": "text-clf-train",
        "scenarioId": "text-clf",
        "parameterBindings": [{"key": "learning-rate", "value": "0.1"}],
        "inputArtifactBindings": [{"key": "text-data", "artifactId": api.register()}],
        **fields,
    }
    return api.post("/configurations", json=body).status_code


RATE = {"key": "learning-rate", "value": "0.1"}


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        (
            Options(undeclared_bindings="refuse"),
            {"parameterBindings": [RATE, {"key": "Epochs", "value": "1"}]},
        ),
        (Options(missing_bindings="refuse"), {"parameterBindings": None}),
        (Options(missing_bindings="refuse"), {"inputArtifactBindings": []}),
        (Options(repeated_bindings="refuse"), {"parameterBindings": [RATE, RATE]}),
        (
            Options(foreign_artifacts="refuse"),
            {"inputArtifactBindings": [{"key": "text-data", "artifactId": "none"}]},
        ),
    ],
)
def test_bindings_that_do_not_fit_are_refused_if_the_option_says_so(make_emulator, options, fields):
    """By default AI Core is taken to look at the executable only; told to refuse, what is wrong is 400."""
    lax, strict = connect(make_emulator()), connect(make_emulator(options=options))
    assert (configuring(lax, **fields), configuring(strict, **fields)) == (201, 400)
    assert configuring(strict) == 201


def test_artifact_of_another_scenario_is_foreign(make_emulator):
    """That it is there does not help."""
    emulator = make_emulator(options=Options(foreign_artifacts="refuse"))
    emulator.add_executable("other-scenario", "other-train")
    api = connect(emulator)
    foreign = [{"key": "text-data", "artifactId": api.register(scenarioId="other-scenario")}]
    assert configuring(api, inputArtifactBindings=foreign) == 400


@pytest.mark.parametrize(
    ("repeated", "values", "tags"), [("append", [1, 2], ["a", "b"]), ("replace", [2], ["b"])]
)
def test_second_report_of_metrics(make_emulator, repeated, values, tags):
    """It adds to the first one, or takes its place list by list."""
    api = connect(make_emulator(options=Options(repeated_metrics=repeated)))
    execution_id = api.start()
    for tag, value in (("a", 1), ("b", 2)):
        body = {
            "executionId": execution_id,
            "metrics": [{"name": "loss", "value": value}],
            "tags": [{"name": tag, "value": "x"}],
        }
        api.patch("/metrics", json=body).raise_for_status()
    api.patch("/metrics", json={"executionId": execution_id}).raise_for_status()
    (read,) = api.get("/metrics", params={"executionIds": execution_id}).json()["resources"]
    assert [each["value"] for each in read["metrics"]] == values
    assert [each["name"] for each in read["tags"]] == tags


@pytest.mark.parametrize(("logs", "status"), [("not_found", 404), ("empty", 200)])
def test_logs_before_the_start(make_emulator, logs, status):
    """They are not found, or empty."""
    api = connect(make_emulator(options=Options(logs_before_start=logs)))
    assert api.get(f"/executions/{api.start()}/logs").status_code == status


def test_optional_fields_may_be_null(make_emulator):
    """Instead of being absent, in single answers and in lists; fields that are not optional do not change."""
    options, progress = Options(null_fields=True), Progress.stuck()
    api, plain = (
        connect(make_emulator(options=options, progress=progress)),
        connect(make_emulator(progress=progress)),
    )
    read, usual = (each.get(f"/executions/{each.start()}").json() for each in (api, plain))
    nulls = {"submissionTime", "startTime", "completionTime", "outputArtifacts", "executionScheduleId"}
    assert {name for name, value in read.items() if value is None} == nulls | {"statusDetails"}
    assert set(read) - set(usual) == nulls | {"statusDetails"}
    (item,) = api.get("/executions").json()["resources"]
    assert {name for name, value in item.items() if value is None} == nulls


def test_answers_may_have_an_unknown_field(make_emulator):
    """In the answer and in what is listed in it, but not inside of what has no form of its own."""
    progress = Progress.at_once("DEAD", details={"a": {"b": None}})
    api = connect(make_emulator(options=Options(extra_field=True, null_fields=True), progress=progress))
    read = api.get(f"/executions/{api.start()}").json()
    listed = api.get("/executions").json()
    usual = {"count", "resources"}
    (new,) = set(listed) - usual
    assert new in read
    assert new in listed["resources"][0]
    assert read["statusDetails"] == {"a": {"b": None}}


@pytest.mark.parametrize("area", ["resourceGroups", "secrets", "applications"])
def test_answers_to_administrators_vary_as_well(make_emulator, area):
    """Each thing in their lists has the unknown field, and null where a field has no value."""
    emulator = make_emulator(options=Options(extra_field=True, null_fields=True))
    admin = connect(emulator)
    admin.base_url = f"{emulator.url}/v2/admin"
    application = {"applicationName": "all", "repositoryUrl": "https://a.test", "revision": "a", "path": "."}
    for path, body in (("/secrets", {"name": "a", "data": {}}), ("/applications", application)):
        admin.post(path, json=body).raise_for_status()
    listed = admin.get(f"/{area}").json()
    (new,) = set(listed) - {"count", "resources"}
    assert new in listed["resources"][0]
    assert listed["resources"][0].get("labels", []) == (None if area == "secrets" else [])


def test_order_of_lists_may_be_shuffled(make_emulator):
    """With a seed the items come in another order each time, none lost; the same seed does the same again."""
    orders = []
    for seed in (1, 1, None):
        emulator = make_emulator(options=Options(list_order_seed=seed))
        for number in range(8):
            emulator.add_executable("text-clf", f"text-clf-{number}")
        api, path = connect(emulator), "/scenarios/text-clf/executables"
        orders.append([[each["id"] for each in api.get(path).json()["resources"]] for _ in range(2)])
    first, second, plain = orders
    assert first == second
    assert first[0] != first[1]
    assert plain[0] == plain[1]
    assert set(plain[0]) == set(first[0])
