"""The log of an execution in that of its deferred task, as Airflow's page shows it."""

from __future__ import annotations

import re
import signal
from collections import Counter

from tests.e2e.dag_run import DAGRun
from tests.e2e.secret_search import ODD_SECRET

LINE = re.compile(r" \| line (\d+)$")
TOTAL = re.compile(r" \| (\d+) lines in all$")
REPEATED = 300
"""Lines of one look that a slow machine may print, at five in a second."""


def test_the_log_outlives_the_triggerer(airflow, emulator, tmp_path):
    """It is shown while the task is deferred; after a SIGKILL none is lost, and few come twice.

    Secrets of the connection are masked in it.
    """
    until = tmp_path / "enough"
    conf = {"until": str(until)}
    run = DAGRun.start(airflow, emulator, "live_log", conf, executable_id="print-lines")

    def found(pattern):
        log = airflow.rest.log("live_log", run.run_id, "run")
        return [int(each[1]) for line in log if (each := pattern.search(line))]

    def is_kept():
        entries = airflow.rest.call("GET", f"{run.path}/taskInstances/run/xcomEntries")["xcom_entries"]
        return "aicore_log" in {entry["key"] for entry in entries}

    run.wait_for_waits()
    lost = run.triggerers()
    airflow.wait_until(
        lambda: is_kept() and len(found(LINE)) > 10,
        interval=1,
        what="lines, and a note of how far they were shown",
    )
    airflow.stop_component("triggerer", signal.SIGKILL)
    before = found(LINE)
    assert before == [*range(len(before))]
    airflow.start_component("triggerer")
    run.wait_for_waits(but_of=lost)
    airflow.wait_until(lambda: max(found(LINE)) > before[-1], interval=1, what="lines of the next triggerer")
    assert run.states() == {"deferred"}
    until.write_text(ODD_SECRET)
    run.wait_for_state("success")

    shown, (total,) = Counter(found(LINE)), found(TOTAL)
    assert set(shown) == {*range(total)}
    repeated = {line for line, count in shown.items() if count > 1}
    assert max(shown.values()) <= 2
    assert len(repeated) <= REPEATED
    assert 0 not in repeated
    assert any(line.endswith("told: ***") for line in airflow.rest.log("live_log", run.run_id, "run"))
