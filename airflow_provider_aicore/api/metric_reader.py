"""The metrics of many executions, read again and again with as few requests as AI Core allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api.call import Flow, once
from airflow_provider_aicore.api.errors import NotFoundError
from airflow_provider_aicore.api.metrics import MAX_EXECUTIONS, query
from airflow_provider_aicore.api.retry import NO_RETRY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_aicore.api.models import ExecutionMetrics

ALONE = 5
"""Executions that are asked for one by one in a round, at most."""
MOST_POINTS = 3000
"""Of the executions that are asked for together, as far as is known: ten times the 1000 that each may have
take longer to read than an event loop has to spare."""
_REMEMBERED = 10
"""Rounds after which one that was not asked for is forgotten."""


class MetricReader:
    """Says which executions to ask for together, and learns from the answers.

    Whether AI Core answers 404 for ten executions as soon as one of them has no metrics is not documented. So
    those that have some are asked for apart from those that have none yet; and one of the former among the
    latter shows how it is. If it answers 404 the latter are asked for one by one, a few in each round.
    """

    def __init__(self) -> None:
        self._having: dict[str, int] = {}
        """Those that have metrics, and the round in which they were asked for."""
        self._points: dict[str, int] = {}
        self._round = 0
        self._leaves_out: bool | None = None
        """Whether who has no metrics is left out of an answer, as far as is known."""
        self._asked_alone: list[str] = []

    def batches(self, execution_ids: Collection[str]) -> Iterator[list[str]]:
        """Give the batches of a round, each to be asked for before the next is taken.

        Not all executions without metrics have their turn in each round.
        """
        ids = list(dict.fromkeys(execution_ids))
        self._round += 1
        having = [each for each in ids if each in self._having]
        self._having |= dict.fromkeys(having, self._round)
        oldest = self._round - _REMEMBERED
        self._having = {each: asked for each, asked in self._having.items() if asked > oldest}
        self._points = {each: self._points[each] for each in self._having}
        lacking = [each for each in ids if each not in self._having]
        yield from self._packed(having)
        if self._leaves_out is None and having and lacking:
            yield [having[0], *lacking[: MAX_EXECUTIONS - 1]]
            lacking = [each for each in lacking if each not in self._having]
        if len(lacking) == 1:
            yield lacking
            return
        if self._leaves_out is not False:
            for batch in _tens(lacking):
                yield batch
                if self._leaves_out is None:
                    break
        if not self._leaves_out:
            yield from self._alone([each for each in lacking if each not in self._having])

    def _packed(self, having: list[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        points = 0
        for each in having:
            points += self._points[each]
            if len(batch) == MAX_EXECUTIONS or (batch and points > MOST_POINTS):
                yield batch
                batch, points = [], self._points[each]
            batch.append(each)
        if batch:
            yield batch

    def _alone(self, lacking: list[str]) -> Iterator[list[str]]:
        """Give those whose turn is longest ago."""
        waited = {each: self._asked_alone.index(each) for each in lacking if each in self._asked_alone}
        turn = sorted(lacking, key=lambda each: waited.get(each, -1))[:ALONE]
        self._asked_alone = [each for each in self._asked_alone if each in waited and each not in turn] + turn
        yield from ([each] for each in turn)

    def ask(self, batch: list[str]) -> Flow[dict[str, ExecutionMetrics]]:
        """Ask for a batch; who is missing from the result has no metrics, as far as one can see."""
        try:
            answered = yield from once(query(batch, select=["metrics"]), NO_RETRY)
        except NotFoundError:
            having = [each for each in batch if each in self._having]
            if having and len(batch) > 1:
                self._leaves_out = False
            if having == batch:  # Somebody has deleted what one of them had.
                self._having = {each: at for each, at in self._having.items() if each not in having}
            return {}
        found = {one.execution_id: one for one in answered if one.execution_id in batch}
        if len(found) < len(batch):
            self._leaves_out = True
        self._having |= dict.fromkeys(found, self._round)
        self._points |= {each: len(one.metrics or ()) for each, one in found.items()}
        return found


def _tens(ids: list[str]) -> Iterator[list[str]]:
    return (ids[at : at + MAX_EXECUTIONS] for at in range(0, len(ids), MAX_EXECUTIONS))
