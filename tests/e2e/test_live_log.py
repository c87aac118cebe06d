"""The log of an execution in that of its deferred task, as Airflow's page shows it."""

from __future__ import annotations

import re
import signal
from collections import Counter

from tests.e2e.dag_run import DAGRun

SECONDS = 90
LINE = re.compile(r" \| line (\d+) of")
SHOWN_IN_AN_INTERVAL = 250
"""Lines of 20 s, after which the log is looked at again, and of the moment that it takes to keep how far."""


def test_the_log_outlives_the_triggerer(airflow, emulator):
    """It is shown while the task is deferred; after a SIGKILL none is lost, and few come twice."""
    run = DAGRun.start(airflow, emulator, "live_log", {"seconds": SECONDS}, executable_id="print-lines")

    def shown():
        return [
            int(found[1])
            for each in airflow.rest.log("live_log", run.run_id, "run")
            if (found := LINE.search(each))
        ]

    run.wait_for_waits()
    lost = run.triggerers()
    airflow.wait_until(lambda: len(shown()) > 200, seconds=60, interval=1, what="lines of the execution")
    assert run.states() == {"deferred"}
    airflow.stop_component("triggerer", signal.SIGKILL)
    before = shown()
    airflow.start_component("triggerer")
    run.wait_for_waits(but_of=lost)
    run.wait_for_state("success", seconds=180)

    after = shown()
    assert before == [*range(len(before))]
    assert set(after) == {*range(SECONDS * 10)}
    repeated = [line for line, count in Counter(after).items() if count > 1]
    assert len(repeated) <= SHOWN_IN_AN_INTERVAL, repeated
    assert max(Counter(after).values()) <= 2
