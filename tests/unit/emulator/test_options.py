"""What AI Core leaves open: each option, both ways."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Options


def test_a_choice_that_is_none_is_refused():
    """A misspelt choice is named with those that are possible, instead of counting as another."""
    with pytest.raises(ValueError, match=r"refused_transition_status=409.*400, 412"):
        Options(refused_transition_status=409)  # type: ignore[arg-type]
