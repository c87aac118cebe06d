"""What all unit tests need."""

from __future__ import annotations

import asyncio
import tempfile

import pytest

from tests.turned_loop import TurnedLoop


@pytest.fixture(autouse=True)
def _no_network_no_database_no_sleep(monkeypatch):
    """Fail who does, in the end: an error at once could pass for an outcome."""
    done = []

    def refuse(*arguments):
        done.append(arguments)
        raise OSError("A unit test asks no network and no database, and does not sleep.")

    def sleep(seconds, *arguments):
        if seconds > 0 and not isinstance(asyncio.get_running_loop(), TurnedLoop):
            done.append(seconds)
        return asyncio_sleep(seconds, *arguments)

    asyncio_sleep = asyncio.sleep
    monkeypatch.setattr("asyncio.sleep", sleep)
    for name in (
        "socket.socket.connect",
        "socket.socket.connect_ex",
        "socket.getaddrinfo",
        "sqlite3.connect",
        "sqlite3.dbapi2.connect",
        "time.sleep",
    ):
        monkeypatch.setattr(name, refuse)
    yield
    assert not done, (
        "A unit test asks no network and no database, and does not sleep: this one is of another tier."
    )


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
