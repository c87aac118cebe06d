"""Registering and finding artifacts."""

from __future__ import annotations

import pytest

LABEL = "ext.ai.sap.com/airflow-run"


def labelled(value, key=LABEL):
    """Make a list with one label."""
    return [{"key": key, "value": value}]


def found(api, **filters):
    """Give the ids that a list with these filters has."""
    return {
        each["id"] for each in api.get("/artifacts", params=filters).raise_for_status().json()["resources"]
    }


def test_registered_artifact_can_be_read(api):
    """What is registered comes back with its id, its times and the fields that were given, and no others."""
    body = {"name": "data", "kind": "dataset", "url": "ai://default/data", "scenarioId": "text-clf"}
    answer = api.post("/artifacts", json=body)
    created = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"].endswith(f"/v2/lm/artifacts/{created['id']}")
    assert created == {"id": created["id"], "message": "Artifact acknowledged", "url": "ai://default/data"}
    times = {"createdAt": "2027-01-15T08:00:00Z", "modifiedAt": "2027-01-15T08:00:00Z"}
    assert api.get(f"/artifacts/{created['id']}").json() == {"id": created["id"], **body, **times}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "ä"),
        ("name", "x" * 257),
        ("name", None),
        ("kind", "file"),
        ("url", "no-scheme"),
        ("url", "ai://" + "x" * 1024),
        ("description", "x" * 5001),
        ("scenarioId", "a b c d"),
        ("scenarioId", "nowhere"),
        ("labels", labelled("v", key="other/key")),
        ("labels", labelled("x" * 5001)),
        ("labels", "none"),
    ],
)
def test_bad_field_is_refused_by_name(api, field, value):
    """A field that breaks a pattern or limit of the description is 400 and named."""
    body = {
        "name": "data",
        "kind": "dataset",
        "url": "ai://default/data",
        "scenarioId": "text-clf",
        field: value,
    }
    answer = api.post("/artifacts", json=body)
    assert answer.status_code == 400
    expected = {"labels": ("labels", "key", "value")}.get(field, (field,))
    assert answer.json()["error"]["message"].startswith(expected)


def test_what_is_at_a_limit_is_allowed(api):
    """The longest values, the tenth label expression and the largest page are still good."""
    api.register(
        name="x" * 256, url="ai://" + "x" * 1019, description="x" * 5000, labels=labelled("x" * 5000)
    )
    assert found(api, **{"$search": "x" * 80, "$top": 100_000})
    assert found(api, **{"$search": "x"})
    assert found(api, artifactLabelSelector=",".join([f"{LABEL}!=1"] * 10))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null"])
def test_body_that_is_no_object_is_refused(api, content):
    """A body that is not a JSON object is 400."""
    answer = api.post("/artifacts", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_other_content_type_is_refused(api):
    """A body of another type is 400, also if it would be JSON."""
    answer = api.post("/artifacts", content=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400


def test_filters_narrow_the_list(api):
    """Each filter leaves only what fits it, name being compared as a whole."""
    data = api.register(name="data")
    model = api.register(name="data-model", kind="model")
    assert found(api, name="data") == {data}
    assert found(api, kind="model") == {model}
    assert found(api, scenarioId="text-clf") == {data, model}
    assert found(api, scenarioId="other-scenario") == set()
    assert found(api, executionId="e000000000000000") == set()


def test_search_looks_into_name_and_description(api):
    """``$search`` finds parts of the name or description, by case unless told otherwise."""
    by_name, by_description = api.register(name="Reviews"), api.register(description="all Reviews of May")
    assert found(api, **{"$search": "Review"}) == {by_name, by_description}
    assert found(api, **{"$search": "review"}) == set()
    for true in ("true", "True"):  # SAP's SDK sends the second one.
        assert found(api, **{"$search": "review", "searchCaseInsensitive": true}) == {by_name, by_description}


@pytest.mark.parametrize("search", ["", "a~b", "x" * 81])
def test_search_outside_its_limits_is_refused(api, search):
    """``$search`` takes 1 to 80 characters and no tilde."""
    assert api.get("/artifacts", params={"$search": search}).status_code == 400


def test_label_selector(api):
    """Expressions on labels are joined by AND; ``!=`` passes only what has the label."""
    first = api.register(labels=[*labelled("1"), *labelled("a,b", key="ext.ai.sap.com/list")])
    second = api.register(labels=labelled("2"))
    api.register()
    assert found(api, artifactLabelSelector=f"{LABEL}=1") == {first}
    assert found(api, artifactLabelSelector=f"{LABEL}!=1") == {second}
    assert found(api, artifactLabelSelector=f"{LABEL}=1,ext.ai.sap.com/list=a{{comma}}b") == {first}
    assert found(api, artifactLabelSelector=f"{LABEL}=2,ext.ai.sap.com/list=a{{comma}}b") == set()


@pytest.mark.parametrize("selector", ["key=1", f"{LABEL}", ",".join([f"{LABEL}=1"] * 11)])
def test_bad_label_selector_is_refused(api, selector):
    """An expression on a foreign key, without a value, or an eleventh one is 400."""
    assert api.get("/artifacts", params={"artifactLabelSelector": selector}).status_code == 400


def test_count_is_a_bare_number_and_ignores_pages(api):
    """``$count`` answers plain text, for all that passes the filters."""
    for _ in range(3):
        api.register()
    answer = api.get("/artifacts/$count", params={"kind": "dataset"})
    assert (answer.text, answer.headers["content-type"]) == ("3", "text/plain")


def test_count_in_a_list_is_that_of_the_page(api):
    """``count`` says how many items are in the answer; pages do not overlap and end."""
    everything = {api.register() for _ in range(5)}
    pages = [api.get("/artifacts", params={"$top": 2, "$skip": skip}).json() for skip in (0, 2, 4, 6)]
    assert [page["count"] for page in pages] == [2, 2, 1, 0]
    assert {each["id"] for page in pages for each in page["resources"]} == everything


@pytest.mark.parametrize("parameters", [{"$top": 100_001}, {"$top": "x"}, {"$skip": -1}])
def test_bad_page_is_refused(api, parameters):
    """``$top`` ends at 100000, and both are whole numbers."""
    assert api.get("/artifacts", params=parameters).status_code == 400


def test_parameters_without_their_dollar_are_ignored(api):
    """``top`` without ``$`` has no effect, as it seems to be on AI Core."""
    for _ in range(2):
        api.register()
    assert api.get("/artifacts", params={"top": 1}).json()["count"] == 2


def test_expand_adds_the_scenario(api):
    """``$expand=scenario`` puts the scenario into the artifact, in lists as well."""
    artifact_id = api.register()
    expand = {"$expand": "scenario"}
    assert api.get(f"/artifacts/{artifact_id}", params=expand).json()["scenario"]["id"] == "text-clf"
    assert api.get("/artifacts", params=expand).json()["resources"][0]["scenario"]["id"] == "text-clf"
    assert api.get("/artifacts", params={"$expand": "everything"}).status_code == 400


@pytest.mark.parametrize("name", ["x" * 257, "ä"])
def test_filter_by_a_name_that_no_artifact_can_have_is_refused(api, name):
    """The filter has the limits of the field."""
    assert api.get("/artifacts", params={"name": name}).status_code == 400
