"""What a DAG file pays for importing our operators, beside what it pays for Airflow anyway."""

from __future__ import annotations

import statistics
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.operator_modules import OPERATOR_MODULES

RUNS = 7
BUDGET = 0.05
"""CPU seconds over `airflow.sdk` with `BaseOperator`."""

CODE = """
import sys, time
begin = time.process_time()
from airflow.sdk import BaseOperator
base = time.process_time()
__import__(sys.argv[1])
print(base - begin, time.process_time() - base)
"""


@pytest.mark.parametrize("module", OPERATOR_MODULES)
def test_an_import_costs_next_to_nothing(module, capsys):
    """The import stays within its budget, in CPU time of fresh interpreters with bytecode present."""
    figures = [
        [
            float(figure)
            for figure in subprocess.run(
                [sys.executable, "-c", CODE, module],
                capture_output=True,
                text=True,
                check=True,
            )
            .stdout.splitlines()[-1]
            .split()
        ]
        for _ in range(RUNS)
    ]
    base = statistics.median(figure[0] for figure in figures)
    ours = statistics.median(figure[1] for figure in figures)
    with capsys.disabled():
        print(
            f"\n{module}: {ours:.4f} CPU s, {ours / base:.4f} of importing airflow.sdk ({base:.2f} CPU s); "
            f"median of {RUNS}, Airflow {version('apache-airflow')}, Python {sys.version.split()[0]}"
        )

    assert ours <= BUDGET
