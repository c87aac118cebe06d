"""The cursor: what is new, and what it may forget."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_aicore.api.models import Execution
from airflow_provider_aicore.ended_executions import MAX_TOLD, OVERLAP, Cursor, ended_at

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def _execution(number, at, **change):
    body = {
        "id": f"e{number:015x}",
        "configurationId": "47b3eed9",
        "status": "COMPLETED",
        "createdAt": at - timedelta(hours=1),
        "modifiedAt": at,
        "completionTime": at,
    }
    return Execution.model_validate({**body, **change})


def _again(cursor):
    return Cursor.of(json.loads(json.dumps(cursor.kept())))


@pytest.mark.parametrize("fraction", [0, 1, 500_000, 999_999])
def test_what_was_told_is_not_new_whatever_was_forgotten(fraction):
    """Also where the time is kept in whole seconds, and moves on over the very end of an execution."""
    ended_at = NOON.replace(microsecond=fraction)
    execution = _execution(1, ended_at)
    cursor = _again(Cursor(NOON - OVERLAP).having_told(execution))

    for quarter in range(-8, 9):
        moved = _again(cursor.moved_on(NOON + OVERLAP + quarter * SECOND / 4))
        assert moved.news([execution]) == []


def test_a_later_change_makes_nothing_new():
    """A deletion of an execution that ended long ago is no end."""
    cursor = Cursor(NOON)

    assert cursor.news([_execution(1, NOON - SECOND, modifiedAt=NOON + SECOND)]) == []


def test_without_an_end_its_last_change_counts():
    """AI Core may leave out when an execution ended."""
    execution = _execution(1, NOON, completionTime=None)

    assert Cursor(NOON).news([execution]) == [execution]


def test_what_is_seen_late_is_new_for_a_day():
    """After that it is old, since what was told is forgotten by then."""
    cursor = Cursor(NOON - 7 * OVERLAP).moved_on(NOON)
    new, old = _execution(1, NOON - OVERLAP + SECOND), _execution(2, NOON - OVERLAP - SECOND)

    assert cursor.news([new, old]) == [new]


def test_news_come_in_the_order_of_their_ends_and_once():
    """Lists have no order and may hold one twice."""
    late, soon = _execution(1, NOON + SECOND), _execution(2, NOON)

    assert Cursor(NOON).news([late, soon, late]) == [soon, late]


def test_a_flood_does_not_burst_the_store():
    """The oldest are forgotten, and are not new for that."""
    many = [_execution(number, NOON + number * SECOND) for number in range(MAX_TOLD + 100)]
    cursor = Cursor(NOON, {one.id: ended_at(one) for one in many})

    cursor = _again(cursor.moved_on(NOON + timedelta(hours=1)))

    assert len(cursor.told) <= MAX_TOLD
    assert len(json.dumps(cursor.kept())) < 64_000
    assert cursor.news(many) == []
