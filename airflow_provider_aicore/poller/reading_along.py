"""A wait that reads the log meanwhile: as a flow, for a worker that waits for nothing else."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aicore.api.call import Flow, Sleep
from airflow_provider_aicore.api.errors import AICoreError
from airflow_provider_aicore.api.log_following import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_aicore.api.log_following import LogFollower
    from airflow_provider_aicore.api.log_lines import ShownLine
    from airflow_provider_aicore.api.metric_following import MetricFollower

    Tell = Callable[[Iterable[ShownLine]], object]

T = TypeVar("T")


def reading_along(flow: Flow[T], follower: LogFollower | MetricFollower, tell: Tell) -> Flow[T]:
    """Run a flow, and read a log, or metrics, whenever that sleeps.

    :param tell: shows what is read.
    """
    with closing(flow):
        go_on: Callable[[], Any] = partial(flow.send, None)
        while True:
            try:
                step = go_on()
            except StopIteration as done:
                result: T = done.value
                return result
            try:
                if isinstance(step, Sleep):
                    yield from _asleep(follower.now() + step.seconds, follower, tell)
                    answer = None
                else:
                    answer = yield step
            except AICoreError as error:
                go_on = partial(flow.throw, error)
            else:
                go_on = partial(flow.send, answer)


def read_to_the_end(follower: LogFollower, tell: Tell) -> Flow[None]:
    """Read what is left of a log once its execution has ended, for some seconds at most."""
    now = follower.now
    end = now() + PATIENCE
    follower.end()
    while not follower.is_done and follower.due_at < end:
        yield Sleep(max(0.0, follower.due_at - now()))
        tell((yield from follower.read()))
        if now() >= end:
            break
    tell(follower.rest())


def _asleep(until: float, follower: LogFollower | MetricFollower, tell: Tell) -> Flow[None]:
    now = follower.now
    while follower.due_at < until and now() < until:
        yield Sleep(max(0.0, follower.due_at - now()))
        tell((yield from follower.read()))
    yield Sleep(max(0.0, until - now()))
