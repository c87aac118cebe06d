"""Started once, proved by killing: real processes, SIGKILL, and an AI Core that counts."""

from __future__ import annotations

import subprocess
import sys


def test_a_task_that_is_killed_anywhere_has_one_execution_and_its_result(capsys) -> None:
    """Wherever a task's processes are killed, one execution is started and the task ends with its result."""
    program = [sys.executable, "-m", "tests.integration.crash.matrix"]
    matrix = subprocess.run(program, capture_output=True, text=True, timeout=7200, check=False)
    with capsys.disabled():
        print(f"\n{matrix.stdout}", end="")
    assert matrix.returncode == 0, matrix.stderr[-3000:]
