"""The options themselves; `tests/contract/emulator/test_options.py` has what they change."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Options


@pytest.mark.parametrize(
    ("name", "value", "possible"),
    [
        ("refused_transition_status", 409, "400, 412"),
        ("undeclared_bindings", "refused", "accept, refuse"),
        ("null_fields", "true", "true, false"),
        ("list_lag", -1, "a number of seconds"),
        ("list_lag", float("nan"), "a number of seconds"),
        ("list_lag", True, "a number of seconds"),
        ("list_order_seed", 1.5, "a whole number"),
    ],
)
def test_a_value_that_is_not_possible_is_refused(name, value, possible):
    """It is named with those that are possible, instead of counting as another."""
    with pytest.raises(ValueError, match=rf"{name}=.*{possible}"):
        Options(**{name: value})
