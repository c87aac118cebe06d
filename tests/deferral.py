"""Takes a task through its deferrals as Airflow does: each part sees only what was stored."""

from __future__ import annotations

import copy
import importlib
import json
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger
from tests import turned_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.triggers.base import BaseTrigger


def run_to_the_end(
    operator: Any, context: Any, *, meanwhile: Callable[[str], None] | None = None, deferrals: int = 3
) -> Any:
    """Execute a task, and as long as it defers its trigger and its next part.

    :param meanwhile: is given the execution's id, if it is known, whenever the task is deferred.
    :param deferrals: how many are taken for a task that goes round in circles.
    """
    fresh = copy.copy(operator)
    part = "execute"
    kwargs: dict[str, Any] = {}
    for _ in range(deferrals + 1):
        try:
            return getattr(copy.copy(fresh), part)(context, **kwargs)
        except TaskDeferred as deferred:
            classpath, arguments = deferred.trigger.serialize()
            module, name = classpath.rsplit(".", 1)
            trigger_class = getattr(importlib.import_module(module), name)
            if meanwhile:
                meanwhile(arguments.get("execution_id", ""))
            event = first_event(json.loads(json.dumps(arguments)), trigger_class)
            part, kwargs = deferred.method_name, {"event": event}
    msg = f"the task deferred more than {deferrals} times"
    raise AssertionError(msg)


def first_event(
    arguments: dict[str, Any], trigger_class: type[BaseTrigger] = AICoreExecutionTrigger
) -> dict[str, Any]:
    """Return the payload of the event that a trigger with these arguments fires, as it reaches the worker.

    It waits by the clock of the fixture `network`.
    """

    async def run() -> Any:
        async for event in trigger_class(**arguments).run():
            return event.payload
        return None

    payload: dict[str, Any] = json.loads(json.dumps(turned_loop.run(run())))
    return payload
