"""An emulator with one executable, its clock, and a plain HTTP client that has a token for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aicore.emulator import Emulator
from tests.unit.emulator.client import Api, Clock, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def clock() -> Clock:
    """Give the emulator's clock."""
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Iterator[Callable[..., Emulator]]:
    """Give a function that makes emulators with the executable ``text-clf-train``."""
    made = []

    def make(**options: Any) -> Emulator:
        emulator = Emulator(now=clock, **options)
        emulator.add_executable(
            "text-clf",
            "text-clf-train",
            parameters={"epochs": "10", "learning-rate": None},
            input_artifacts={"text-data": "dataset"},
            output_artifacts={"text-model": "model"},
        )
        made.append(emulator)
        return emulator

    yield make
    for emulator in made:
        emulator.close()


@pytest.fixture
def emulator(make: Callable[..., Emulator]) -> Emulator:
    """Give an emulator with default options."""
    return make()


@pytest.fixture
def api(emulator: Emulator) -> Api:
    """Give a client of the resource group ``default``."""
    return connect(emulator)


@pytest.fixture
def admin(api: Api) -> Api:
    """Give the same client below ``/v2/admin``."""
    api.base_url = str(api.base_url).replace("/lm", "/admin")
    return api
