"""The emulator is killed while clients write; ``make soak`` does it for longer."""

from __future__ import annotations

from tests.integration.emulator.soak import Soak


def test_nothing_acknowledged_is_lost_in_a_few_kills(tmp_path):
    """After each SIGKILL under load the emulator starts again with all that it had acknowledged."""
    soak = Soak(tmp_path / "state")
    soak.run(5)
    assert len(soak.noted) > 20
