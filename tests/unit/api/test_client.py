"""Tokens, headers, retries: what the two drivers do, each test in both colours."""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote

import httpx
import pytest

from airflow_provider_aicore.api import (
    AICoreError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncClient,
    AuthenticationError,
    Client,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    ServiceKey,
    UnexpectedResponseError,
    configurations,
    executions,
    meta,
    scenarios,
)
from airflow_provider_aicore.api.call import once
from airflow_provider_aicore.api.retry import retry_after
from airflow_provider_aicore.emulator import (
    Answer,
    ConnectionLost,
    MalformedJson,
    NoConnection,
    SlowAnswer,
    token_refused,
    too_many_requests,
    unavailable,
)


@pytest.fixture(params=["blocking", "async"])
def driver(request):
    """Return each driver in turn."""
    return request.param


def _paths(emulator):
    return [f"{request.method} {request.path}" for request in emulator.requests]


def _token_requests(emulator):
    return _paths(emulator).count("POST /oauth/token")


def _configure(client):
    call = configurations.create(
        name="a configuration",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    return client.send(call).id


def test_every_request_names_its_resource_group_and_client_type(make_client, emulator):
    """Each call carries the client's resource group, since AI Core keeps everything apart by it."""
    make_client(resource_group="team-a").send(scenarios.query())

    headers = emulator.requests[-1].headers
    assert headers["ai-resource-group"] == "team-a"
    assert headers["ai-client-type"] == "airflow-provider-aicore"


def test_one_token_serves_many_calls(client, emulator):
    """A token is fetched for the first call and kept for the next ones."""
    for _ in range(3):
        client.send(meta.get())

    assert _token_requests(emulator) == 1


def test_a_token_is_renewed_before_it_expires(client, emulator, clock):
    """The next token is fetched five minutes before the end of a long-lived one, as told by `expires_in`."""
    client.send(meta.get())
    clock.time += 43199 - 301
    client.send(meta.get())
    assert _token_requests(emulator) == 1

    clock.time += 2
    client.send(meta.get())

    assert _token_requests(emulator) == 2


def test_a_refused_token_is_renewed_once_and_the_call_repeated(client, emulator):
    """A 401 costs one new token and one repeat, and the caller sees nothing of it."""
    emulator.faults.add(token_refused(), path="/lm/meta")

    client.send(meta.get())

    assert _paths(emulator) == [
        "POST /oauth/token",
        "GET /v2/lm/meta",
        "POST /oauth/token",
        "GET /v2/lm/meta",
    ]


def test_a_post_is_repeated_after_a_refused_token(client, emulator):
    """A refused token did nothing, so even a start is repeated with a new one."""
    configuration_id = _configure(client)
    emulator.faults.add(token_refused(), method="POST", path="/lm/executions")

    client.send(executions.create(configuration_id))

    assert len(emulator.statuses()) == 1


def test_a_token_that_is_refused_again_ends_the_call(client, emulator):
    """Two 401 in a row are an error that names the cause, not a loop."""
    refusal = Answer(401, "Jwt issuer is not configured", headers={"x-request-id": "r-1"})
    emulator.faults.add(refusal, path="/lm/meta", times=None)

    with pytest.raises(AuthenticationError, match=r"Jwt issuer is not configured.*landscape") as caught:
        client.send(meta.get())

    assert caught.value.request_id == "r-1"
    assert "Request id: r-1." in str(caught.value)
    assert _token_requests(emulator) == 2


def test_a_flow_learns_that_there_is_no_token(client, emulator, retry):
    """A wait has to bear the identity service's trouble as it does AI Core's."""
    emulator.faults.add(unavailable(), path="/oauth/token", times=10)

    def bearing():
        try:
            return (yield from once(meta.get(), retry))
        except ServerError as error:
            return error

    assert "POST /oauth/token" in str(client.run(bearing()))


def test_refused_credentials_name_the_client_and_not_the_secret(make_client, emulator):
    """What the identity service refuses is told with the client id, the URL and its reason."""
    key = {**emulator.service_key, "clientsecret": "a-wrong-secret"}

    with pytest.raises(AuthenticationError) as caught:
        make_client(service_key=ServiceKey.parse(key)).send(meta.get())

    message = str(caught.value)
    assert emulator.service_key["clientid"] in message
    assert "401" in message
    assert caught.value.request_id
    assert f"Request id: {caught.value.request_id}." in message
    assert "a-wrong-secret" not in message
    assert _token_requests(emulator) == 1


@pytest.mark.parametrize("status", [401, 429, 500])
@pytest.mark.parametrize("spelling", [str, lambda secret: quote(secret, safe="")], ids=["as it is", "quoted"])
def test_an_identity_service_that_repeats_the_secret_gives_nothing_away(
    make_client, emulator, status, spelling
):
    """Refusals and passing trouble alike come without the secret, in text and in fields."""
    secret = emulator.service_key["clientsecret"]
    said = {"error": {"message": f"got {spelling(secret)}", "details": [{"message": spelling(secret)}]}}
    emulator.faults.add(Answer(status, json=said), path="/oauth/token")

    with pytest.raises(AICoreError, match=r"got \*\*\*") as caught:
        make_client(retry=RetryPolicy(repeats=0)).send(meta.get())

    shown = "".join(traceback.format_exception(caught.value))
    assert spelling(secret) not in shown + repr(vars(caught.value))


def test_a_header_that_cannot_be_sent_is_not_shown(make_client, emulator):
    """The network library quotes such a header in its complaint, and it may be the token."""

    class Quoting:
        def answer(self, request, proceed):
            header = request.headers["Authorization"]
            raise httpx.LocalProtocolError(f"Illegal header value {header!r}", request=request)

    emulator.faults.add(Quoting(), path="/lm/meta")

    with pytest.raises(APIConnectionError, match=r"LocalProtocolError \(its text is not shown") as caught:
        make_client(retry=RetryPolicy(repeats=0)).send(meta.get())

    assert "Bearer" not in "".join(traceback.format_exception(caught.value))


def test_a_lost_connection_names_host_and_port(make_client, emulator):
    """Host and port that were tried are told, the port also where the URL leaves it out."""
    emulator.faults.add(NoConnection(), path="/lm/meta")

    with pytest.raises(APIConnectionError, match=r"on api\.ai\.emulator\.test:443 got no answer"):
        make_client(retry=RetryPolicy(repeats=0)).send(meta.get())


def test_a_token_endpoint_in_trouble_is_asked_again(client, emulator):
    """The token request is repeatable, so a 503 there is waited out."""
    emulator.faults.add(unavailable(), path="/oauth/token", times=2)

    client.send(meta.get())

    assert _token_requests(emulator) == 3


def test_a_token_answer_without_a_token_is_not_shown(client, emulator):
    """An odd token answer could hold a token, so its text stays out of the error."""
    emulator.faults.add(Answer(200, json={"accessToken": "canary-token"}), path="/oauth/token")

    with pytest.raises(UnexpectedResponseError) as caught:
        client.send(meta.get())

    assert "access_token" in str(caught.value)
    assert "canary-token" not in str(caught.value)


def test_threads_share_one_token_request(emulator, clock):
    """Twenty threads that start at once fetch one token."""
    barrier = threading.Barrier(20)

    def answer(request):
        for _ in range(1000):
            os.sched_yield()  # The others have time to ask as well.
        return emulator.handle(request)

    def ask(client):
        barrier.wait()
        client.send(meta.get())

    with (
        Client(
            ServiceKey.parse(emulator.service_key), transport=httpx.MockTransport(answer), now=clock.now
        ) as client,
        ThreadPoolExecutor(20) as pool,
    ):
        list(pool.map(ask, [client] * 20))

    assert _token_requests(emulator) == 1


def test_tasks_of_a_loop_share_one_token_request_also_after_a_401(emulator, clock):
    """Ten coroutines fetch one token, and one more after all of them were refused."""
    refused: set[str | None] = set()

    async def slow_network(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # All others ask before any answer comes.
        authorization = request.headers.get("Authorization")
        if request.url.path.endswith("/meta") and (not refused or authorization in refused):
            refused.add(authorization)
            return httpx.Response(401, text="Jwt is expired")
        answer: httpx.Response = emulator.handle(request)
        return answer

    async def main():
        key = ServiceKey.parse(emulator.service_key)
        async with AsyncClient(key, transport=httpx.MockTransport(slow_network), now=clock.now) as client:
            await asyncio.gather(*(client.send(meta.get()) for _ in range(10)))

    asyncio.run(main())
    assert _token_requests(emulator) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        unavailable(),
        Answer(500),
        Answer(502),
        Answer(504),
        ConnectionLost(),
        NoConnection(),
        SlowAnswer(3600),
    ],
    ids=["503", "500", "502", "504", "lost", "refused", "slow"],
)
def test_a_read_is_repeated_after_passing_trouble(client, emulator, clock, trouble):
    """Reads survive a gateway's hiccup, with growing waits in between."""
    emulator.faults.add(trouble, path="/lm/meta", times=3)

    client.send(meta.get())

    assert clock.slept == [0.5, 1.0, 2.0]


def test_trouble_that_stays_is_raised_after_the_last_repeat(client, emulator):
    """A request is sent once and repeated four times, then comes the error."""
    emulator.faults.add(unavailable(), path="/lm/meta", times=None)

    with pytest.raises(ServerError, match="503"):
        client.send(meta.get())

    assert _paths(emulator).count("GET /v2/lm/meta") == 5


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (ConnectionLost(takes_effect=True), APIConnectionError),
        (SlowAnswer(3600), APITimeoutError),
        (Answer(502, takes_effect=True), ServerError),
    ],
    ids=["lost", "slow", "502"],
)
def test_a_start_that_may_have_taken_effect_is_never_repeated(client, emulator, trouble, error):
    """After a lost answer to a POST there is one execution and an error, not two executions."""
    configuration_id = _configure(client)
    emulator.faults.add(trouble, method="POST", path="/lm/executions$", times=None)

    with pytest.raises(error):
        client.send(executions.create(configuration_id))

    assert len(emulator.statuses()) == 1


def test_a_lost_answer_to_a_start_says_that_it_may_have_taken_effect(client, emulator):
    """The error tells the caller to look before it sends again; that of a read does not."""
    configuration_id = _configure(client)
    emulator.faults.add(ConnectionLost(), method="POST", path="/lm/executions$")
    emulator.faults.add(ConnectionLost(), path="/lm/meta", times=None)

    with pytest.raises(APIConnectionError, match="look before sending it again") as lost_start:
        client.send(executions.create(configuration_id))
    with pytest.raises(APIConnectionError) as lost_read:
        client.send(meta.get())

    assert lost_start.value.may_have_taken_effect
    assert not lost_read.value.may_have_taken_effect


class NoFreeConnection:
    """The trouble that all connections of the pool are in use."""

    def answer(self, request, _proceed):
        """Raise what httpx raises then."""
        raise httpx.PoolTimeout("no free connection", request=request)


@pytest.mark.parametrize(
    "trouble",
    [NoConnection(), NoConnection(timeout=True), NoFreeConnection(), too_many_requests()],
    ids=["refused", "connect timeout", "pool timeout", "429"],
)
def test_a_start_that_cannot_have_taken_effect_is_repeated(client, emulator, trouble):
    """What was never sent, and a 429, did nothing, so the POST is sent again."""
    configuration_id = _configure(client)
    emulator.faults.add(trouble, method="POST", path="/lm/executions$", times=2)

    client.send(executions.create(configuration_id))

    assert len(emulator.statuses()) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_honoured(client, emulator, clock, status):
    """Trouble is waited out for as long as it says."""
    emulator.faults.add(Answer(status, headers={"Retry-After": "17"}), path="/lm/meta")

    client.send(meta.get())

    assert clock.slept == [17.0]


def test_retry_after_as_a_date_is_counted_from_the_server_s_clock(client, emulator, clock):
    """The date form is compared with the answer's own date: this machine's clock may be wrong."""
    server = datetime.fromtimestamp(clock.time, UTC) + timedelta(hours=3)
    wished = too_many_requests(server + timedelta(seconds=40))
    date = {"Date": server.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    emulator.faults.add(Answer(429, headers={**wished.headers, **date}), path="/lm/meta")

    client.send(meta.get())

    assert clock.slept == [40.0]


def test_retry_after_as_a_date_without_the_server_s_is_counted_from_this_machine_s_clock():
    """It is the only one there is, and better than to ask again at once."""
    wished = datetime.now(UTC) + timedelta(seconds=1000)
    response = httpx.Response(503, headers={"Retry-After": format_datetime(wished, usegmt=True)})

    assert 900 < (retry_after(response) or 0) <= 1000


def test_a_retry_after_beyond_patience_is_left_to_the_caller(client, emulator, clock):
    """Nobody sleeps for an hour in a request: the error carries the server's wish."""
    emulator.faults.add(too_many_requests(3600), path="/lm/meta")

    with pytest.raises(RateLimitedError) as caught:
        client.send(meta.get())

    assert caught.value.retry_after == 3600.0
    assert clock.slept == []


def test_a_refusal_carries_code_message_request_id_and_resource_group(make_client):
    """An error of AI Core names all that its support will ask for."""
    with pytest.raises(NotFoundError) as caught:
        make_client(resource_group="team-a").send(executions.get("e0123456789abcde"))

    error = caught.value
    assert error.status_code == 404
    assert error.code == "01010020"
    assert error.request_id
    assert error.method == "GET"
    assert error.path == "/v2/lm/executions/e0123456789abcde"
    assert error.server_message
    for part in (error.code, error.server_message.rstrip("."), error.request_id, "'team-a'"):
        assert part in str(error)


def test_a_foreign_resource_group_is_a_permission_error_with_a_hint(make_client):
    """The gateway's plain text becomes an error that says what to check."""
    with pytest.raises(PermissionDeniedError, match=r"'team-b'.*RBAC: access denied.*resource group exists"):
        make_client(resource_group="team-b").send(scenarios.query())


def test_a_cut_answer_is_unexpected_and_shows_its_beginning(client, emulator):
    """A body that is no JSON is told apart from a refusal."""
    emulator.faults.add(MalformedJson(), path="/lm/meta")

    with pytest.raises(UnexpectedResponseError, match=r"not JSON.*begins"):
        client.send(meta.get())


def test_an_answer_of_another_shape_is_unexpected_and_names_the_field(client, emulator):
    """A missing required field is named."""
    emulator.faults.add(Answer(200, json={"id": "e123"}), path="/lm/executions/")

    with pytest.raises(UnexpectedResponseError, match="configurationId"):
        client.send(executions.get("e123"))


def test_an_error_in_a_successful_answer_is_an_error(client, emulator):
    """AI Core's SDK treats a body with `error` as a failure whatever its status, and so does this client."""
    body = {"error": {"code": "01010076", "message": "no", "requestId": "r-1"}}
    emulator.faults.add(Answer(200, json=body), path="/lm/meta")

    with pytest.raises(APIStatusError, match="01010076"):
        client.send(meta.get())


def test_repeats_can_be_turned_off(make_client, emulator):
    """A policy without repeats takes the first answer."""
    emulator.faults.add(unavailable(), path="/lm/meta")

    with pytest.raises(ServerError):
        make_client(retry=RetryPolicy(repeats=0)).send(meta.get())
