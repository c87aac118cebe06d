"""Judges what became of a task by what AI Core has seen, and tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.crash.service import LIVE, OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.crash.play import Ending
    from tests.integration.crash.service import Started
    from tests.integration.crash.stories import Group


def wrongs(ending: Ending, group: Group) -> list[str]:
    """Say what is not as it has to be: nothing if all is right."""
    found = []
    if len(ending.killed) < group.story.kills:
        found.append("a point was not reached, and so nobody was killed there")
    own = [each for each in ending.report.started if each.by != OTHERS]
    return [*found, *_wrongs_of_executions(own, group), *_wrongs_of_result(ending, own, group)] + [
        f"the execution of others is {each.history[-1]}"
        for each in ending.report.started
        if each.by == OTHERS and each.history[-1] != "RUNNING"
    ]


def _wrongs_of_executions(own: list[Started], group: Group) -> Iterator[str]:
    for each in own:
        for other, by in each.beside.items():
            if by != OTHERS:
                yield f"{each.id} was started by {each.by} beside {other} of {by}, which lived"
        if each.history[-1].partition(",")[0] in {*LIVE, "STOPPING"}:
            yield f"{each.id} is {each.history[-1]} in the end"
    last_generation = group.story.tries[-1][0].generation
    for generation in range(1, last_generation + 1):
        # One that has failed is followed by another, for which the task has its retries.
        started = [each for each in own if _generation(each) == generation and each.history[-1] != "DEAD"]
        if len(started) > 1 or (not started and generation == last_generation):
            yield f"generation {generation} has started {len(started)} executions in place of one"


def _wrongs_of_result(ending: Ending, own: list[Started], group: Group) -> Iterator[str]:
    if ending.outcome is None:
        yield "the last try was killed"
    elif "raised" in ending.outcome:
        yield f"the task failed: {ending.outcome['raised'].strip().splitlines()[-1][:300]}"
    else:
        result = ending.outcome["returned"]
        last_generation = group.story.tries[-1][0].generation
        if result["id"] not in {each.id for each in own if _generation(each) == last_generation}:
            yield f"the result is of {result['id']}, which generation {last_generation} has not started"
        if result["status"] != "COMPLETED":
            yield f"the result is {result['status']}"


def _generation(started: Started) -> int:
    return int(started.by.removeprefix("generation ").partition(",")[0])


def tell(ending: Ending) -> str:
    """Tell what happened, in order: the points of the task's processes, and what AI Core answered."""
    happened = [(each.at, f"    {each.what}", each.process) for each in ending.points]
    happened += [(each.at, "    KILLED", each.process) for each in ending.killed]
    happened += [
        (each.at, f"AI Core: {each.what} -> {each.status}", each.by) for each in ending.report.answers
    ]
    lines, process = [], ""
    for at, what, by in sorted(happened, key=lambda each: each[0]):
        if by != process:
            lines.append(f"  {by}")
            process = by
        lines.append(f"    {at:8.2f} s {what}")
    for each in ending.report.started:
        lines.append(f"  {each.id}, started by {each.by}: {' > '.join(each.history)}")  # noqa: PERF401
    return "\n".join([*lines, f"  outcome: {ending.outcome}"])
