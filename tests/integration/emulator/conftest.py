"""A place to run executions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.emulator.laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    """Give a place to run executions, and end them afterwards."""
    laboratory = Laboratory(tmp_path)
    yield laboratory
    for emulator in laboratory.emulators:
        emulator.close()
