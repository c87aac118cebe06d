"""A task's memory, and the emulator with one executable that runs and runs."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aicore.api.termination import Patience
from airflow_provider_aicore.emulator import Progress


class KeptMemory:
    """A task's memory, as a store has it."""

    def __init__(self, *, is_lasting: bool = True) -> None:
        self.is_lasting = is_lasting
        self.record = None
        self.written: list[Any] = []

    def read(self):
        """Return what was written last."""
        return self.record

    def write(self, record):
        """Keep it, if there is a place for it."""
        self.written.append(record)
        self.record = record if self.is_lasting else None

    def forget(self):
        """Drop it."""
        self.record = None


@pytest.fixture(params=[True, False], ids=["with store", "without store"])
def memory(request):
    """Return the memory of a task, on newer Airflow and on older."""
    return KeptMemory(is_lasting=request.param)


@pytest.fixture
def patience(retry, clock):
    """Return how long to wait for an end."""
    return Patience(retry, 300.0, now=clock.now)


@pytest.fixture(autouse=True)
def _running(emulator):
    emulator.script("text-clf-train", Progress.stuck("RUNNING"))
