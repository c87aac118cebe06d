"""The identity of what is to be run once, and the name of a configuration that carries it.

AI Core has no idempotency key, no label and no name on executions, so the *configuration* carries the
identity: its name ends in a mark, and a search for the mark's hash finds it from anywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from airflow_provider_aicore.api.validation import MAX_NAME

_DIGEST_LENGTH = 24
_NOT_READABLE = re.compile(r"[^\w.+: -]+", re.ASCII)
_MARK = re.compile(r" (af-[0-9a-f]{24})-(\d+)\.(\d+)\.(\d+)$", re.ASCII)


class Mark(NamedTuple):
    """What the name of a configuration says of the run that it was made for.

    :param incarnation: 1, and one more each time that the DAG run was deleted and made anew under the same
        id, since Airflow counts from the beginning then.
    :param generation: stays the same over retries and changes when a user clears the task, who wants a new
        run then; a later one need not be greater.
    :param try_number: the try that made the configuration.
    """

    incarnation: int
    generation: int
    try_number: int


@dataclass(frozen=True, slots=True)
class LogicalRun:
    """What is to be run once: a task of a DAG run, over all its tries.

    :param generation: see :class:`Mark`.
    :param try_number: which try this is, from 1, counted over all generations.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    generation: int
    try_number: int = 1

    @property
    def identity(self) -> str:
        """The hash that stands in the names of all its configurations."""
        text = json.dumps([self.dag_id, self.run_id, self.task_id, self.map_index])
        return f"af-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]}"

    def configuration_name(self, incarnation: int = 1) -> str:
        """Return a name that a person can read, in the characters that AI Core takes, and the mark."""
        mark = f"{self.identity}-{incarnation}.{self.generation}.{self.try_number}"
        mapped = f" {self.map_index}" if self.map_index >= 0 else ""
        readable = f"{task_name(self.dag_id, self.task_id)}{mapped} {_readable(self.run_id)}"
        return f"{readable[: MAX_NAME - len(mark) - 1]} {mark}"

    def mark(self, configuration_name: str) -> Mark | None:
        """Read the mark of one of this task instance's configurations; ``None`` for any other."""
        found = _MARK.search(configuration_name)
        if found is None or found[1] != self.identity:
            return None
        return Mark(int(found[2]), int(found[3]), int(found[4]))


def task_name(dag_id: str, task_id: str) -> str:
    """Return how the names of all configurations of a task begin, over its DAG runs and map indexes."""
    return _readable(f"{dag_id}.{task_id}")


def map_index(configuration_name: str, of_task: str) -> int:
    """Return the map index that a name tells after that of its task; -1 for a task that is not mapped."""
    found = re.match(r" (\d+) ", configuration_name.removeprefix(of_task))
    return int(found[1]) if found else -1


def _readable(text: str) -> str:
    return _NOT_READABLE.sub("_", text)
