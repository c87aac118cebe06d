"""What every request meets: token, resource group, paths, headers, error bodies."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from airflow_provider_aicore.emulator import Options
from tests.emulators import connect


@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer "])
def test_request_without_a_token_is_denied(api, authorization):
    """Without a bearer token the gateway denies access in plain text."""
    answer = api.get("/scenarios", headers={"Authorization": authorization})
    assert (answer.status_code, answer.text) == (403, "RBAC: access denied")


@pytest.mark.parametrize("group", ["foreign", ""])
def test_resource_group_of_nobody_is_denied(api, group):
    """A resource group that the tenant does not have is denied, not answered with 404."""
    answer = api.get("/executions", headers={"AI-Resource-Group": group})
    assert (answer.status_code, answer.text) == (403, "RBAC: access denied")


def test_missing_resource_group_is_denied(api):
    """The header is required, as the description says, although some calls are said to assume ``default``."""
    del api.headers["AI-Resource-Group"]
    assert api.get("/executions").status_code == 403


def test_resource_groups_are_isolated(make_emulator):
    """What is in one resource group cannot be seen, listed or used in another."""
    emulator = make_emulator(resource_groups=("default", "team-a"))
    ours, theirs = connect(emulator), connect(emulator, "team-a")
    artifact_id, configuration_id, execution_id = ours.register(), ours.configure(), ours.start()
    for path in (
        f"/artifacts/{artifact_id}",
        f"/configurations/{configuration_id}",
        f"/executions/{execution_id}",
    ):
        assert theirs.get(path).status_code == 404
    for path in ("/artifacts", "/configurations", "/executions"):
        assert theirs.get(path).json() == {"count": 0, "resources": []}
    assert theirs.post("/executions", json={"configurationId": configuration_id}).status_code == 400


def test_meta_needs_no_resource_group(api):
    """``/lm/meta`` is about the whole API."""
    del api.headers["AI-Resource-Group"]
    answer = api.get("/meta")
    assert answer.status_code == 200
    assert answer.json()["aiApi"]["capabilities"]["bulkUpdates"]["executions"] is True


def test_meta_says_when_there_are_no_bulk_updates(make_emulator):
    """A tenant without bulk PATCH says so."""
    meta = connect(make_emulator(options=Options(bulk_updates=False))).get("/meta").json()
    assert meta["aiApi"]["capabilities"]["bulkUpdates"]["executions"] is False


def test_meta_claims_what_is_there(api):
    """Schedules, deployments with a time to live, logs of both, and files with their limit."""
    meta = api.get("/meta").json()
    capabilities, dataset = meta["aiApi"]["capabilities"], meta["extensions"]["dataset"]
    claimed = ("executionSchedules", "userDeployments", "timeToLiveDeployments", "userExecutions")
    assert all(capabilities[name] is True for name in claimed)
    assert capabilities["logs"] == capabilities["bulkUpdates"] == {"executions": True, "deployments": True}
    assert dataset["limits"]["maxUploadFileSize"] == 100 * 1024 * 1024


def test_health_and_versions(api):
    """The two paths that only SAP's client knows are there, without a resource group."""
    del api.headers["AI-Resource-Group"]
    assert api.get("/healthz").json()["status"] == "READY"
    assert api.get("/meta/versions").json()["versions"][0]["versionId"] == "v2"


def test_error_body_carries_the_request_id_of_the_header(api):
    """The request id in an error is the one in the answer's header, so that it can be quoted."""
    answer = api.get("/executions/e000000000000000")
    error = answer.json()["error"]
    assert error["requestId"] == answer.headers["x-request-id"]
    assert error["target"] == "/v2/lm/executions/e000000000000000"
    assert error["details"] == {}


def test_errors_of_metrics_have_details_as_an_array(api):
    """The tracking service has another error schema than the rest."""
    error = api.get("/metrics", params={"executionIds": "e000000000000000"}).json()["error"]
    assert error["details"] == []


def test_date_comes_from_the_clock(api, clock):
    """The ``Date`` of an answer is the emulator's, so that a client can compare it with ``createdAt``."""
    clock.move(61)
    assert api.get("/meta").headers["date"] == "Fri, 15 Jan 2027 08:01:01 GMT"


def test_date_can_be_ahead_of_the_clock(make_emulator):
    """With a skew the ``Date`` of every answer is wrong, and nothing else."""
    answer = connect(make_emulator(date_skew=90)).get("/meta")
    assert answer.headers["date"] == "Fri, 15 Jan 2027 08:01:30 GMT"


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/configurations/abcd"), ("PUT", "/artifacts"), ("POST", "/executions/$count")],
)
def test_method_that_is_not_there(api, method, path):
    """A path that exists refuses other methods with 405; nobody deletes a configuration."""
    assert api.request(method, path).status_code == 405


def test_path_that_is_not_there(api):
    """An unknown path is 404 with AI Core's error body."""
    answer = api.get("/jobs")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "404")


def test_malformed_id_in_a_path(api):
    """An id that does not match the description's pattern is 400, not 404."""
    answer = api.get("/executions/e!")
    assert answer.status_code == 400
    assert "executionId" in answer.json()["error"]["message"]


def test_half_a_character_is_refused(api):
    """Half a surrogate pair, which JSON can carry and no answer could, is 400 and not a failure later on."""
    body = (
        b'{"name": "a", "kind": "model", "url": "ai://default/a", '
        b'"scenarioId": "text-clf", "description": "%s"}'
    )
    for description, status in ((b"\\ud83d", 400), (b"\\ud83d\\ude00", 201)):
        headers = {"Content-Type": "application/json"}
        assert api.post("/artifacts", content=body % description, headers=headers).status_code == status


def test_unknown_host_cannot_be_reached(emulator):
    """A wrong base URL fails as in reality: there is no connection."""
    client = httpx.Client(transport=emulator.transport())
    with pytest.raises(httpx.ConnectError):
        client.get("https://api.ai.prod.example.com/v2/lm/meta")


def test_requests_are_recorded_without_secrets(emulator, api):
    """Tests can count requests and read their bodies; no token and no secret is kept."""
    emulator.requests.clear()
    api.get("/scenarios", params={"a": "b"})
    api.configure(name="recorded")
    connect(emulator)
    first, second, third = emulator.requests
    assert (first.method, first.path, first.query, first.status) == (
        "GET",
        "/v2/lm/scenarios",
        {"a": "b"},
        200,
    )
    assert second.json["name"] == "recorded"
    assert (third.path, third.json) == ("/oauth/token", None)
    kept = repr(emulator.requests)
    assert emulator.service_key["clientsecret"] not in kept
    assert api.headers["Authorization"] not in kept


def test_only_the_newest_requests_are_kept(make_emulator):
    """A server that stays up does not keep all requests for ever."""
    emulator = make_emulator(kept_requests=2)
    api = connect(emulator)
    api.get("/scenarios")
    api.get("/meta")
    assert [each.path for each in emulator.requests] == ["/v2/lm/scenarios", "/v2/lm/meta"]


async def get_meta(emulator, headers):
    """Read `/lm/meta` asynchronously."""
    async with httpx.AsyncClient(transport=emulator.transport(), headers=headers) as client:
        return await client.get(f"{emulator.url}/v2/lm/meta")


def test_transport_serves_async_clients_too(emulator, api):
    """The same transport works for an asynchronous client."""
    assert asyncio.run(get_meta(emulator, api.headers)).status_code == 200


def test_extreme_input_is_a_bad_request(api):
    """Endless numbers, instants before all time, bottomless JSON and half characters are 400."""
    execution_id = api.start()
    huge = f'{{"executionId": "{execution_id}", "metrics": [{{"name": "loss", "value": 1{"0" * 400}}}]}}'
    half = f'{{"executionId": "{execution_id}", "customInfo": [{{"name": "a", "value": "\\ud800"}}]}}'
    merge_patch = {"Content-Type": "application/merge-patch+json"}
    early = {"start": "0001-01-01T00:00:00+14:00"}
    answers = [
        api.get("/executions", params={"$top": "9" * 5000}),
        api.get(f"/executions/{execution_id}/logs", params=early),
        api.patch("/metrics", content=huge, headers=merge_patch),
        api.patch("/metrics", content="[" * 20_000, headers=merge_patch),
        api.patch("/metrics", content=half, headers=merge_patch),
        api.patch(
            "/metrics", content=half.encode().replace(b"\\ud800", b"\xed\xa0\x80"), headers=merge_patch
        ),
    ]
    assert [each.status_code for each in answers] == [400] * 6
    assert all(each.json()["error"]["message"] for each in answers)


def test_token_request_that_is_no_text(emulator):
    """A body that is not UTF-8 holds no credentials."""
    client = httpx.Client(transport=emulator.transport())
    assert client.post(f"{emulator.service_key['url']}/oauth/token", content=b"\xff").status_code == 401


@pytest.mark.not_as_described("it fails")
def test_failure_of_the_emulator_has_an_error_body(emulator, api, monkeypatch):
    """What nobody foresaw is 500 with AI Core's error body."""
    monkeypatch.setattr(emulator.state, "groups", None)
    answer = api.get("/scenarios")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "500")
