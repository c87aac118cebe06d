"""Starting an execution, which cannot be repeated blindly: AI Core has no idempotency key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.call import Flow, Sleep, once
from airflow_provider_aicore.api.errors import (
    AICoreError,
    APIConnectionError,
    ServerError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.api.retry import RetryPolicy
    from airflow_provider_aicore.ledger.memory import Memory, Record

T = TypeVar("T")

SETTLE_TIME = 30.0
"""Seconds after which a start that shows in no list has not happened: lists may lag behind by seconds, and a
request whose sender has died may still be on its way."""
_SETTLE_INTERVAL = 3.0


def settle(look: Callable[[], Flow[T]], is_settled: Callable[[T], bool]) -> Flow[T]:
    """Look until what is seen is settled or the settle time has passed; return what was seen last."""
    waited = 0.0
    while True:
        seen = yield from look()
        if is_settled(seen) or waited >= SETTLE_TIME:
            return seen
        yield Sleep(_SETTLE_INTERVAL)
        waited += _SETTLE_INTERVAL


def start(
    record: Record,
    find: Callable[[], Flow[str | None]],
    memory: Memory,
    retry: RetryPolicy,
    *,
    starts: int = 3,
) -> Flow[str]:
    """Start an execution, and note the intent before and its id after.

    After an answer that was lost it looks for the execution before it starts another one.

    :param find: looks for the id of an execution that this start may have made.
    :param starts: how many are sent at most, where none shows.
    :return: the id of the execution.
    :raises AICoreError: AI Core refused, or gave no good answer to several starts of which none shows.
    """
    for starts_left in reversed(range(starts)):
        memory.write(record)
        try:
            execution_id = (yield from once(executions.create(record.configuration_id), retry)).id
        except AICoreError as error:
            if not _may_have_taken_effect(error):
                memory.forget()
                raise
            found = yield from settle(find, lambda found: found is not None)
            if found is None and starts_left:
                continue
            if found is None:
                raise
            execution_id = found
        memory.write(replace(record, execution_id=execution_id))
        return execution_id
    raise AssertionError


def _may_have_taken_effect(error: AICoreError) -> bool:
    if isinstance(error, APIConnectionError):
        return error.may_have_taken_effect
    return isinstance(error, (ServerError, UnexpectedResponseError))
