"""Instants on the wire."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator.timestamps import parse_nanoseconds, with_nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T00:00:00.5+00:00", 500_000_000),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1969-12-31T22:30:00-01:30", 0),
    ],
)
def test_instants_keep_their_nanoseconds(text, nanoseconds):
    """All nine digits count, in any zone."""
    assert parse_nanoseconds(text) == nanoseconds
    assert parse_nanoseconds(with_nanoseconds(nanoseconds)) == nanoseconds
