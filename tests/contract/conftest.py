"""What the contract tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.contract.openapi import Description


@pytest.fixture(scope="session")
def description() -> Description:
    """Give the vendor's OpenAPI description; it is no part of this repository."""
    path = os.environ.get("AICORE_OPENAPI")
    if not path or not Path(path).is_file():
        pytest.skip(
            "AICORE_OPENAPI names no file: set it to the vendor's OpenAPI description of AI Core, "
            "published in the public repository SAP/ai-sdk-js under packages/ai-api/src/spec"
        )
    return Description(path)
