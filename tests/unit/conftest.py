"""What all unit tests need."""

from __future__ import annotations

import tempfile

import pytest


@pytest.fixture(autouse=True)
def _no_network_and_no_sleep(monkeypatch):
    """Fail who does, in the end: an error at once could pass for an outcome."""
    done = []

    def refuse(*arguments):
        done.append(arguments)
        raise OSError("A unit test neither connects nor sleeps.")

    for name in ("socket.socket.connect", "socket.socket.connect_ex", "socket.getaddrinfo", "time.sleep"):
        monkeypatch.setattr(name, refuse)
    yield
    assert not done, "A unit test neither connects nor sleeps: this one belongs to another tier."


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
