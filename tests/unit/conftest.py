"""What all unit tests need."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True, scope="session")
def _few_authorities(pem, tmp_path_factory):
    """Trust one authority in place of the machine's hundred, which take long to read for each TLS setting."""
    authorities = tmp_path_factory.mktemp("authorities") / "authorities.pem"
    authorities.write_text(pem["own.crt"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authorities))
        yield


@pytest.fixture(autouse=True)
def _own_secrets():
    """Let Airflow forget the secrets of each test: none hides what another leaks, and masking stays quick."""
    yield
    masker = sys.modules.get("airflow.sdk._shared.secrets_masker")
    if masker is not None:  # A test that needs no Airflow does not load it.
        masker.reset_secrets_masker()
