"""What thousands of deferred tasks cost the triggerer of a real Airflow."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import psutil
import pytest

from demo.airflow_processes import Airflow
from demo.emulator_process import EmulatorProcess
from demo.stage import introduce
from tests.e2e.dag_run import DAGRun
from tests.e2e.emulator_record import control, requests

WAITS = int(os.environ.get("BENCH_WAITS", "2000"))
INTERVAL = 30
"""Seconds between two looks, by default."""
INTERVALS = 4
"""For so many it is measured."""
REQUESTS_BUDGET = 10
"""In an interval."""
PATIENCE = 600
"""Seconds for Airflow to start, and to end, that many tasks."""
HOUR = 3600
HERE = Path(__file__).parent / "triggerer"
SCRIPT = {
    "executable_id": "waits",
    "scenario_id": "bench",
    "progress": {
        "way": "steps",
        "steps": [{"status": "RUNNING"}, {"status": "COMPLETED", "after_seconds": HOUR}],
    },
}


@pytest.fixture
def emulator(tmp_path):
    """An emulator whose clock stands until it is turned."""
    folder = tmp_path / "aicore"
    (folder / "templates").mkdir(parents=True)
    with EmulatorProcess(
        folder, templates=folder / "templates", images={}, options=("--clock", "manual")
    ) as running:
        yield running


@pytest.fixture
def ids(emulator):
    """Executions that run for an hour."""
    control(emulator, "POST", "scripts", [SCRIPT])
    body = {"name": "waits", "scenarioId": "bench", "executableId": "waits"}
    made = emulator.http.post("/lm/configurations", json=body).raise_for_status().json()
    start = {"configurationId": made["id"]}
    answers = [emulator.http.post("/lm/executions", json=start) for _ in range(WAITS)]
    return [answer.raise_for_status().json()["id"] for answer in answers]


@pytest.fixture
def airflow(tmp_path, emulator, ids):
    """An Airflow with room for all of them in one triggerer."""
    (tmp_path / "ids.json").write_text(json.dumps(ids))
    settings = {
        "AIRFLOW__TRIGGERER__CAPACITY": str(2 * WAITS),
        "AIRFLOW__CORE__MAX_MAP_LENGTH": str(WAITS),
        "BENCH_WAITS": str(WAITS),
        "EXECUTION_IDS": str(tmp_path / "ids.json"),
        "PYTHONPATH": str(HERE.parents[2]),
    }
    with Airflow(tmp_path / "home", HERE / "dags", settings=settings) as running:
        introduce(running, emulator)
        yield running


class Watched:
    """A triggerer's processes: what they use."""

    def __init__(self, airflow: Airflow) -> None:
        self.processes = airflow.processes["triggerer"].family()

    def cpu(self) -> float:
        """Give the CPU seconds used so far."""
        return sum(sum(each.cpu_times()[:2]) for each in self.processes)

    def memory(self) -> int:
        """Give the bytes in use."""
        return sum(psutil.Process(each.pid).memory_info().rss for each in self.processes)


def looks(emulator):
    """Count what was asked for, but for the tokens."""
    return len([each for each in requests(emulator) if "/lm/" in each["path"]])


def blocked(airflow):
    """Find where Airflow says that something has blocked the triggers."""
    logs = [*airflow.home.rglob("*.log"), *airflow.home.rglob("*triggerer*")]
    lines = [line for log in set(logs) if log.is_file() for line in log.read_text().splitlines()]
    return [line for line in lines if "async thread was blocked" in line]


def has_begun(run):
    """Tell whether all its tasks wait."""
    ended = run.states() & {"failed", "upstream_failed"}
    assert not ended, f"logs: {run.airflow.home}"
    return len(run.triggerers()) == WAITS


def test_a_triggerer_carries_thousands(airflow, emulator, capsys):
    """All wait at once, with the requests of a handful, and all end."""
    triggerer = Watched(airflow)
    memory = triggerer.memory()
    begin = time.monotonic()
    run = DAGRun.start(airflow, emulator, "waits", executable_id="waits")

    airflow.wait_until(lambda: has_begun(run), seconds=PATIENCE, interval=5, what=f"{WAITS} deferred tasks")
    starting = time.monotonic() - begin
    time.sleep(INTERVAL)
    control(emulator, "DELETE", "requests")
    cpu = triggerer.cpu()
    time.sleep(INTERVALS * INTERVAL)
    cpu, asked = (triggerer.cpu() - cpu) / INTERVALS, looks(emulator) / INTERVALS
    memory = triggerer.memory() - memory

    begin = time.monotonic()
    control(emulator, "POST", "clock", {"seconds": HOUR})
    run.wait_for_state("success", seconds=PATIENCE)
    ending = time.monotonic() - begin
    with capsys.disabled():
        print(
            f"\n{WAITS} deferred tasks in one triggerer: {asked:.1f} requests and {cpu:.2f} CPU s of the "
            f"triggerer per interval of {INTERVAL} s, {memory / 1e6:.0f} MB more; Airflow took "
            f"{starting:.0f} s to start and {ending:.0f} s to end them, and called its loop blocked "
            f"{len(blocked(airflow))} times"
        )
    states = [task["state"] for task in run.tasks()]
    assert states == ["success"] * WAITS
    assert asked <= REQUESTS_BUDGET
