"""An emulator in process; `tests/contract/conftest.py` has the targets that stand for a tenant, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_aicore.emulator import Emulator
    from tests.emulators import Api


@pytest.fixture(scope="session")
def declared_inputs() -> dict[str, str]:
    """Give ``text-clf-train`` an input artifact."""
    return {"text-data": "dataset"}


@pytest.fixture
def emulator(make_emulator) -> Emulator:
    """Give an emulator with default options."""
    emulator: Emulator = make_emulator()
    return emulator


@pytest.fixture
def admin(api: Api) -> Api:
    """Give the client of `emulator` below ``/v2/admin``."""
    api.base_url = str(api.base_url).replace("/lm", "/admin")
    return api
