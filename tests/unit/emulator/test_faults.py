"""Scripted trouble."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from airflow_provider_aicore.emulator import (
    Answer,
    BodyCut,
    ClockSkew,
    ConnectionLost,
    MalformedJson,
    NoConnection,
    RetryAfterDate,
    SlowAnswer,
    credentials_refused,
    server_error,
    token_refused,
    too_many_requests,
    unavailable,
)


def codes(api, path, times):
    """Ask several times and give the status codes."""
    return [api.get(path).status_code for _ in range(times)]


def test_fault_strikes_once_unless_told_otherwise(emulator, api):
    """A fault strikes the next matching request and no other."""
    emulator.faults.add(unavailable(), path="/scenarios$")
    assert codes(api, "/scenarios", 2) == [503, 200]


def test_nth_and_times_choose_requests(emulator, api):
    """A fault waits for its request, and strikes as many in a row as was said."""
    emulator.faults.add(unavailable(), path="/scenarios$", nth=2, times=2)
    assert codes(api, "/scenarios", 5) == [200, 503, 503, 200, 200]


def test_fault_without_end(emulator, api):
    """``times=None`` strikes for ever, until the faults are cleared."""
    emulator.faults.add(unavailable(), times=None)
    assert codes(api, "/scenarios", 3) == [503] * 3
    emulator.faults.clear()
    assert codes(api, "/scenarios", 1) == [200]


def test_faults_strike_one_after_the_other(emulator, api):
    """Two faults for the same path make a sequence."""
    emulator.faults.add(too_many_requests(), path="/scenarios$")
    emulator.faults.add(unavailable(), path="/scenarios$")
    assert codes(api, "/scenarios", 3) == [429, 503, 200]


def test_method_and_path_have_to_fit(emulator, api):
    """A fault for another method or path strikes nothing."""
    emulator.faults.add(unavailable(), method="POST", path="/executions$")
    assert codes(api, "/executions", 1) == [200]
    assert api.post("/executions", json={"configurationId": api.configure()}).status_code == 503


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [(3, "3"), (None, None), (datetime(2027, 1, 15, 8, 0, 3, tzinfo=UTC), "Fri, 15 Jan 2027 08:00:03 GMT")],
)
def test_retry_after_in_both_forms(emulator, api, retry_after, header):
    """``Retry-After`` comes in seconds, as a date, or not at all."""
    emulator.faults.add(too_many_requests(retry_after))
    assert api.get("/scenarios").headers.get("Retry-After") == header


def test_retry_after_as_a_date_is_reckoned_when_it_strikes(emulator, api, clock):
    """The date of ``Retry-After`` is so far after the request, not after the fault was added."""
    emulator.faults.add(RetryAfterDate(3, clock.now))
    clock.move(60)
    answer = api.get("/scenarios")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "Fri, 15 Jan 2027 08:01:03 GMT")


def test_date_can_be_wrong_once(emulator, api):
    """A skewed clock shows in the ``Date`` of a right answer."""
    emulator.faults.add(ClockSkew(-3600))
    dates = [api.get("/scenarios").headers["date"] for _ in range(2)]
    assert dates == ["Fri, 15 Jan 2027 07:00:00 GMT", "Fri, 15 Jan 2027 08:00:00 GMT"]


def test_scripted_answers_have_a_date(emulator, api):
    """A 503 carries the ``Date`` that every answer of a gateway has, and an answer's own date stays."""
    emulator.faults.add(server_error(503))
    emulator.faults.add(Answer(503, headers={"Date": "Fri, 15 Jan 2027 09:00:00 GMT"}))
    dates = [api.get("/scenarios").headers["date"] for _ in range(2)]
    assert dates == ["Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2027 09:00:00 GMT"]


def test_answer_may_be_plain_text_or_json(emulator, api):
    """A gateway speaks plain text, AI Core speaks JSON."""
    emulator.faults.add(unavailable("no healthy upstream"))
    emulator.faults.add(Answer(500, json={"error": {"code": "500", "message": "sorry"}}))
    plain, json = api.get("/scenarios"), api.get("/scenarios")
    assert (plain.status_code, plain.text) == (503, "no healthy upstream")
    assert plain.headers["content-type"] == "text/plain"
    assert json.json()["error"]["message"] == "sorry"


def test_error_may_hide_an_effect(emulator, api):
    """A 502 in place of an answer does not say whether the execution was started."""
    configuration_id = api.configure()
    emulator.faults.add(Answer(502, takes_effect=True), method="POST")
    assert api.post("/executions", json={"configurationId": configuration_id}).status_code == 502
    assert len(emulator.statuses()) == 1


@pytest.mark.parametrize(
    ("fault", "error", "started"),
    [
        (NoConnection(), httpx.ConnectError, 0),
        (NoConnection(timeout=True), httpx.ConnectTimeout, 0),
        (ConnectionLost(), httpx.ReadError, 1),
        (ConnectionLost(takes_effect=False), httpx.ReadError, 0),
        (SlowAnswer(60), httpx.ReadTimeout, 1),
        (BodyCut(), httpx.RemoteProtocolError, 1),
    ],
    ids=["refused", "connect timeout", "lost after", "lost before", "slow", "cut"],
)
def test_broken_connections(emulator, api, fault, error, started):
    """In process a broken connection raises httpx's own exception, before or after the effect."""
    configuration_id = api.configure()
    emulator.faults.add(fault, method="POST", path="/executions$")
    with pytest.raises(error):
        api.post("/executions", json={"configurationId": configuration_id})
    assert len(emulator.statuses()) == started
    assert emulator.requests[-1].status is None


def test_slow_answer_reaches_a_patient_client(emulator, api):
    """A client whose read timeout is longer than the delay gets its answer."""
    emulator.faults.add(SlowAnswer(60))
    assert api.get("/scenarios", timeout=61).status_code == 200


def test_malformed_json(emulator, api):
    """A body that ends too early is no JSON, although the status is right."""
    emulator.faults.add(MalformedJson())
    answer = api.get("/scenarios")
    assert (answer.status_code, answer.content[:1]) == (200, b"{")
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()


def test_token_can_be_refused_although_it_is_good(emulator, api):
    """The gateway refuses a token once, and the identity service a secret."""
    emulator.faults.add(token_refused(), path="/v2/")
    emulator.faults.add(credentials_refused(), path="/oauth/token")
    answer = api.get("/scenarios")
    assert (answer.status_code, answer.text) == (401, "Jwt is expired")
    assert api.post(f"{emulator.service_key['url']}/oauth/token").json()["error"] == "unauthorized"
    assert codes(api, "/scenarios", 1) == [200]
