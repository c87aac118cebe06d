"""The judge would notice what must not be."""

from __future__ import annotations

import pytest

from tests.kills.verdict import Verdict, judged

EARLY = {"id": "e1", "createdAt": "2026-01-01T10:00:00Z", "completionTime": "2026-01-01T10:01:00Z"}
MEANWHILE = {"id": "e2", "createdAt": "2026-01-01T10:00:30Z", "completionTime": "2026-01-01T10:01:30Z"}
AFTERWARDS = {"id": "e3", "createdAt": "2026-01-01T10:01:03Z", "completionTime": "2026-01-01T10:02:00Z"}


def task(state: str) -> dict[str, object]:
    """Make a task instance that has ended."""
    return {"task_id": "run", "map_index": 0, "state": state, "try_number": 2}


def found(state: str, *executions: dict[str, str]) -> set[str]:
    """Say what the judge has against a task with these executions."""
    verdict: Verdict = judged([task(state)], {"run-0": list(executions)})
    return {name for name, complaints in vars(verdict).items() if complaints}


@pytest.mark.parametrize(
    ("state", "executions", "complaints"),
    [
        ("success", [EARLY | {"status": "COMPLETED"}], set()),
        ("success", [EARLY | {"status": "DEAD"}, AFTERWARDS | {"status": "COMPLETED"}], set()),
        ("failed", [EARLY | {"status": "DEAD"}, AFTERWARDS | {"status": "DEAD"}], set()),
        ("success", [EARLY | {"status": "DEAD"}, MEANWHILE | {"status": "COMPLETED"}], {"duplicates"}),
        ("success", [EARLY | {"status": "COMPLETED"}, AFTERWARDS | {"status": "COMPLETED"}], {"duplicates"}),
        ("failed", [{"id": "e1", "createdAt": EARLY["createdAt"], "status": "RUNNING"}], {"orphans"}),
        ("failed", [EARLY | {"status": "STOPPED"}], {"stopped"}),
        ("success", [EARLY | {"status": "DEAD"}], {"wrong"}),
        ("failed", [EARLY | {"status": "COMPLETED"}], {"wrong"}),
        ("success", [], {"wrong"}),
    ],
)
def test_judge(state, executions, complaints):
    """Each kind of wrong is found, and nothing is complained of where all is right."""
    assert found(state, *executions) == complaints
