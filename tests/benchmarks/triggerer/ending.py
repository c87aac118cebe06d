"""A trigger that ends its task by itself."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TaskFailedEvent, TaskSuccessEvent

from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow.triggers.base import TriggerEvent


class EndingTrigger(AICoreExecutionTrigger):
    """Waits as ours does, and then spares the task its worker.

    Airflow gives a mapped task's trigger no arguments when it starts it, so that each finds its own.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{"execution_id": "of the map index", **arguments})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (f"{__name__}.{type(self).__name__}", super().serialize()[1])

    async def run(self) -> AsyncIterator[TriggerEvent]:
        assert self.task_instance is not None
        self.execution_id = _ids()[self.task_instance.map_index]
        async for event in super().run():
            if event.payload["status"] == "COMPLETED":
                yield TaskSuccessEvent()
            else:
                yield TaskFailedEvent(xcoms={"event": event.payload})


@cache
def _ids() -> list[str]:
    ids: list[str] = json.loads(Path(os.environ["EXECUTION_IDS"]).read_text())
    return ids
