"""Hundreds of waits in one triggerer, which is lost, and hundreds that are killed at once."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.e2e.dag_run import DAGRun
from tests.e2e.emulator_record import changes, control

WAITS = int(os.environ.get("KILLS_WAITS", "200"))
FEW = 10
"""With so many requests all executions are stopped: a bulk update takes a hundred."""
HOUR = 3600
AFTER_THE_LAST_HEARTBEAT = 31
"""Seconds after which Airflow misses a triggerer (`[triggerer] triggerer_health_check_threshold`)."""
LOOKS_AROUND = 20
"""Seconds in which a triggerer that goes on has surely seen whose its triggers are."""
PATIENCE = 1800
"""Seconds: each of the tasks has to be started by a worker, and ended by one."""


@pytest.fixture(scope="module")
def start(airflow, emulator):
    """Start a DAG and wait for its waits; its executions run for an hour of AI Core's clock."""
    steps = [{"status": "RUNNING"}, {"status": "COMPLETED", "after_seconds": HOUR}]
    script = {
        "executable_id": "waits",
        "scenario_id": "kills",
        "parameters": {"label": None},
        "progress": {"way": "steps", "steps": steps, "stop": {"status": "STOPPED", "after_reads": 1}},
    }
    control(emulator, "POST", "scripts", [script])

    def start(dag_id: str, waits: int) -> DAGRun:
        run = DAGRun.start(airflow, emulator, dag_id, executable_id="waits")
        run.wait_for_waits(waits, seconds=PATIENCE)
        return run

    return start


def test_killed_while_the_triggerer_is_away(start, airflow):
    """Tasks that are marked failed while no triggerer runs stop their executions when one is back.

    Airflow must have missed the old one by then: before, the new one drops its triggers without a word.
    """
    run = start("few_waits", 3)
    lost = run.triggerers()
    airflow.stop_component("triggerer", signal.SIGKILL)
    run.age_heartbeat(lost, AFTER_THE_LAST_HEARTBEAT)
    run.mark_task("failed")
    airflow.start_component("triggerer")
    run.wait_for_statuses(["STOPPED"] * 3)


def test_a_triggerer_stalls(start, airflow, emulator):
    """Another one takes its waits over; when it goes on, it has none any more and stops nothing."""
    run = start("few_waits", 3)
    stalled, lost = airflow.processes.pop("triggerer"), run.triggerers()
    try:
        for process in stalled.family():
            process.suspend()
        airflow.start_component("triggerer")
        run.wait_for_waits(3, but_of=lost)
        for process in stalled.family():
            process.resume()
        time.sleep(LOOKS_AROUND)
        assert run.statuses() == ["RUNNING"] * 3
        control(emulator, "POST", "clock", {"seconds": HOUR})
        run.wait_for_state("success", seconds=PATIENCE)
    finally:
        stalled.kill()
    assert run.statuses() == ["COMPLETED"] * 3


def test_killed_at_once(start, emulator, capsys):
    """Tasks that are marked failed at once stop all their executions, with few requests."""
    run = start("many_waits", WAITS)
    control(emulator, "DELETE", "requests")
    run.mark_task("failed")
    begin = time.monotonic()
    run.wait_for_statuses(["STOPPED"] * WAITS)
    asked = len(changes(emulator))
    with capsys.disabled():
        print(f"\n{WAITS} executions stopped within {time.monotonic() - begin:.0f} s, with {asked} requests")
    assert asked <= FEW


def test_triggerer_is_lost(start, airflow, emulator):
    """Waits go on when their triggerer is killed or ended: none is lost, and no execution is stopped."""
    run = start("many_waits", WAITS)
    for how in (signal.SIGKILL, signal.SIGTERM):
        lost = run.triggerers()
        airflow.stop_component("triggerer", how)
        airflow.start_component("triggerer")
        run.wait_for_waits(WAITS, but_of=lost)
    control(emulator, "POST", "clock", {"seconds": HOUR})
    run.wait_for_state("success", seconds=PATIENCE)
    assert run.statuses() == ["COMPLETED"] * WAITS
