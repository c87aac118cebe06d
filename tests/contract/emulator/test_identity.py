"""Service keys and tokens."""

from __future__ import annotations

import base64

import httpx
import pytest

from tests.emulators import connect


def ask_for_token(emulator, **options):
    """Send a request for a token."""
    url = f"{emulator.service_key['url']}/oauth/token"
    return httpx.Client(transport=emulator.transport()).post(url, **options)


def credentials(emulator, **changes):
    """Make the form of a request for a token."""
    key = emulator.service_key
    form = {
        "grant_type": "client_credentials",
        "client_id": key["clientid"],
        "client_secret": key["clientsecret"],
    }
    return form | changes


def test_service_key_has_the_shape_of_a_real_one(emulator):
    """The service key has AI Core's fields, and characters in it that break shells and URIs."""
    key = emulator.service_key
    assert key["serviceurls"] == {"AI_API_URL": "https://api.ai.emulator.test"}
    assert "!" in key["clientid"]
    assert "|" in key["clientid"]
    assert "$" in key["clientsecret"]
    assert {"appname", "identityzone", "identityzoneid", "url"} <= set(key)


def test_token_by_form(emulator):
    """Credentials in the form give a bearer token with its lifetime in whole seconds."""
    answer = ask_for_token(emulator, data=credentials(emulator))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 43199)


def test_token_by_basic(emulator):
    """Credentials by HTTP Basic are as good as those in the form."""
    key = emulator.service_key
    form = {"grant_type": "client_credentials"}
    answer = ask_for_token(emulator, data=form, auth=(key["clientid"], key["clientsecret"]))
    assert answer.status_code == 200


@pytest.mark.parametrize("wrong", [{"client_secret": "wrong"}, {"client_id": "wrong"}, {"client_secret": ""}])
def test_wrong_credentials_are_refused_with_a_text_in_error(emulator, wrong):
    """The identity service refuses with 401 and a text in ``error``, not with AI Core's object."""
    answer = ask_for_token(emulator, data=credentials(emulator, **wrong))
    assert answer.status_code == 401
    assert answer.json() == {"error": "unauthorized", "error_description": "Bad credentials"}


def test_unknown_grant_is_refused(emulator):
    """Only the client credentials grant gives a token."""
    answer = ask_for_token(emulator, data=credentials(emulator, grant_type="password"))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_x509_key_gives_a_token_without_a_secret(emulator):
    """With the X.509 flavour the host for certificates asks for no secret, and the other host still does."""
    key = emulator.x509_service_key("certificate", "key")
    assert "clientsecret" not in key
    assert (key["certificate"], key["key"], key["credential-type"]) == ("certificate", "key", "x509")
    form = {"grant_type": "client_credentials", "client_id": key["clientid"]}
    client = httpx.Client(transport=emulator.transport())
    assert client.post(f"{key['certurl']}/oauth/token", data=form).status_code == 200
    assert client.post(f"{key['url']}/oauth/token", data=form).status_code == 401


def test_token_expires_by_the_clock(make_emulator, clock):
    """A token is good until its lifetime is over, and then refused by the gateway in plain text."""
    api = connect(make_emulator(token_lifetime=60))
    clock.move(59)
    assert api.get("/scenarios").status_code == 200
    clock.move(1)
    answer = api.get("/scenarios")
    assert (answer.status_code, answer.text) == (401, "Jwt is expired")
    assert answer.headers["content-type"].startswith("text/plain")


def test_token_of_an_earlier_emulator_with_the_same_key_is_good(make_emulator):
    """An emulator that is given the service key of an earlier one takes its tokens, as after a restart."""
    earlier = make_emulator()
    token = connect(earlier).headers["Authorization"]
    later = make_emulator(service_key=earlier.service_key)
    answer = connect(later).get("/scenarios", headers={"Authorization": token})
    assert answer.status_code == 200


def test_token_of_another_landscape_is_refused(make_emulator):
    """A token that another identity service gave is refused by its issuer."""
    token = connect(make_emulator(url="https://api.ai.elsewhere.test")).headers["Authorization"]
    answer = connect(make_emulator()).get("/scenarios", headers={"Authorization": token})
    assert (answer.status_code, answer.text) == (401, "Jwt issuer is not configured")


BOTTOMLESS = base64.urlsafe_b64encode(b"[" * 40_000).decode()


@pytest.mark.parametrize("token", ["{token}x", "{token}é", "rubbish", "a.b.c", f"a.{BOTTOMLESS}.c"])
def test_damaged_token_is_refused(api, token):
    """A token whose signature does not fit, or which is none, is refused in plain text."""
    good = api.headers["Authorization"].removeprefix("Bearer ")
    authorization = f"Bearer {token.format(token=good)}".encode()
    answer = api.get("/scenarios", headers=[(b"Authorization", authorization)])
    assert (answer.status_code, answer.text) == (401, "Jwt verification fails")


def test_service_key_without_a_secret_cannot_be_used_again(make_emulator):
    """A service key that lacks what a token needs is refused by name, at once."""
    with pytest.raises(ValueError, match="clientsecret"):
        make_emulator(service_key={"clientid": "sb-1"})
