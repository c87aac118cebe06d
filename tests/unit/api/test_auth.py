"""Service keys: what is read, normalised and refused."""

from __future__ import annotations

import json
import ssl

import pytest

from airflow_provider_aicore.api import InvalidServiceKeyError, ServiceKey, meta

SECRET_KEY = {
    "serviceurls": {"AI_API_URL": "https://api.ai.prod.example"},
    "clientid": "sb-1!b2|aicore!b540",
    "clientsecret": "canary-secret",
    "url": "https://sub.authentication.example",
}


@pytest.fixture
def x509_key(pem):
    """Return a service key of the X.509 kind."""
    return {
        "serviceurls": {"AI_API_URL": "https://api.ai.prod.example"},
        "clientid": "sb-1!b2|aicore!b540",
        "credential-type": "x509",
        "certificate": pem["own.crt"],
        "key": pem["own.key"],
        "certurl": "https://sub.authentication.cert.example",
        "url": "https://sub.authentication.example",
    }


@pytest.mark.parametrize(
    "given",
    [SECRET_KEY, json.dumps(SECRET_KEY), {"credentials": SECRET_KEY}],
    ids=["object", "text", "as cf prints it"],
)
def test_a_key_is_read_from_an_object_or_its_text(given):
    """The service key may come parsed, as text, or within `credentials`."""
    key = ServiceKey.parse(given)

    assert key.api_url == "https://api.ai.prod.example"
    assert key.token_url == "https://sub.authentication.example/oauth/token"
    assert (key.client_id, key.client_secret) == ("sb-1!b2|aicore!b540", "canary-secret")


@pytest.mark.parametrize("suffix", ["", "/", "/v2", "/v2/"])
def test_the_api_url_may_carry_its_version(suffix):
    """`/v2` and slashes that people paste along are taken off."""
    key = ServiceKey.parse({**SECRET_KEY, "serviceurls": {"AI_API_URL": f"https://api.example{suffix}"}})

    assert key.api_url == "https://api.example"


def test_the_token_url_may_carry_its_path():
    """A pasted `/oauth/token` is not doubled."""
    key = ServiceKey.parse({**SECRET_KEY, "url": "https://auth.example/oauth/token"})

    assert key.token_url == "https://auth.example/oauth/token"


def test_an_old_key_has_its_url_under_another_name():
    """`ML_API_URL` of keys from before 2022 is a fallback, not a rival."""
    old = {**SECRET_KEY, "serviceurls": {"ML_API_URL": "https://old.example"}}
    both = {
        **SECRET_KEY,
        "serviceurls": {"ML_API_URL": "https://old.example", "AI_API_URL": "https://new.example"},
    }

    assert ServiceKey.parse(old).api_url == "https://old.example"
    assert ServiceKey.parse(both).api_url == "https://new.example"


def test_an_x509_key_uses_its_own_token_url_and_certificate(x509_key):
    """With a certificate the token comes from `certurl`, and the TLS settings hold the certificate."""
    key = ServiceKey.parse(x509_key)

    assert key.token_url == "https://sub.authentication.cert.example/oauth/token"
    assert key.client_secret is None
    assert isinstance(key.ssl_context(), ssl.SSLContext)


@pytest.mark.parametrize("instead", ["\\n", "", " ", "\r\n"], ids=repr)
def test_pem_text_without_its_line_breaks_is_mended(x509_key, instead):
    """Line breaks that became two characters, that a form dropped or a shell turned into blanks, are back."""
    flat = {name: x509_key[name].replace("\n", instead) for name in ("certificate", "key")}

    ServiceKey.parse({**x509_key, **flat}).ssl_context()


def test_a_chain_of_certificates_is_kept_whole(x509_key, pem):
    """All certificates of a chain are handed to the TLS layer."""
    key = ServiceKey.parse({**x509_key, "certificate": pem["own.crt"] + pem["other.crt"]})

    assert key.certificate
    assert key.certificate.count("BEGIN CERTIFICATE") == 2
    key.ssl_context()


def test_a_certificate_of_another_key_is_refused(x509_key, pem):
    """Certificate and private key that do not fit are refused before a request, without showing either."""
    key = ServiceKey.parse({**x509_key, "key": pem["other.key"]})

    with pytest.raises(InvalidServiceKeyError, match="certificate and key cannot be used") as caught:
        key.ssl_context()
    assert "BEGIN CERT" not in str(caught.value).replace("their BEGIN", "")


@pytest.mark.parametrize("driver", ["blocking", "async"])
def test_an_x509_key_gets_its_token_without_a_secret(make_client, emulator, pem):
    """The grant with a certificate names the client and nothing else."""
    key = emulator.x509_service_key(pem["own.crt"], pem["own.key"])

    make_client(service_key=ServiceKey.parse(key)).send(meta.get())

    assert emulator.requests[0].path == "/oauth/token"
    assert emulator.requests[-1].status == 200


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"clientid": None}, "missing clientid"),
        ({"clientsecret": ""}, "missing clientsecret"),
        ({"url": None}, "missing url"),
        ({"serviceurls": None}, "missing serviceurls.AI_API_URL"),
        ({"serviceurls": {}, "clientid": None}, "missing serviceurls.AI_API_URL, clientid"),
        (
            {"certificate": "-----BEGIN CERTIFICATE-----"},
            "two kinds of credentials .clientsecret, certificate.",
        ),
        ({"clientid": 7}, "clientid must be text"),
        ({"url": "auth.example"}, "url is no https:// URL"),
        ({"url": "http://auth.example"}, "url .auth.example. must be https"),
        ({"serviceurls": {"AI_API_URL": "https://api.example?x=1"}}, "serviceurls.AI_API_URL must hold"),
    ],
)
def test_a_bad_key_is_refused_with_the_field_s_name(change, named):
    """What is missing or wrong is named, and no secret is shown."""
    with pytest.raises(InvalidServiceKeyError, match=named) as caught:
        ServiceKey.parse({**SECRET_KEY, **change})
    assert "canary-secret" not in str(caught.value)


@pytest.mark.parametrize("left_out", ["certurl", "certificate", "key"])
def test_an_incomplete_x509_key_is_refused_with_the_field_s_name(x509_key, left_out):
    """An X.509 key without one of its fields names it."""
    with pytest.raises(InvalidServiceKeyError, match=f"missing .*{left_out}"):
        ServiceKey.parse({name: value for name, value in x509_key.items() if name != left_out})


def test_a_certificate_that_is_no_pem_is_refused(x509_key):
    """A certificate pasted without its BEGIN line is refused at once."""
    with pytest.raises(InvalidServiceKeyError, match="certificate is no PEM text"):
        ServiceKey.parse({**x509_key, "certificate": "MIIC"})


@pytest.mark.parametrize("text", ["not json", "[]", '"text"', ""])
def test_what_is_no_object_is_no_key(text):
    """Other JSON and other text are refused without being shown."""
    with pytest.raises(InvalidServiceKeyError, match="JSON"):
        ServiceKey.parse(text)


def test_a_key_file_is_read(tmp_path):
    """A mounted secret is read from its path."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(SECRET_KEY))

    assert ServiceKey.from_file(path).client_id == SECRET_KEY["clientid"]


def test_a_missing_key_file_is_named(tmp_path):
    """The path and the reason are in the message."""
    with pytest.raises(InvalidServiceKeyError, match=r"nowhere.json' cannot be read: No such file"):
        ServiceKey.from_file(tmp_path / "nowhere.json")


def test_a_key_that_is_given_for_its_file_is_not_shown():
    """Whoever pastes the key where its path belongs is told so, without the key."""
    with pytest.raises(InvalidServiceKeyError, match="the path of a file is needed") as caught:
        ServiceKey.from_file(json.dumps(SECRET_KEY))
    assert "canary-secret" not in str(caught.value)


@pytest.mark.parametrize("text", [b"canary-secret \xff", b"canary-secret"], ids=["not text", "not JSON"])
def test_a_file_that_holds_no_key_is_refused_without_what_is_in_it(tmp_path, text):
    """What is in the file stays out of the error and of its causes, which trackers of errors keep."""
    (tmp_path / "key.json").write_bytes(text)

    with pytest.raises(InvalidServiceKeyError) as caught:
        ServiceKey.from_file(tmp_path / "key.json")

    assert caught.value.__cause__ is None
    assert "canary" not in str(caught.value)


def test_a_local_ai_core_may_be_without_tls():
    """Loopback is the one place where plain HTTP is taken."""
    local = {
        **SECRET_KEY,
        "serviceurls": {"AI_API_URL": "http://127.0.0.1:8080"},
        "url": "http://localhost:8080",
    }

    assert ServiceKey.parse(local).api_url == "http://127.0.0.1:8080"


def test_a_key_s_repr_shows_no_secret():
    """A key that is printed by accident gives nothing away."""
    assert "canary-secret" not in repr(ServiceKey.parse(SECRET_KEY))
