"""A place to wait in together, for each test of the shared poll."""

from __future__ import annotations

import pytest

from tests.together import Together


@pytest.fixture
def together(emulator, clock, service_key):
    """Return a place to wait in."""
    return Together(emulator, clock, service_key)
