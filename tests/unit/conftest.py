"""What all unit tests need."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def _few_authorities(pem, tmp_path_factory):
    """Trust one authority in place of the machine's hundred, which take long to read for each TLS setting."""
    authorities = tmp_path_factory.mktemp("authorities") / "authorities.pem"
    authorities.write_text(pem["own.crt"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authorities))
        yield
