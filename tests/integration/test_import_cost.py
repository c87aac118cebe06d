"""What an import loads; the benchmark counts the time that it takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.operator_modules import OPERATOR_MODULES

ROOT = Path(__file__).parents[2]

CODE = """
import json, sys
from airflow.sdk import BaseOperator
before = set(sys.modules)
__import__(sys.argv[1])
print(json.dumps(sorted(set(sys.modules) - before)))
"""
MOST_MODULES = 20
LOADS_LITTLE = [*map(int, version("apache-airflow").split(".")[:2])] >= [3, 3]
"""Whether this Airflow has loaded what operators need; older ones load it only with those."""
OURS_BUT_HEAVY = re.compile(r"airflow_provider_aicore\.(api|emulator|hooks|triggers|poller|ledger)\b")


@pytest.mark.parametrize("module", [*OPERATOR_MODULES, "airflow_provider_aicore.workflow_template"])
def test_importing_an_operator_loads_next_to_nothing(module):
    """A DAG file loads few modules over `airflow.sdk`, and neither client nor emulator."""
    done = subprocess.run([sys.executable, "-c", CODE, module], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])

    assert module in loaded
    counted = [name for name in loaded if LOADS_LITTLE or name.partition(".")[0] != "airflow"]
    assert len(counted) <= MOST_MODULES, counted
    assert [name for name in loaded if OURS_BUT_HEAVY.match(name)] == []


def test_a_schedule_is_checked_without_loading_the_client():
    """Each parse of a DAG file with a cron expression would pay for it."""
    code = """
import sys
from airflow_provider_aicore.operators.execution_schedule import AICoreEnsureExecutionScheduleOperator
AICoreEnsureExecutionScheduleOperator(task_id="t", name="n", cron="@daily", configuration_id="47b3eed9")
print(sorted(name for name in sys.modules if name.startswith("airflow_provider_aicore.api")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_what_is_not_airflow_s_does_not_load_airflow():
    """Client, poller, ledger and emulator can be used and measured without Airflow."""
    modules = ["api", "poller", "ledger", "emulator", "emulator.server"]
    imports = ", ".join(f"airflow_provider_aicore.{module}" for module in modules)
    code = f"import {imports}, sys; print('airflow' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_template_is_read_without_loading_the_client():
    """Each parse of a DAG file with one would pay for it."""
    code = """
import sys
from airflow_provider_aicore.workflow_template import WorkflowTemplate
before = "yaml" in sys.modules
WorkflowTemplate.from_file("demo/templates/digits-classifier.yaml").check({"epochs": 1}, {"digits": "abcd"})
print(before, [name for name in sys.modules if name.startswith(("airflow_provider_aicore.api", "pydantic"))])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert done.stdout.splitlines()[-1] == "False []"
