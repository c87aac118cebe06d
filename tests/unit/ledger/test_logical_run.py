"""The identity of what is to be run once."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_aicore.api.validation import check_name
from airflow_provider_aicore.ledger.logical_run import LogicalRun, Mark

RUN = LogicalRun("training", "manual__2026-01-01T00:00:00+00:00", "train", -1, generation=0)


@pytest.mark.parametrize(
    "change",
    [
        {"dag_id": "other"},
        {"run_id": "other"},
        {"task_id": "other"},
        {"map_index": 1},
        {"dag_id": "training.train", "task_id": ""},
    ],
    ids=str,
)
def test_each_part_of_the_identity_changes_the_hash(change):
    """Two task instances that differ in anything have different hashes."""
    assert dataclasses.replace(RUN, **change).identity != RUN.identity


def test_the_mark_is_the_same_in_every_version():
    """The mark is how a newer version finds what an older one has started: it never changes."""
    assert RUN.configuration_name().endswith(" af-080134c3efa7ade536d05294-1.0.1")


@pytest.mark.parametrize(
    "run", [RUN, LogicalRun("dägs/x", "r" * 250, "t" * 250, 7, 3)], ids=["plain", "long and odd"]
)
def test_the_name_is_one_that_ai_core_takes(run):
    """Any DAG and run id gives a name within AI Core's limits with the mark in it."""
    name = check_name("name", run.configuration_name(incarnation=2))

    assert run.mark(name) == Mark(2, run.generation, run.try_number)


@pytest.mark.parametrize(
    "name",
    [
        f"{RUN.configuration_name()} copied by a person",
        RUN.configuration_name().replace("af-", "af"),
        dataclasses.replace(RUN, map_index=1).configuration_name(),
        "text-clf",
    ],
)
def test_what_does_not_end_in_the_mark_is_someone_else_s(name):
    """Only the end of the name counts."""
    assert RUN.mark(name) is None
