"""A wait that looks for itself: as a flow, for a worker that waits for nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider_aicore.api.call import Flow, Sleep, once
from airflow_provider_aicore.poller.pace import pause
from airflow_provider_aicore.poller.wait import TROUBLE, Log, Looks, Wait, Watch, is_overdue

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

_JITTER = 0.1


def until_ended(
    wait: Wait,
    *,
    retry: RetryPolicy,
    log: Log,
    now: Callable[[], float] | None = None,
    wall: Callable[[], float] | None = None,
) -> Flow[Execution | None]:
    """Look at an execution until it has ended or the time is over.

    Trouble in looking is never an outcome: it is waited out within the error budget. Each change of the
    status is told but the last, which is the caller's to tell. The interval is up to a tenth longer; looks
    come sooner only where an expected duration is given, about then and while the execution is young.

    :param now: a clock in seconds that never jumps; the system's if not given.
    :param wall: a clock in seconds since the epoch; the system's if not given.
    :return: the execution when it ended, or is overdue; when the time was over, as last seen (``None`` if it
        never was).
    :raises AICoreError: the credentials or the resource group were refused, the execution does not exist (a
        404 for a minute), or the error budget is used up.
    """
    now, wall = now or time.monotonic, wall or time.time
    looks = Looks(now())
    end = None if wait.seconds is None else looks.last_good + wait.seconds
    watch = Watch(wait, log, looks, wall)
    born: float | None = None
    yield Sleep(_until(end, wait.first_look_after, now()))
    while True:
        try:
            entity: Execution = yield from once(wait.kind.read(wait.id), retry)
        except TROUBLE as error:
            looks.bad(error, now())
            if watch.bear(now()) is not None:
                raise
            rest = max(wait.interval, getattr(error, "retry_after", None) or 0.0)
        else:
            looks.good(now())
            watch.saw(entity, now())
            if wait.kind.has_ended(entity.status) or is_overdue(wait, entity, wall):
                return entity
            rest = wait.interval
            if born is None:  # Once: AI Core's clock may differ from ours, and ours may jump.
                born = now() - max(0.0, wall() - entity.created_at.timestamp())
            if wait.expected_duration:
                rest = pause(now() - born, rest, wait.expected_duration)
        if end is not None and now() >= end:
            seen: Execution | None = watch.seen
            return seen
        yield Sleep(_until(end, rest * (1 + _JITTER * retry.jitter()), now()))


def _until(end: float | None, rest: float, now: float) -> float:
    """Shorten a pause so that it does not reach past the end."""
    return rest if end is None else max(0.0, min(rest, end - now))
