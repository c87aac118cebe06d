"""Tracking metrics, tags and custom info."""

from __future__ import annotations

import httpx
import pytest

LOSS = {"name": "loss", "value": 0.39, "timestamp": "2026-12-03T06:23:57.945336Z", "step": 0}


@pytest.fixture
def execution(api):
    """Start an execution and give its id."""
    return api.start()


def track(api, execution_id, **parts):
    """Send a report."""
    return api.patch("/metrics", json={"executionId": execution_id, **parts})


def tags(**values):
    """Make a list of names and values."""
    return [{"name": name, "value": value} for name, value in values.items()]


def found(api, **parameters):
    """Give what a query has."""
    answer = api.get("/metrics", params=parameters).raise_for_status().json()
    assert answer["count"] == len(answer["resources"])
    return answer["resources"]


def test_tracked_values_can_be_read(api, execution):
    """PATCH answers 204 without a body; GET gives all parts, labels as a list."""
    answer = track(api, execution, metrics=[LOSS], tags=tags(run="1"), customInfo=tags(matrix="[]"))
    assert (answer.status_code, answer.content) == (204, b"")
    (resource,) = found(api, executionIds=execution)
    assert resource["metrics"] == [{**LOSS, "labels": []}]
    assert (resource["tags"], resource["customInfo"]) == (tags(run="1"), tags(matrix="[]"))


def test_metric_without_a_time_gets_the_present(api, execution):
    """A missing or null timestamp is filled in, a missing step stays away."""
    track(api, execution, metrics=[{"name": "Error Rate", "value": 1, "timestamp": None, "step": None}])
    (metric,) = found(api, executionIds=execution)[0]["metrics"]
    assert metric == {"name": "Error Rate", "value": 1, "timestamp": "2027-01-15T08:00:00Z", "labels": []}


def test_second_report_appends_metrics_and_replaces_tags(api, execution):
    """Metrics add up; a tag or custom info of the same name is replaced."""
    track(api, execution, metrics=[LOSS], tags=tags(run="1", model="a"))
    track(api, execution, metrics=[LOSS], tags=tags(run="2"))
    (resource,) = found(api, executionIds=execution)
    assert len(resource["metrics"]) == 2
    assert resource["tags"] == tags(run="2", model="a")


def test_merge_patch_is_taken_too(api, execution):
    """The content type that the description demands works as plain JSON does."""
    answer = api.patch(
        "/metrics",
        content=f'{{"executionId": "{execution}"}}',
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status_code == 204


@pytest.mark.parametrize(
    "parts",
    [
        {"executionId": ""},
        {"executionId": "e000000000000000"},
        {"metrics": [{"name": "loss"}]},
        {"metrics": [{"name": "loss", "value": "0.39"}]},
        {"metrics": [{"name": "loss", "value": True}]},
        {"metrics": [{"name": "", "value": 1}]},
        {"metrics": [{"name": "x" * 257, "value": 1}]},
        {"metrics": [{**LOSS, "step": -1}]},
        {"metrics": [{**LOSS, "step": 1.5}]},
        {"metrics": [{**LOSS, "timestamp": "now"}]},
        {"metrics": [{**LOSS, "labels": tags(**{f"l{number}": "v" for number in range(21)})}]},
        {"metrics": [{**LOSS, "labels": [{"name": "", "value": "v"}]}]},
        {"tags": [{"name": "run", "value": ""}]},
        {"tags": [{"name": "run", "value": "x" * 257}]},
        {"customInfo": [{"name": "matrix", "value": {}}]},
    ],
)
def test_bad_report_is_refused(api, execution, parts):
    """What breaks the description, or names no execution, is 400 and leaves nothing behind."""
    assert track(api, **{"execution_id": execution, **parts}).status_code == 400
    assert api.get("/metrics", params={"executionIds": execution}).status_code == 404


def test_value_that_json_does_not_know_is_refused(api, execution):
    """NaN is no number of JSON, although Python's parser takes it."""
    content = f'{{"executionId": "{execution}", "metrics": [{{"name": "loss", "value": NaN}}]}}'
    answer = api.patch("/metrics", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "parts",
    [
        {"metrics": [LOSS] * 1001},
        {"tags": tags(**{f"t{number}": "v" for number in range(101)})},
        {"customInfo": tags(**{f"c{number}": "v" for number in range(101)})},
        {"customInfo": tags(matrix="x" * 5_000_001)},
    ],
)
def test_too_much_is_refused(api, execution, parts):
    """More than AI Core keeps for an execution is 413 with its code."""
    answer = track(api, execution, **parts)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "02000005")


def test_limit_holds_over_reports(api, execution):
    """The limits are those of the execution, not of one report."""
    assert track(api, execution, metrics=[LOSS] * 1000).status_code == 204
    assert track(api, execution, metrics=[LOSS]).status_code == 413
    assert len(found(api, executionIds=execution)[0]["metrics"]) == 1000


def test_execution_without_metrics_is_not_found(api, execution):
    """Asking by id for what was never tracked is 404 with AI Core's code."""
    answer = api.get("/metrics", params={"executionIds": execution})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "02010055")


def test_what_is_at_a_limit_is_allowed(api, execution):
    """The longest names and values and the twentieth label are still good."""
    labels = [{"name": "n" * 256, "value": "v" * 256}] * 20
    metric = {**LOSS, "name": "x" * 256, "labels": labels}
    assert track(api, execution, metrics=[metric], tags=labels[:1]).status_code == 204


def test_many_executions_in_one_call(api):
    """Up to ten ids are asked for at once; those without metrics are left out."""
    first, second, third = api.start(), api.start(), api.start()
    for each in (first, second):
        track(api, each, metrics=[LOSS])
    resources = found(api, executionIds=f"{first},{second},{third}")
    assert {each["executionId"] for each in resources} == {first, second}
    assert api.get("/metrics", params={"executionIds": ",".join([first] * 11)}).status_code == 400


def test_select_leaves_parts(api, execution):
    """``$select`` leaves the parts that are named; ``*`` is all of them."""
    track(api, execution, metrics=[LOSS])
    (only_tags,) = found(api, executionIds=execution, **{"$select": "tags"})
    assert "tags" in only_tags
    assert "metrics" not in only_tags
    (everything,) = found(api, executionIds=execution, **{"$select": "*"})
    assert {"metrics", "tags", "customInfo"} <= set(everything)
    assert api.get("/metrics", params={"executionIds": execution, "$select": "labels"}).status_code == 400


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("run=1", True),
        ("run=2", False),
        ("run!=2", True),
        ("run!=1", False),
        ("run", True),
        ("other", False),
        ("other!=1", False),
        ("run=1,model=a", True),
        ("run=1,model=b", False),
        ("odd=a%2Cb%3D", True),
    ],
)
def test_tag_filters(api, execution, expression, fits):
    """Expressions on tags are joined by AND; special characters are encoded once more."""
    track(api, execution, tags=tags(run="1", model="a", odd="a,b="))
    assert bool(found(api, tagFilters=expression)) is fits


def test_a_hundred_tag_filters_are_allowed(api, execution):
    """The hundredth expression is the last one."""
    track(api, execution, tags=tags(run="1"))
    assert found(api, tagFilters=",".join(["run"] * 100))


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("executionId eq '{id}'", True),
        ("executionId in ('e000000000000000', '{id}')", True),
        ("executionId eq 'x'", False),
    ],
)
def test_deprecated_filter(api, execution, expression, fits):
    """``$filter`` still selects by id, with ``eq`` and ``in``."""
    track(api, execution, tags=tags(run="1"))
    answer = api.get("/metrics", params={"$filter": expression.format(id=execution)})
    assert (answer.status_code == 200) is fits


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"$filter": "executionId gt 'x'"},
        {"$filter": "executionId eq 'e000000000000000'", "executionIds": "e000000000000000"},
        {"tagFilters": "a,,b"},
        {"tagFilters": ",".join(["a"] * 101)},
        {"tagFilters": "x" * 5001},
        {"tagFilters": "a", "$top": 10_001},
    ],
)
def test_bad_query_is_refused(api, parameters):
    """One way to select is needed, only one by id, and all within the limits."""
    assert api.get("/metrics", params=parameters).status_code == 400


def test_deleted_metrics_are_gone(api, execution):
    """DELETE answers with the id; a second one, and a read, are 404."""
    track(api, execution, metrics=[LOSS])
    answer = api.delete("/metrics", params={"executionId": execution})
    assert (answer.status_code, answer.json()["id"]) == (200, execution)
    assert api.delete("/metrics", params={"executionId": execution}).status_code == 404
    assert api.get("/metrics", params={"executionIds": execution}).status_code == 404


def test_running_execution_tracks_without_a_token(emulator, api, execution):
    """The tracking endpoint takes the same body from inside an execution, without a token."""
    inside = httpx.Client(transport=emulator.transport(), base_url=emulator.url)
    answer = inside.patch("/api/v1/metrics", json={"executionId": execution, "metrics": [LOSS]})
    assert answer.status_code == 204
    assert len(found(api, executionIds=execution)[0]["metrics"]) == 1
    unknown = inside.patch("/api/v1/metrics", json={"executionId": "e000000000000000", "metrics": [LOSS]})
    assert unknown.status_code == 404
    assert inside.get("/api/v1/metrics").status_code == 405
