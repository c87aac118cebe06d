"""SIGKILL for parts of a running Airflow, which are started again as whatever runs them would."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from demo.process import title

if TYPE_CHECKING:
    from random import Random

    from demo.airflow_processes import Airflow
    from demo.process import Process

DAGS = Path(__file__).parent / "dags"
WORKERS = 32
"""More than are busy: what a killed one was doing occupies its slot for a while."""
BUSY = "airflow worker -- LocalExecutor: "
IDLE = f"{BUSY}<idle>"


class Fire:
    """Kills what it is told to kill, and notes it.

    :param random: picks victims and pauses.
    """

    def __init__(self, airflow: Airflow, random: Random) -> None:
        self.airflow = airflow
        self.random = random
        self.notes: list[str] = []
        self._began = time.monotonic()
        self._lost: list[Process] = []
        self._targets = {
            "task": lambda: self._worker(task=True),
            "supervisor": lambda: self._worker(supervisor=True),
            "task and supervisor": lambda: self._worker(task=True, supervisor=True),
            "triggerer": lambda: self._component("triggerer"),
            "scheduler": self._scheduler_alone,
            "scheduler and workers": lambda: self._component("scheduler"),
        }

    def round(self) -> list[str]:
        """Give each of the targets once, in random order."""
        targets = list(self._targets)
        self.random.shuffle(targets)
        return targets

    def kill(self, target: str) -> None:
        """Kill it, and start again what Airflow itself does not."""
        self.note(f"SIGKILL: {target}")
        self._targets[target]()

    def note(self, line: str) -> None:
        """Note what happens, with the seconds since the beginning."""
        self.notes.append(f"{time.monotonic() - self._began:6.1f} s  {line}")

    def cease(self) -> None:
        """End what killed schedulers have left behind."""
        for process in self._lost:
            process.kill()

    def _component(self, name: str) -> None:
        """Kill a component with all that it has started; it is away for a few seconds."""
        self.airflow.stop_component(name, signal.SIGKILL)
        self._start_again(name)

    def _scheduler_alone(self) -> None:
        """Kill the scheduler, whose workers go on with what they do."""
        scheduler = self.airflow.processes.pop("scheduler")
        self._lost.append(scheduler)
        scheduler.popen.kill()
        scheduler.popen.wait()
        self._start_again("scheduler")

    def _start_again(self, name: str) -> None:
        time.sleep(self.random.uniform(0, 5))
        self.airflow.start_component(name)

    def _worker(self, *, task: bool = False, supervisor: bool = False) -> None:
        """Kill the process of a task, the one that supervises it, or both."""
        self.airflow.wait_until(self._busy, seconds=120, what="a task on a worker")
        the_supervisor, the_task = self.random.choice(self._busy())
        self.note(f"  {title(the_supervisor).removeprefix(BUSY)}")
        for process in [the_supervisor] * supervisor + [the_task] * task:
            process.kill()

    def _busy(self) -> list[tuple[psutil.Process, psutil.Process]]:
        """Find the supervisors that have a task, each with the task's process.

        Never an idle one: it may hold the lock of the queue from which all of them take their work.
        """
        found = []
        for process in self.airflow.processes["scheduler"].family():
            its_title = title(process)
            if its_title.startswith(BUSY) and its_title != IDLE:
                found += [(process, child) for child in children(process)]
        return sorted(found, key=lambda pair: pair[0].pid)


def children(process: psutil.Process) -> list[psutil.Process]:
    """Find the children of a process; none if it has ended."""
    try:
        return list(process.children())
    except psutil.Error:
        return []
