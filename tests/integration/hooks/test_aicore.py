"""The hook: what a connection may look like, and what its test says."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_aicore.api import InvalidServiceKeyError, scenarios
from airflow_provider_aicore.emulator import Answer, NoConnection, credentials_refused
from airflow_provider_aicore.examination import ALL
from airflow_provider_aicore.hooks.aicore import AICoreHook

ODD_SECRET = "$a!b|c=d&e%f?g#h/i:j@k l+m\"n'o\\p\nq"


@pytest.fixture
def define(monkeypatch):
    """Return a function that defines the connection through the environment, as JSON or as URI."""

    def define(connection):
        text = (
            connection if isinstance(connection, str) else json.dumps({"conn_type": "aicore", **connection})
        )
        monkeypatch.setenv("AIRFLOW_CONN_AICORE_TEST", text)
        return AICoreHook("aicore_test")

    return define


def _fields(key):
    return {
        "host": key["serviceurls"]["AI_API_URL"],
        "login": key["clientid"],
        "password": key["clientsecret"],
        "extra": {"auth_url": key["url"]},
    }


def test_a_whole_service_key_is_enough(define, network):
    """The pasted JSON text connects."""
    hook = define({"extra": {"secret_service_key": json.dumps(network.service_key)}})

    with hook.get_conn() as client:
        assert [scenario.id for scenario in client.send(scenarios.query())] == ["text-clf"]


def test_a_service_key_may_be_an_object(define, network):
    """A JSON connection need not quote the key's JSON once more."""
    with define({"extra": {"secret_service_key": network.service_key}}).get_conn() as client:
        client.send(scenarios.query())


def test_a_service_key_may_lie_in_a_file(define, network, tmp_path):
    """A mounted secret is named by its path."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(network.service_key))

    with define({"extra": {"service_key_file": str(path)}}).get_conn() as client:
        client.send(scenarios.query())


def test_single_fields_are_enough(define, network):
    """Host, client id, client secret and token URL connect as the whole key does."""
    with define(_fields(network.service_key)).get_conn() as client:
        client.send(scenarios.query())


def test_who_is_cancelled_does_not_cancel_the_question_to_airflow(define, network, monkeypatch):
    """On Airflow 3.1 the answer would be taken for that to the next question, and the triggerer end."""
    hook = define({"extra": {"secret_service_key": json.dumps(network.service_key)}})
    answered = []

    async def slow_answer(conn_id):
        await asyncio.sleep(0)
        answered.append(conn_id)
        return hook.get_connection(conn_id)

    monkeypatch.setattr("airflow_provider_aicore.hooks.aicore.get_async_connection", slow_answer)

    async def cancel():
        asking = asyncio.ensure_future(hook.aget_conn())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0)

    asyncio.run(cancel())
    assert answered == ["aicore_test"]


def test_the_async_client_is_made_from_the_same_connection(define, network):
    """In an event loop the hook gives the other client, with the same key and resource group."""
    hook = define(
        {"extra": {"secret_service_key": json.dumps(network.service_key), "resource_group": "team-a"}}
    )

    async def ask():
        async with await hook.aget_conn() as client:
            return client.resource_group, await client.send(scenarios.query())

    resource_group, found = asyncio.run(ask())
    assert resource_group == "team-a"
    assert [scenario.id for scenario in found] == ["text-clf"]


def test_certificates_are_read_off_the_event_loop(define, network, pem, monkeypatch):
    """Reading files in the loop would hold up every other wait of the triggerer."""
    key = network.x509_service_key(pem["own.crt"], pem["own.key"])
    hook = define({"extra": {"secret_service_key": json.dumps(key)}})
    readers = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_cert_chain", lambda *_arguments: readers.append(threading.get_ident())
    )

    async def make():
        await (await hook.aget_conn()).close()

    asyncio.run(make())

    assert len(readers) == 1
    assert threading.get_ident() not in readers


@pytest.mark.parametrize(
    ("of_task", "of_connection", "used"),
    [
        (None, None, "default"),
        (None, "team-a", "team-a"),
        ("team-b", "team-a", "team-b"),
        (None, "", "default"),
    ],
)
def test_the_task_s_resource_group_comes_before_the_connection_s(
    define, network, of_task, of_connection, used
):
    """What a task names wins, then what the connection names, then `default`."""
    hook = define({"extra": {"secret_service_key": network.service_key, "resource_group": of_connection}})
    hook.resource_group = of_task

    with hook.get_conn() as client:
        assert client.resource_group == used


@pytest.mark.parametrize("host", ["https://api.example", "https://api.example/v2", "api.example"])
def test_the_host_may_be_a_name_or_a_url(define, host):
    """People paste the URL, or leave its scheme out as Airflow's URI form has to."""
    hook = define(
        {"host": host, "login": "sb-1", "password": "s", "extra": {"auth_url": "https://auth.example"}}
    )

    with hook.get_conn() as client:
        assert client.service_key.api_url == "https://api.example"


@pytest.mark.parametrize(
    "host", ["https://api.example/sub/v2", "api.example/sub", "https://api.example:1/sub"]
)
def test_a_port_of_its_own_goes_between_host_and_path(define, host):
    """Airflow's URI form and the REST API keep the port apart from the host, whatever the host holds."""
    hook = define(
        {
            "host": host,
            "port": 8443,
            "login": "sb-1",
            "password": "s",
            "extra": {"auth_url": "https://auth.example"},
        }
    )

    with hook.get_conn() as client:
        assert client.service_key.api_url == "https://api.example:8443/sub"


@pytest.mark.parametrize("flaw", ["\n", "\\n", ""], ids=repr)
def test_an_x509_key_survives_any_connection(define, network, pem, flaw):
    """The PEM texts' line breaks may arrive as they should, as two characters, or not at all."""
    key = network.x509_service_key(*(pem[name].replace("\n", flaw) for name in ("own.crt", "own.key")))
    extra = {"secret_service_key": json.dumps(key)}

    for connection in ({"extra": extra}, f"aicore:///?{urlencode(extra)}"):
        with define(connection).get_conn() as client:
            client.send(scenarios.query())


@pytest.mark.parametrize("empty", [None, ""], ids=repr)
def test_fields_that_a_form_left_empty_are_not_there(define, network, empty):
    """Airflow's form saves each field, and those that nobody has filled in without a value."""
    others = {"service_key_file": empty, "auth_url": empty, "resource_group": empty}
    extra = {"secret_service_key": json.dumps(network.service_key), "launchpad_url_template": empty, **others}
    hook = define({"host": empty, "login": empty, "password": empty, "extra": extra})

    with hook.get_conn() as client:
        client.send(scenarios.query())
        assert client.resource_group == "default"


def test_odd_characters_survive_a_json_connection(define):
    """No character of a secret is lost in a JSON connection, whole key or single fields."""
    key = {
        "serviceurls": {"AI_API_URL": "https://api.example"},
        "clientid": "sb-1!b2|aicore!b540",
        "clientsecret": ODD_SECRET,
        "url": "https://auth.example",
    }

    for connection in (_fields(key), {"extra": {"secret_service_key": json.dumps(key)}}):
        with define(connection).get_conn() as client:
            assert client.service_key.client_secret == ODD_SECRET
            assert client.service_key.client_id == "sb-1!b2|aicore!b540"


def test_odd_characters_survive_a_uri_connection(define):
    """Percent-encoded they survive the URI form as well, whole key or single fields."""
    key: dict[str, Any] = {
        "serviceurls": {"AI_API_URL": "https://api.example"},
        "clientid": "sb-1!b2|aicore!b540",
        "clientsecret": ODD_SECRET,
        "url": "https://auth.example",
    }
    user = f"{quote(key['clientid'], safe='')}:{quote(ODD_SECRET, safe='')}"
    single = f"aicore://{user}@api.example/?{urlencode({'auth_url': 'https://auth.example'})}"
    whole = f"aicore:///?{urlencode({'secret_service_key': json.dumps(key)})}"

    for uri in (single, whole):
        with define(uri).get_conn() as client:
            assert client.service_key.client_secret == ODD_SECRET
            assert client.service_key.api_url == "https://api.example"


def test_a_connection_survives_airflow_s_own_uri(define, network):
    """What `airflow connections export` writes can be read back."""
    from airflow.sdk import Connection

    uri = Connection(
        conn_id="c",
        conn_type="aicore",
        extra=json.dumps({"secret_service_key": json.dumps(network.service_key)}),
    ).get_uri()

    with define(uri).get_conn() as client:
        client.send(scenarios.query())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"password": None}, "missing password"),
        ({"login": None}, "missing login"),
        ({"host": None}, "missing host"),
        ({"extra": {}}, r"missing auth_url \(extra\)"),
        (
            {"extra": {"auth_url": "https://a.example", "secret_service_key": "{}"}},
            "extra secret_service_key and single fields",
        ),
        ({"extra": {"service_key_file": "/nowhere", "secret_service_key": "{}"}}, "in exactly one way"),
    ],
)
def test_an_incomplete_or_mixed_connection_is_refused_by_the_field_s_name(define, change, complaint):
    """The message uses the connection's names for its fields, and shows no secret."""
    whole = {
        "host": "api.example",
        "login": "sb-1",
        "password": "canary",
        "extra": {"auth_url": "https://a.example"},
    }

    with pytest.raises(InvalidServiceKeyError, match=complaint) as caught:
        define({**whole, **change}).get_conn()
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("misplace", "complaint"),
    [
        (lambda key: {"service_key": key}, "Extra service_key is not read.* call it secret_service_key"),
        (lambda key: {"service_key": json.dumps(key)}, "call it secret_service_key"),
        (
            lambda key: key,
            r"fields of a service key \(serviceurls, .*put the whole key under secret_service_key",
        ),
        (lambda key: {"credentials": key}, r"fields of a service key \(credentials\)"),
        (lambda key: {"service_key_file": json.dumps(key)}, "the path of a file is needed"),
        (lambda key: {"service_key_file": key}, "the path of a file is needed"),
    ],
    ids=["wrong name", "wrong name, as text", "extra itself", "as cf prints it", "for its file", "object"],
)
def test_a_misplaced_service_key_is_told_where_it_belongs(define, network, misplace, complaint):
    """Whoever puts the key where nobody reads it is told the right field, and the key is not shown."""
    with pytest.raises(InvalidServiceKeyError, match=complaint) as caught:
        define({"extra": misplace(network.service_key)}).get_conn()
    assert network.service_key["clientsecret"] not in str(caught.value)


def test_an_extra_that_is_no_object_is_refused(define):
    """JSON may be a list as well; Airflow 3.1 takes no such connection itself."""
    told = "'aicore_test': its extra is a JSON list|`aicore_test` isn't defined"
    with pytest.raises((InvalidServiceKeyError, AirflowNotFoundException), match=told):
        define({"extra": "[1]"}).get_conn()


def test_an_empty_connection_is_refused(define):
    """A connection without a key says how to give one."""
    with pytest.raises(InvalidServiceKeyError, match="'aicore_test': It holds no service key"):
        define({}).get_conn()


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        (lambda _: {"service_key_file": "/nowhere/key.json"}, "/nowhere/key.json"),
        (lambda key: {"secret_service_key": {**key, "clientid": None}}, "clientid"),
        (lambda key: {"secret_service_key": {**key, "certificate": "-----BEGIN"}}, "two kinds"),
    ],
    ids=["no file", "field missing", "two kinds"],
)
def test_a_bad_service_key_is_refused_before_anything_is_sent(define, network, extra, complaint):
    """It is told what is wrong with it, not what AI Core says of it."""
    with pytest.raises(InvalidServiceKeyError, match=complaint):
        define({"extra": extra(network.service_key)}).get_conn()
    assert network.requests == []


def test_a_resource_group_of_the_wrong_form_is_refused(define, network):
    """It is refused before anything is sent."""
    hook = define({"extra": {"secret_service_key": network.service_key, "resource_group": "a b"}})

    with pytest.raises(ValueError, match="resource_group is 'a b'"):
        hook.get_conn()
    assert network.requests == []


class TestOfLists:
    """Executions, configurations and artifacts, one after the other."""

    @pytest.fixture
    def hook(self, define, network):
        """Return the hook of a connection to the emulator."""
        return define({"extra": {"secret_service_key": network.service_key}})

    def test_what_the_filters_choose_is_gone_through(self, hook, api, network):
        """In a loop, for each of the three."""
        network.add_executable("text-clf", "other")
        execution_id, artifact_id = api.start(name="mine"), api.register(kind="model")
        api.start(executableId="other")
        api.register(kind="dataset")

        chosen = hook.iterate_executions(scenario_id="text-clf", executable_ids=["text-clf-train"])
        assert [each.id for each in chosen] == [execution_id]
        assert [each.name for each in hook.iterate_configurations(search="mine")] == ["mine"]
        assert [each.id for each in hook.iterate_artifacts(kind="model")] == [artifact_id]

    def test_an_event_loop_goes_through_the_same(self, hook, api):
        """With ``async for``."""
        ids = {api.start() for _ in range(3)}

        async def collect():
            return {each.id async for each in hook.iterate_executions(status="UNKNOWN")}

        assert asyncio.run(collect()) == ids

    def test_bad_filters_are_refused_where_they_are_given(self, hook, network):
        """Not when somebody goes through the list, and nothing is sent."""
        with pytest.raises(ValueError, match="scenario_id"):
            hook.iterate_executions(scenario_id="?")
        assert network.requests == []

    def test_nothing_is_read_before_it_is_wanted(self, hook, network):
        """Not even a token is fetched."""
        iter(hook.iterate_executions())

        assert network.requests == []


class TestOfTheConnection:
    """What the form's test button says."""

    def test_a_good_connection_says_what_it_reached(self, define, network):
        """Resource group and what can be seen."""
        good, text = define(
            {"extra": {"secret_service_key": network.service_key, "resource_group": "team-a"}}
        ).test_connection()

        assert good
        assert text == "Connected. Resource group 'team-a' can be used. 1 scenario can be seen."

    def test_a_bad_key_is_told_from_the_rest(self, define, network):
        """A field that is missing is named."""
        key = {name: value for name, value in network.service_key.items() if name != "clientsecret"}

        good, text = define({"extra": {"secret_service_key": key}}).test_connection()

        assert not good
        assert text.startswith("connection: ")
        assert "missing clientsecret" in text

    def test_a_refused_token_is_told_from_the_rest(self, define, network):
        """The identity service's refusal names the client."""
        network.faults.add(credentials_refused(), path="/oauth/token")

        good, text = define({"extra": {"secret_service_key": network.service_key}}).test_connection()

        assert not good
        assert text.startswith("token: ")
        assert "Bad credentials" in text

    def test_an_unreachable_host_is_told_from_the_rest(self, define, network, clock):
        """The host that did not answer is named, and nobody waits for repeats."""
        network.faults.add(NoConnection(), path="/lm/", times=None)

        good, text = define({"extra": {"secret_service_key": network.service_key}}).test_connection()

        assert not good
        assert text.startswith("host: ")
        assert "api.ai.emulator.test" in text
        assert clock.slept == []

    def test_a_resource_group_that_is_not_allowed_is_told_from_the_rest(self, define, network):
        """The group is named."""
        good, text = define(
            {"extra": {"secret_service_key": network.service_key, "resource_group": "team-b"}}
        ).test_connection()

        assert not good
        assert text.startswith("resource group: ")
        assert "'team-b'" in text

    def test_a_bad_template_for_links_is_told_from_the_rest(self, define, network):
        """At run time it would only be a warning in the logs of tasks."""
        extra = {"secret_service_key": network.service_key, "launchpad_url_template": "https://l.test/{id}"}

        good, text = define({"extra": extra}).test_connection()

        assert not good
        assert "launchpad_url_template in the connection's extra is of no use: {id} is unknown" in text

    @pytest.mark.parametrize("trouble", [Answer(500, "boom"), Answer(200, "<html>")], ids=["500", "html"])
    def test_any_other_trouble_is_told_too(self, define, network, trouble):
        """No exception reaches the form."""
        network.faults.add(trouble, path="/lm/scenarios", times=None)

        good, text = define({"extra": {"secret_service_key": network.service_key}}).test_connection()

        assert not good
        assert "/v2/lm/scenarios" in text

    def test_a_connection_that_is_not_there_is_told(self, network):
        """It is said like any other fault, and nothing else is checked."""
        good, text = AICoreHook("no_such_connection").test_connection()

        assert not good
        assert text.startswith("connection: ")
        assert "no_such_connection" in text

    def test_a_connection_that_airflow_cannot_read_is_looked_for_in_the_environment(
        self, network, monkeypatch
    ):
        """Airflow says the same of a bad JSON as of no connection at all."""
        monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", '{"conn_type": "aicore", "extra": {')

        good, text = AICoreHook().test_connection()

        assert not good
        assert "AIRFLOW_CONN_AICORE_DEFAULT" in text

    def test_nothing_is_checked_without_a_connection(self, define, network):
        """The checks keep their names and places, whatever happens."""
        lines = define({}).examine()

        assert [line.verdict for line in lines] == ["wrong", *["not checked"] * len(ALL)]
        assert [line.check for line in lines[1:]] == [check.name for check in ALL]

    @pytest.mark.parametrize("part", ["certificate", "key"])
    def test_a_certificate_that_cannot_be_used_is_a_fault_of_the_connection(self, define, network, pem, part):
        """It is told before anybody is asked."""
        own = {"certificate": pem["own.crt"], "key": pem["own.key"], part: pem["other.key"]}
        key = network.x509_service_key(own["certificate"], own["key"])

        good, text = define({"extra": {"secret_service_key": key}}).test_connection()

        assert not good
        assert text.startswith("connection: ")
        assert network.requests == []

    def test_three_requests_are_enough(self, define, network):
        """A person waits for the button."""
        define({"extra": {"secret_service_key": network.service_key}}).test_connection()

        paths = [request.path for request in network.requests]
        assert paths == ["/v2/lm/meta", "/oauth/token", "/v2/lm/scenarios"]


def test_the_key_s_secrets_are_masked_in_logs(define, network):
    """Whoever logs a secret by accident logs stars, although Airflow does not know the fields by name."""
    from airflow.sdk.log import redact  # type: ignore[attr-defined]  # Airflow has no public name for it.

    # Its own, since other tests have had the emulator's secret masked.
    key = {**network.service_key, "clientsecret": "known-to-this-test-alone"}

    define({"extra": {"secret_service_key": json.dumps(key)}}).get_conn().close()

    assert redact("secret known-to-this-test-alone") == "secret ***"


def test_the_form_has_the_fields_that_the_hook_reads():
    """The provider's information and the hook agree, and secrets are password fields."""
    from airflow_provider_aicore.get_provider_info import get_provider_info

    (form,) = get_provider_info()["connection-types"]

    assert set(form["conn-fields"]) == {
        "secret_service_key",
        "service_key_file",
        "resource_group",
        "auth_url",
        "launchpad_url_template",
    }
    secret = {
        name for name, field in form["conn-fields"].items() if field["schema"].get("format") == "password"
    }
    assert secret == {"secret_service_key"}
    assert form["connection-type"] == AICoreHook.conn_type
    assert form["hook-name"] == AICoreHook.hook_name
