"""What a task may find of its earlier tries, and what it does with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_aicore.api import executions, termination
from airflow_provider_aicore.api.call import Flow, once, pages
from airflow_provider_aicore.api.errors import NotFoundError
from airflow_provider_aicore.api.lifecycle import Outcome, is_on_its_way_out, outcome
from airflow_provider_aicore.ledger.start import settle

if TYPE_CHECKING:
    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy
    from airflow_provider_aicore.api.termination import Patience


def look(execution_id: str, retry: RetryPolicy) -> Flow[Execution | None]:
    """Read an execution that may have been deleted; one that was just created can be unknown for a moment."""
    return (yield from settle(lambda: _read(execution_id, retry), lambda seen: seen is not None))


def _read(execution_id: str, retry: RetryPolicy) -> Flow[Execution | None]:
    try:
        return (yield from once(executions.get(execution_id), retry))
    except NotFoundError:
        return None


def executions_of(configuration_id: str, retry: RetryPolicy) -> Flow[list[Execution]]:
    """Read all executions of a configuration."""
    found = yield from pages(
        lambda top, skip: executions.query(configuration_id=configuration_id, top=top, skip=skip), retry
    )
    return list({one.id: one for one in found}.values())


def is_adoptable(execution: Execution) -> bool:
    """Tell whether a task can take an execution for its own: it has COMPLETED, or may yet."""
    ended = outcome(execution.status)
    return ended is Outcome.SUCCEEDED or (ended is None and not is_on_its_way_out(execution))


def end_all(found: list[Execution], patience: Patience) -> Flow[tuple[str, ...]]:
    """End those that have not ended and wait for it; return their ids.

    :raises TimeoutError: one does not end in time; all were asked to.
    """
    live = [one.id for one in found if outcome(one.status) is None]
    if len(live) > 1:
        yield from termination.end_all(live, replace(patience, seconds=0.0))
    for execution_id in live:
        yield from termination.bring_to_end(execution_id, patience)
    return tuple(live)
