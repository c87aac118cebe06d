"""The ledger's record in Airflow's task state store, which there is from 3.3 on."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.ledger.memory import Record

if TYPE_CHECKING:
    from airflow_provider_aicore.poller import Log

KEY = "aicore_start"
"""Where the record stands. Later versions read it: add to it with defaults, never rename."""


class TaskMemory:
    """Keeps the record over the tries of a task; without a store over the life of its process.

    :param store: the context's ``task_state_store``, or ``None`` where Airflow has none.
    :param resource_group: where the task starts its execution.
    """

    def __init__(self, store: Any, log: Log, resource_group: str) -> None:
        self._store = store
        self._resource_group = resource_group
        self._log = log
        self._last: Record | None = None
        self.is_lasting = store is not None

    def read(self) -> Record | None:
        """Return what was written last."""
        if self._last or self._store is None:
            return self._last
        kept = self._store.get(KEY)
        if not kept:
            return None
        at = kept.get("intended_at")
        return Record(
            generation=int(kept["generation"]),
            configuration_id=str(kept["configuration_id"]),
            execution_id=kept.get("execution_id"),
            resource_group=kept.get("resource_group"),
            intended_at=None if at is None else datetime.fromisoformat(at),
        )

    def write(self, record: Record) -> None:
        """Replace the record; an id that could not be kept is found by looking for it."""
        self._last = record = replace(record, resource_group=self._resource_group)
        if self._store is None:
            return
        at = record.intended_at
        value = asdict(record) | {"intended_at": None if at is None else at.isoformat()}
        try:
            self._store.set(KEY, value)
        except Exception as error:
            if record.execution_id is None:
                raise
            self._log.warning(
                "Airflow did not keep the id of execution %s; a retry looks for it in AI Core. %s",
                record.execution_id,
                error,
            )

    def forget(self) -> None:
        """Drop the record: nothing was started."""
        self._last = None
        if self._store is None:
            return
        try:
            self._store.delete(KEY)
        except Exception as error:  # noqa: BLE001 - it only makes a retry look longer
            self._log.warning("Airflow did not drop the note of a start that was refused. %s", error)
