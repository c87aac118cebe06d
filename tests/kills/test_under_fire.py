"""Thirty tasks at once, and nothing around them is safe."""

from __future__ import annotations

import os
import random
import time

import pytest

from demo.stage import FINISHED
from tests.e2e.dag_run import LIVE, DAGRun
from tests.e2e.emulator_record import control
from tests.kills.fire import Fire
from tests.kills.verdict import Verdict, executions_by_label, judge, label

ROUNDS = int(os.environ.get("KILLS_ROUNDS", "1"))
"""How often each target is killed while the tasks start, and again while they wait and end."""
SEED = int(os.environ.get("KILLS_SEED", "0"))
TASKS = 30


def way(outcome: str, seconds: float) -> dict[str, object]:
    """Script an execution that runs so long and then ends like this."""
    steps = [{"status": "RUNNING"}, {"status": outcome, "after_seconds": seconds}]
    return {"way": "steps", "steps": steps}


@pytest.fixture
def fire(airflow, capsys):
    """What kills; its last victims do not outlive the test, and what it did is told however the test ends."""
    fire = Fire(airflow, random.Random(SEED))
    yield fire
    fire.cease()
    with capsys.disabled():
        print(f"\nSeed {SEED}, logs {airflow.home}", *fire.notes, sep="\n")


class Field:
    """The tasks under fire, and AI Core's clock."""

    def __init__(self, run: DAGRun) -> None:
        self.run = run

    def let_pass(self, seconds: float) -> None:
        """Let the time pass, in AI Core as well."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.5)
            control(self.run.emulator, "POST", "clock", {"seconds": 0.5})

    def all_run(self) -> bool:
        """Tell whether each task waits for an execution that goes on."""
        tasks = self.run.tasks()
        states = [task["state"] for task in tasks]
        found = executions_by_label(self.run)
        live = {name for name, own in found.items() if LIVE & {each["status"] for each in own}}
        return (
            len(tasks) == TASKS
            and states.count("deferred") == states.count("running") == TASKS // 2
            and live >= {label(task) for task in tasks}
        )

    def has_ended(self) -> bool:
        """Tell whether each task has failed or succeeded; AI Core's time passes meanwhile."""
        control(self.run.emulator, "POST", "clock", {"seconds": 1})
        return self.run.states() <= set(FINISHED)


@pytest.fixture
def field(airflow, emulator):
    """Executions that succeed, some after others that die, and some that always die."""
    chance = random.Random(SEED)
    ways = {
        "ends-well": [way("COMPLETED", ROUNDS * chance.uniform(40, 100)) for _ in range(40)],
        "dies-first": [way("DEAD", chance.uniform(10, 40)) for _ in range(8)] + [way("COMPLETED", 30)],
        "dies": [way("DEAD", chance.uniform(10, 40)) for _ in range(20)],
    }
    scripts = [
        {"executable_id": name, "scenario_id": "kills", "parameters": {"label": None}, "progress": progress}
        for name, progress in ways.items()
    ]
    control(emulator, "POST", "scripts", scripts)
    return Field(DAGRun.start(airflow, emulator, "under_fire"))


def test_nothing_is_lost(airflow, field, fire):
    """Whatever is killed, each task has one execution at a time, ends as it does, and leaves none behind."""
    for target in [each for _ in range(ROUNDS) for each in fire.round()]:
        time.sleep(fire.random.uniform(2, 15))
        fire.kill(target)
    airflow.wait_until(field.all_run, seconds=400, interval=1, what=f"{TASKS} tasks to wait")
    fire.note(f"all {TASKS} tasks wait; AI Core's clock goes")
    for target in [each for _ in range(ROUNDS) for each in fire.round()]:
        field.let_pass(fire.random.uniform(2, 15))
        fire.kill(target)
    airflow.wait_until(field.has_ended, seconds=900, interval=1, what=f"{TASKS} tasks to end")
    fire.note("all tasks have ended")
    assert judge(field.run) == Verdict()
