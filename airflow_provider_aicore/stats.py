"""What Airflow's metrics are told: of executions how they ended and when, and what looking at them costs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow_provider_aicore.api import Execution
    from airflow_provider_aicore.api.call import Answer, Call
    from airflow_provider_aicore.ledger.memory import Started

_LOG = logging.getLogger(__name__)


def tell_end(execution: Execution, resource_group: str) -> None:
    """Tell how an execution ended that a task has waited for."""
    tags = {
        "resource_group": resource_group,
        "scenario_id": execution.scenario_id,
        "executable_id": execution.executable_id,
    }
    began, ended = execution.start_time, execution.completion_time
    if began is not None:
        _timing("aicore.execution.queue_time", began - execution.created_at, tags)
        if ended is not None:
            _timing("aicore.execution.run_time", ended - began, tags)
    _count(f"aicore.execution.outcome.{execution.status.value.lower()}", 1, tags)


def tell_start(started: Started, resource_group: str) -> None:
    """Tell how many executions a start would have been too many."""
    prevented = started.adopted + len(started.superfluous)
    if prevented:
        _count("aicore.duplicates_prevented", prevented, {"resource_group": resource_group})


def tell_poll(call: Call[Any], answer: Answer) -> None:
    """Tell that a triggerer has asked AI Core, and what came of it."""
    status = str(answer.status_code) if isinstance(answer, httpx.Response) else "none"
    _count("aicore.poll.requests", 1, {"method": call.method, "status": status})


def _count(name: str, count: int, tags: dict[str, str | None]) -> None:
    _tell("incr", name, count, tags)


def _timing(name: str, duration: timedelta, tags: dict[str, str | None]) -> None:
    _tell("timing", name, duration, tags)


def _tell(how: str, name: str, value: object, tags: dict[str, str | None]) -> None:
    from airflow.providers.common.compat.sdk import Stats

    try:
        getattr(Stats, how)(name, value, tags={tag: text for tag, text in tags.items() if text})
    except Exception:  # noqa: BLE001 - no task fails for its figures, and no poll ends for them
        _LOG.debug("Airflow's metrics did not take %s", name, exc_info=True)
