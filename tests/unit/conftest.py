"""What all unit tests need."""

from __future__ import annotations

import tempfile

import pytest


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
