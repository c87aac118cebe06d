"""What all unit tests need."""

from __future__ import annotations

import tempfile

import pytest


def _refuse(*_arguments):
    raise AssertionError("A unit test neither connects nor sleeps: it belongs to another tier.")


@pytest.fixture(autouse=True)
def _no_network_and_no_sleep(monkeypatch):
    """Refuse both: this tier is run after every change."""
    monkeypatch.setattr("socket.socket.connect", _refuse)
    monkeypatch.setattr("time.sleep", _refuse)


@pytest.fixture(autouse=True, scope="session")
def _few_authorities(pem):
    """Trust one authority in place of the machine's hundred, which take long to read for each TLS setting."""
    with (
        tempfile.NamedTemporaryFile("w", suffix=".pem") as authorities,
        pytest.MonkeyPatch.context() as patch,
    ):
        authorities.write(pem["own.crt"])
        authorities.flush()
        patch.setenv("SSL_CERT_FILE", authorities.name)
        yield
