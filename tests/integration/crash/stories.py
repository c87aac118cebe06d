"""What is tried: with which operator, in which circumstances, and where the task is killed how often."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk.execution_time import context

from tests.integration.crash.points import Kill
from tests.integration.crash.service import EXECUTABLE, SCENARIO
from tests.integration.crash.task import RETRIES, Try

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["run", "window", "clone"]
"""The operator that runs an executable, or the one that starts a configuration, by the value of `dedupe`."""


class Each(Enum):
    """In place of a kill: there is a cell for each point of this try."""

    POINT = "point"


EACH = Each.POINT

_ON_ITS_WAY = Kill(0, "on its way: POST /v2/lm/executions")
_ANSWER_LOST = Kill(0, "answer unread: POST /v2/lm/executions")
_STARTED = Kill(0, "after XCom execution_id")

_FIRST, _SECOND, _THIRD = (Try(1, number, RETRIES) for number in (1, 2, 3))
# A clear makes max_tries the number of the last try and the retries together.
_CLEARED, _CLEARED_SECOND = (Try(2, number, 1 + RETRIES) for number in (2, 3))


@dataclass(frozen=True)
class Story:
    """The tries of a task, and where each is killed.

    :param first_one_dies: whether the first execution ends as DEAD.
    """

    name: str
    tries: tuple[tuple[Try, Kill | Each | None], ...]
    first_one_dies: bool = False

    @property
    def kills(self) -> int:
        """How often somebody is killed in it."""
        return sum(1 for _, how in self.tries if how is not None)


FIRST_TRY = Story("first try", ((_FIRST, EACH), (_SECOND, None)))
SECOND_TRY = Story("second try", ((_FIRST, _ANSWER_LOST), (_SECOND, EACH), (_THIRD, None)))
REQUEST_LATE = Story(
    "second try, start of the first on its way", ((_FIRST, _ON_ITS_WAY), (_SECOND, EACH), (_THIRD, None))
)
AFTER_FAILURE = Story(
    "second try, first failed", ((_FIRST, None), (_SECOND, EACH), (_THIRD, None)), first_one_dies=True
)
CLEARED = Story("cleared", ((_FIRST, EACH), (_CLEARED, None)))
CLEARED_AFTER_START = Story(
    "cleared after the start", ((_FIRST, _STARTED), (_CLEARED, EACH), (_CLEARED_SECOND, None))
)


@dataclass(frozen=True)
class Group:
    """The cells that differ only in the point at which the task is killed.

    :param pause: seconds between a kill and the next try.
    :param tags: whether the task writes tags after the start.
    """

    kind: Kind
    story: Story
    deferrable: bool = False
    store: bool = False
    list_lag: float = 0.0
    pause: float = 0.0
    tags: bool = False

    def __str__(self) -> str:
        how = "deferred" if self.deferrable else "blocking"
        store = "store" if self.store else "no store"
        later = f", tried again after {self.pause:g} s" if self.pause else ""
        tags = ", with tags" if self.tags else ""
        return f"{self.kind}, {how}, {store}, lists {self.list_lag:g} s late, {self.story.name}{later}{tags}"

    def operator(self, configuration_id: str) -> Any:
        """Make the operator.

        :param configuration_id: of the configuration that others use as well.
        """
        from airflow_provider_aicore.operators.execution import (
            AICoreRunExecutableOperator,
            AICoreStartExecutionOperator,
        )

        common: dict[str, Any] = {
            "task_id": "train",
            "retries": RETRIES,
            "deferrable": self.deferrable,
            "poll_interval": 60,
            "metric_tags": {"airflow-run": "{{ run_id }}"} if self.tags else None,
        }
        if self.kind == "run":
            return AICoreRunExecutableOperator(
                scenario_id=SCENARIO, executable_id=EXECUTABLE, parameters={"learning-rate": 0.1}, **common
            )
        return AICoreStartExecutionOperator(configuration_id=configuration_id, dedupe=self.kind, **common)


def groups() -> Iterator[Group]:
    """Give all there are: those with a store where Airflow has one."""
    starting: tuple[Kind, ...] = ("window", "clone")
    stores = (True, False) if hasattr(context, "TaskStateStoreAccessor") else (False,)
    lags = (0.0, 10.0)
    for story, deferrable, store, lag in product((FIRST_TRY, SECOND_TRY), (False, True), stores, lags):
        yield Group("run", story, deferrable, store, lag)
    for story, store in product((REQUEST_LATE, AFTER_FAILURE, CLEARED_AFTER_START), stores):
        yield Group("run", story, store=store, list_lag=10.0)
    for store, lag in product(stores, lags):
        yield Group("run", CLEARED, store=store, list_lag=lag)
    for store in stores:
        yield Group("run", FIRST_TRY, store=store, pause=300.0)
        yield Group("run", FIRST_TRY, deferrable=True, store=store, tags=True)
        yield Group("run", CLEARED, deferrable=True, store=store, list_lag=10.0)
    for kind, store, lag in product(starting, stores, lags):
        yield Group(kind, FIRST_TRY, store=store, list_lag=lag)
    for kind, store in product(starting, stores):
        yield Group(kind, SECOND_TRY, deferrable=True, store=store, list_lag=10.0)
        # Of a configuration that is not its own, a task without a store does not know what it once started.
        if kind == "clone" or store:
            yield Group(kind, CLEARED, deferrable=True, store=store, list_lag=10.0)
