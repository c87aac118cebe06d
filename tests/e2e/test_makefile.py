"""What `make` says where something that it needs is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_OURS = ("MAKE", "MFLAGS", "PIP")


@pytest.fixture
def make_demo(tmp_path):
    """Return what types ``make demo`` in a fresh clone."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "constraints", tmp_path / "constraints")

    def make_demo(python, **environment):
        given = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        command = ["make", "demo", f"PYTHON={python}"]
        ended = subprocess.run(
            command, cwd=tmp_path, env=given | environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 2
        return ended.stderr.splitlines()

    return make_demo


def test_a_missing_python_is_said_in_a_line(make_demo):
    """With those that are fit, and how to name one."""
    (line,) = make_demo("no-such-python")

    assert "One of Python 3.11 3.12 3.13 is needed, and no-such-python is missing: name another with" in line


def test_an_old_python_is_said_in_a_line(make_demo, tmp_path):
    """With its version."""
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 3.9\n")
    old.chmod(0o755)

    (line,) = make_demo(old)

    assert f"is needed, and {old} is 3.9" in line


def test_a_missing_network_is_said_in_a_line(make_demo, tmp_path):
    """With where all that pip said is."""
    away = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}

    line, by_make = make_demo(sys.executable, **away, PIP_CONFIG_FILE=os.devnull)

    (log,) = (tmp_path / ".venv").glob("*.log")
    assert line == f"pip could not install Airflow {log.stem[8:]} (is there a network?): see .venv/{log.name}"
    assert by_make.startswith("make: ***")
    assert "127.0.0.1" in log.read_text()
