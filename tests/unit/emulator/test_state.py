"""What there is to keep; `tests/integration/emulator/test_state.py` has the folder that keeps it."""

from __future__ import annotations

from dataclasses import fields
from typing import get_origin, get_type_hints

import pytest

from airflow_provider_aicore.emulator.changes import Entity, collections
from airflow_provider_aicore.emulator.logbook import Logbook, LogLine
from airflow_provider_aicore.emulator.state import ResourceGroup, Tenant


@pytest.mark.parametrize("owner", [Tenant, ResourceGroup])
def test_no_collection_is_left_out(owner):
    """What takes more and more things is a dict of dataclasses that are frozen or notice changes."""
    hints = get_type_hints(owner)
    several = {each.name for each in fields(owner) if get_origin(hints[each.name]) in {dict, list, set}}
    assert several - {"earlier"} == set(collections(owner)), "make it a dict from id to dataclass"
    for kind, entity in collections(owner).items():
        noticed = issubclass(entity, Entity) or entity.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert noticed, f"changes of what is in {kind} go unnoticed: make it an Entity"


def test_log_is_in_order_and_ends_somewhere():
    """Lines that come late go where they belong; of too many the oldest are dropped."""
    log = Logbook(most=20)
    for nanoseconds in (5, 9, 7):
        log.add(LogLine(nanoseconds, "main", "pod", str(nanoseconds)))
    assert [line.msg for line in log.between(6, 9, 5)] == ["7", "9"]
    assert [line.msg for line in log.between(0, 9, 2, newest_first=True)] == ["9", "7"]
    for number in range(20):
        log.add(LogLine(10 + number, "main", "pod", ""))
    assert [line.nanoseconds for line in log] == list(range(10, 30))
