"""What a trigger tells the task that it wakes: a wire format between triggerer and worker."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Self

from airflow_provider_aicore.exceptions import AICoreTriggerEventError

EVENT_VERSION = 1

ENDED = "ended"
"""The execution has ended; the event's `status` says how."""
DEADLINE = "deadline"
"""The deadline passed before it had."""
UNREACHABLE = "unreachable"
"""AI Core gave no good answer for the whole error budget; nothing is known about the execution."""
REFUSED = "refused"
"""AI Core refused the credentials or the resource group, or does not know the execution."""
PENDING = "pending"
"""The execution has not started within `pending_timeout`."""

NOT_COMING = "not_coming"
"""An execution that is still to be found is not there, and will not be."""

OUTCOMES = frozenset({ENDED, DEADLINE, UNREACHABLE, REFUSED, PENDING, NOT_COMING})

LOST = "lost"
"""No trigger says this but the worker, of a trigger that Airflow has lost."""


class WaitEvent(NamedTuple):
    """What the event says.

    :param execution_id: empty if it has not been found yet.
    :param search: of what has to be found first: how, as :class:`.scheduled_execution.Search` has it.
    :param log_shown: whether the execution's log stands in the task's, to its end.
    """

    execution_id: str
    outcome: str
    message: str
    deadline: datetime | None
    resource_group: str | None
    search: dict[str, Any] | None = None
    log_shown: bool = False

    @classmethod
    def checked(cls, event: Any) -> Self:
        """Read an event.

        :raises AICoreTriggerEventError: it is not one of this provider's triggers.
        """
        refusal = AICoreTriggerEventError(
            f"The task was resumed with {event!r}, which is no event of AICoreExecutionTrigger. "
            "Check that triggerer and workers run the same version of this provider."
        )
        try:
            is_ours = event["version"] == EVENT_VERSION and event["outcome"] in OUTCOMES
            deadline_at = event["deadline_at"]
            # An older version's event does not say it.
            resource_group = event.get("resource_group")
            checked = cls(
                str(event["execution_id"]),
                str(event["outcome"]),
                str(event["message"]),
                None if deadline_at is None else datetime.fromisoformat(deadline_at),
                None if resource_group is None else str(resource_group),
                event.get("search"),
                bool(event.get("log_shown")),
            )
        except (TypeError, KeyError, ValueError) as error:
            raise refusal from error
        if not is_ours:
            raise refusal
        return checked
