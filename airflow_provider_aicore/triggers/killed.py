"""What a trigger does when it is told that its task was killed: it ends the execution, if that is true.

The triggers of a process share one event loop, and many tasks can be killed at once: questions to Airflow,
connections and requests to AI Core are shared by those that come together.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import sleep
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from airflow_provider_aicore import compat
from airflow_provider_aicore.fate import Claim, Fate, fates
from airflow_provider_aicore.stops import Gathered, end_together

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_aicore.poller import Log
    from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger

BUDGET = 20.0
"""Seconds for all of it; Airflow gives 30."""
ANSWER_WITHIN = 15.0 if compat.CORE_CALLS_ON_KILL else 8.0
"""Seconds for Airflow's answer. While a triggerer ends there is none, and older ones wait for us then."""
PAUSE = 2.0
"""Seconds before a task that was cleared and has not begun again is looked at once more."""

_detached: set[asyncio.Task[None]] = set()
"""Strong references: an event loop has none to its tasks."""


class _Stop(NamedTuple):
    execution_id: str
    until: float


class _Shared:
    """What the triggers of one event loop share."""

    def __init__(self) -> None:
        self.fates = Gathered(_ask_airflow, sleep=sleep)
        self._stops: dict[tuple[str, str | None], Gathered[_Stop, str]] = {}

    def stops(self, aicore_conn_id: str, resource_group: str | None) -> Gathered[_Stop, str]:
        """Give the stops that go to one resource group."""
        group = (aicore_conn_id, resource_group)
        if group not in self._stops:
            self._stops[group] = Gathered(partial(_end_all, *group), sleep=sleep)
        return self._stops[group]


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


async def end_if_killed(trigger: AICoreExecutionTrigger) -> None:
    """End a trigger's execution if its task was killed; it never raises.

    Airflow cancels a trigger that ends every second anew, so what is to be done is done in a task of its own.
    """
    if trigger.task_instance is None:
        return
    work = asyncio.create_task(_end_if_killed(trigger, time.monotonic() + BUDGET))
    _detached.add(work)
    work.add_done_callback(_detached.discard)
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            continue


async def _end_if_killed(trigger: AICoreExecutionTrigger, until: float) -> None:
    execution_id = trigger.execution_id
    fate = await _fate(Claim.of(trigger.task_instance, execution_id), until, trigger.log)
    if fate is not Fate.KILLED:
        trigger.log.info("Leaving execution %s alone: %s.", execution_id, _WHY_NOT[fate])
        return
    shared = _of_this_loop().stops(trigger.aicore_conn_id, trigger.resource_group)
    try:
        async with asyncio.timeout(until - time.monotonic()):
            refusal = await shared.ask(_Stop(execution_id, until))
    except Exception as error:  # noqa: BLE001 - the connection or its token, or the time is over
        refusal = f"{type(error).__name__}: {error}"
    if refusal:
        trigger.log.error(
            "The task was killed, but execution %s may go on: %s Stop it in AI Core, or with "
            "AICoreStopExecutionOperator.",
            execution_id,
            refusal,
        )
    else:
        trigger.log.info("The task was killed: execution %s was told to end.", execution_id)


_WHY_NOT = {
    Fate.DEFERRED: "its task still waits for it",
    Fate.BETWEEN: "the next try of its task decides about it",
    Fate.UNCLEAR: "Airflow did not say whether its task was killed",
}


async def _fate(claim: Claim, until: float, log: Log) -> Fate:
    """Ask Airflow, again while a task was cleared and has not begun again."""
    while True:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                fate = await _of_this_loop().fates.ask(claim)
        except Exception as error:  # noqa: BLE001 - no answer is no reason to stop anything
            log.warning("Airflow did not answer: %s: %s", type(error).__name__, error)
            return Fate.UNCLEAR
        if fate is not Fate.BETWEEN or time.monotonic() + PAUSE >= until:
            return fate
        await sleep(PAUSE)


def _of_this_loop() -> _Shared:
    return _of_loops.setdefault(asyncio.get_running_loop(), _Shared())


async def _ask_airflow(claims: Collection[Claim]) -> dict[Claim, Fate]:
    from asgiref.sync import sync_to_async

    # In asgiref's thread: from another one Airflow 3.1 would talk to its supervisor out of turn.
    return await sync_to_async(fates)(claims)


async def _end_all(
    aicore_conn_id: str, resource_group: str | None, stops: Collection[_Stop]
) -> dict[_Stop, str]:
    """Return for each why it may go on, or nothing."""
    from airflow_provider_aicore.hooks.aicore import AICoreHook

    left = max(stop.until for stop in stops) - time.monotonic()
    async with asyncio.timeout(left), await AICoreHook(aicore_conn_id, resource_group).aget_conn() as client:
        refusals = await end_together(client, [stop.execution_id for stop in stops], left)
    return {stop: refusals.get(stop.execution_id, "") for stop in stops}
