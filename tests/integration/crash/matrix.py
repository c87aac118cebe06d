"""Kills a task at each point and looks whether it still has exactly one execution, and its result.

``python -m tests.integration.crash.matrix`` prints a line for each group of cells, and one for each cell that
is wrong. ``--group TEXT`` takes only the groups with that in their name; ``--show N`` tells the whole story
of their cells with that number. A kill at a point before which nothing has happened since the last one
leaves the same world behind; such points are cells only with ``--every-point``.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

# Here so that no process has to load them anew.
import airflow_provider_aicore.hooks.aicore
import airflow_provider_aicore.ledger.given_configuration
import airflow_provider_aicore.ledger.own_configuration
import airflow_provider_aicore.operators.execution
import airflow_provider_aicore.poller
import airflow_provider_aicore.triggers.aicore  # noqa: F401
from tests.integration.crash.judge import tell, wrongs
from tests.integration.crash.play import play
from tests.integration.crash.points import Kill
from tests.integration.crash.stories import EACH, Group, groups

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORKERS = max(2, min(4, os.cpu_count() or 2))


@dataclass(frozen=True)
class Cell:
    """One kill.

    :param number: within its group.
    """

    group: Group
    number: int
    kill: Kill
    what: str


def cells_of(group: Group, *, every_point: bool) -> list[Cell]:
    """Find a group's cells by leaving the task alone.

    :param every_point: also those at which a kill leaves the world as it does at the point before.
    """
    attempt = next(attempt for attempt, how in group.story.tries if how is EACH)
    points = [each for each in play(group, None).points if each.process.startswith(str(attempt))]
    return [
        Cell(group, number, Kill(each.part, each.index), f"{each.what} ({each.process})")
        for number, (previous, each) in enumerate(zip([None, *points], points, strict=False))
        if every_point or previous is None or not each.leaves_the_world_as(previous)
    ]


def judged(cell: Cell) -> list[str]:
    """Say what is wrong in a cell."""
    return wrongs(play(cell.group, cell.kill), cell.group)


def print_matrix(chosen: Sequence[Group], *, every_point: bool) -> bool:
    """Print a line for each group and each cell that is wrong; tell whether none is."""
    began, count, all_right = time.monotonic(), 0, 0
    with ProcessPoolExecutor(_WORKERS, mp_context=get_context("fork")) as pool:
        cells = list(pool.map(partial(cells_of, every_point=every_point), chosen))
        verdicts = pool.map(judged, [cell for of_group in cells for cell in of_group], chunksize=2)
        for group, of_group in zip(chosen, cells, strict=True):
            found = [(cell, next(verdicts)) for cell in of_group]
            right = sum(1 for _, wrong in found if not wrong)
            print(f"{group}: {len(found)} cells, {right} right", flush=True)
            for cell, wrong in found:
                if wrong:
                    print(f"    {cell.number}, killed {cell.what}: {'; '.join(wrong)}", flush=True)
            count, all_right = count + len(found), all_right + right
    print(f"{count} cells: {all_right} right ({time.monotonic() - began:.0f} s)")
    return 0 < count == all_right


def main(arguments: Sequence[str]) -> int:
    """Run the program; it forks, so it has to be the only thread of its process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--group", default="", help="only groups with this in their name")
    parser.add_argument("--every-point", action="store_true", help="also points that leave the same world")
    parser.add_argument("--show", type=int, help="tell the whole story of the cells with this number")
    told = parser.parse_args(arguments)
    chosen = [each for each in groups() if told.group in str(each)]
    gc.collect()
    gc.freeze()
    if told.show is None:
        return 0 if print_matrix(chosen, every_point=told.every_point) else 1
    for group in chosen:
        cell = next(each for each in cells_of(group, every_point=True) if each.number == told.show)
        ending = play(group, cell.kill)
        print(f"{group}\n{cell.number}, killed {cell.what}\n{tell(ending)}\n{ending.said}")
        print(*wrongs(ending, group), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
