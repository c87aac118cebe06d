"""Hundreds of kills in a row."""

from __future__ import annotations

import os

from tests.integration.emulator.soak import Soak

KILLS = int(os.environ.get("SOAK_KILLS", "200"))


def test_nothing_acknowledged_is_lost(tmp_path, capsys):
    """Whenever the emulator is killed under load, it starts again with all that it had acknowledged."""
    figures = Soak(tmp_path / "state").run(KILLS)
    with capsys.disabled():
        print(f"\n{figures}")
