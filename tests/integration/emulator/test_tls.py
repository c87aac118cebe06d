"""The emulator over TLS, and the token for who shows a certificate."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import httpx
import pytest

from airflow_provider_aicore.api import Client, ServiceKey, scenarios
from airflow_provider_aicore.api.retry import NO_RETRY
from airflow_provider_aicore.emulator.server import EmulatorServer
from airflow_provider_aicore.examination import Case, Verdict, examine
from tests.emulators import connect
from tests.integration.emulator.laboratory import REPORT, Laboratory, python


@pytest.fixture(scope="module")
def server():
    """Give an emulator that speaks TLS."""
    with EmulatorServer(tls=True) as server:
        yield server


@pytest.fixture(scope="module")
def stranger():
    """Give another one, whose certificates are not those of the first."""
    with EmulatorServer(tls=True) as server:
        yield server


def ask_for_token(server, tmp_path, certificate_of=None):
    """Ask for a token without a secret, with the client certificate of an emulator or with none."""
    context = ssl.create_default_context(cafile=server.authority_file)
    if certificate_of is not None:
        key = certificate_of.x509_service_key
        (tmp_path / "client.pem").write_text(key["certificate"] + key["key"])
        context.load_cert_chain(tmp_path / "client.pem")
    form = {"grant_type": "client_credentials", "client_id": server.emulator.service_key["clientid"]}
    with httpx.Client(verify=context, trust_env=False, timeout=90) as client:
        return client.post(f"{server.x509_service_key['certurl']}/oauth/token", data=form)


def examined(key):
    """Look at a key as the doctor does, and give the lines by the names of their checks."""
    with Client(ServiceKey.parse(key), retry=NO_RETRY) as client:
        lines = client.run(examine(Case(client.service_key, client.resource_group, client.now)))
    return {line.check: line for line in lines}


def test_certificate_gets_a_token(server, tmp_path):
    """Who shows the certificate needs no secret."""
    assert ask_for_token(server, tmp_path, server).json()["token_type"] == "bearer"


def test_without_the_certificate_there_is_no_connection(server, stranger, tmp_path):
    """No certificate, and that of another authority, end the connection before anything is answered."""
    for certificate_of in (None, stranger):
        with pytest.raises(httpx.TransportError):
            ask_for_token(server, tmp_path, certificate_of)


def test_certificate_counts_only_where_it_is_asked_for(server):
    """The identity service for secrets takes no client id alone."""
    context = ssl.create_default_context(cafile=server.authority_file)
    form = {"grant_type": "client_credentials", "client_id": server.emulator.service_key["clientid"]}
    answer = httpx.post(f"{server.url}/oauth/token", data=form, verify=context, trust_env=False, timeout=90)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


def test_client_needs_the_authority_and_nothing_else(server, monkeypatch):
    """The provider's client works with the key for certificates once it trusts the authority."""
    key = server.x509_service_key
    assert key["serviceurls"]["AI_API_URL"].startswith("https://127.0.0.1:")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority_file))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Client(ServiceKey.parse(json.dumps(key))) as client:
        assert client.send(scenarios.query()) == []


def test_doctor_names_a_certificate_that_is_not_trusted(server, monkeypatch):
    """Who has not said whom to trust is told how to."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "SSL_CERT_FILE" in examined(server.x509_service_key)["host"].text


@pytest.mark.parametrize(
    ("days", "verdict", "token"),
    [(7, Verdict.OK, Verdict.OK), (1, Verdict.WARNING, Verdict.OK), (-1, Verdict.WRONG, Verdict.NOT_CHECKED)],
)
def test_doctor_names_a_certificate_that_ends(monkeypatch, days, verdict, token):
    """The identity service takes one until it ends, and the doctor says so before."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with EmulatorServer(tls=True, certificate_days=days) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authority_file))
        lines = examined(server.x509_service_key)
    assert (lines["certificate"].verdict, lines["token"].verdict) == (verdict, token)


def test_an_expired_certificate_gets_no_token(tmp_path):
    """TLS refuses it, as AI Core's identity service does."""
    with EmulatorServer(tls=True, certificate_days=-1) as server, pytest.raises(httpx.TransportError):
        ask_for_token(server, tmp_path, server)


def test_only_tokens_where_certificates_are_asked_for(server, tmp_path):
    """AI Core itself is not at the URL for certificates."""
    key = server.x509_service_key
    (tmp_path / "client.pem").write_text(key["certificate"] + key["key"])
    context = ssl.create_default_context(cafile=server.authority_file)
    context.load_cert_chain(tmp_path / "client.pem")
    assert (
        httpx.get(f"{key['certurl']}/v2/lm/meta", verify=context, trust_env=False, timeout=90).status_code
        == 404
    )


def test_certificates_go_with_the_server():
    """The files of keys are gone afterwards, and without TLS there is no key with a certificate."""
    with EmulatorServer(tls=True) as server:
        folder = Path(str(server.authority_file)).parent
        assert folder.exists()
    assert not folder.exists()
    with EmulatorServer() as server, pytest.raises(ValueError, match="needs TLS"):
        _ = server.x509_service_key


def test_metrics_come_without_tls(tmp_path):
    """A process reports its metrics over HTTP, as in a pod: it need not trust anybody."""
    laboratory = Laboratory(tmp_path)
    laboratory.prepare(python(REPORT))
    with EmulatorServer(tls=True, templates=laboratory.templates) as server:
        api = connect(server.emulator)
        execution_id = api.start()
        laboratory.wait(api, execution_id, {"COMPLETED"})
        assert api.get("/metrics", params={"executionIds": execution_id}).json()["count"] == 1
