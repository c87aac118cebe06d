"""What a deferred task has to know again when its trigger is lost.

Airflow drops the arguments of the deferral then, and 3.1 the task's start date on every deferral; an XCom
stays until the next try begins.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Self

KEY = "aicore_wait"
"""The XCom's key."""


class KeptWait(NamedTuple):
    """A wait that is on.

    :param execution_id: empty if it has not been found yet.
    :param lost_triggers: how many triggers of this try crashed, could not be loaded or were given up.
    :param search: of what has to be found first: how, as :class:`.scheduled_execution.Search` has it.
    """

    execution_id: str
    resource_group: str
    deadline: datetime | None
    lost_triggers: int = 0
    search: dict[str, Any] | None = None

    def keep(self, task_instance: Any) -> None:
        """Store it, in place of an older one."""
        deadline_at = None if self.deadline is None else self.deadline.isoformat()
        task_instance.xcom_push(
            key=KEY,
            value={
                "execution_id": self.execution_id,
                "resource_group": self.resource_group,
                "deadline_at": deadline_at,
                "lost_triggers": self.lost_triggers,
                "search": self.search,
            },
        )

    @classmethod
    def of(cls, task_instance: Any) -> Self | None:
        """Read what this try has stored; ``None`` where it did not, as before a version that does."""
        # Of a mapped task it would be the list of all without the index.
        map_index = -1 if task_instance.map_index is None else task_instance.map_index
        stored = task_instance.xcom_pull(task_ids=task_instance.task_id, key=KEY, map_indexes=map_index)
        if not isinstance(stored, dict):
            return None
        deadline_at = stored["deadline_at"]
        return cls(
            stored["execution_id"],
            stored["resource_group"],
            None if deadline_at is None else datetime.fromisoformat(deadline_at),
            stored["lost_triggers"],
            stored.get("search"),
        )
