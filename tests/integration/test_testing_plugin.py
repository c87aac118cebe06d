"""The pytest plugin for authors of DAGs, in a project that knows nothing of this one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FILE = re.compile(r"```python\n# (\S+\.py)\n(.*?)```", re.DOTALL)


@pytest.fixture
def project(tmp_path):
    """Write the files of docs/testing.md, and give their folder."""
    files = _FILE.findall((ROOT / "docs" / "testing.md").read_text())
    assert [name for name, _ in files] == ["tests/conftest.py", "dags/training.py", "tests/test_training.py"]
    for name, source in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    return tmp_path


def run_pytest(project, **more):
    """Run the project's tests, on a machine where an Airflow is set up, and give what pytest says."""
    strangers = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    strangers["AIRFLOW_HOME"] = str(project / "home")
    strangers["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{project}/real.db"
    strangers |= more
    strangers["PYTHONPATH"] = os.pathsep.join([str(project), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    return subprocess.run(
        command, cwd=project, env=strangers, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_project_of_the_documentation(project):
    """What the documentation shows passes, and leaves the machine's Airflow alone."""
    ended = run_pytest(project, AIRFLOW__SECRETS__BACKEND="no.such.Backend")
    assert "4 passed" in ended.stdout, ended.stdout[-4000:]
    assert not (project / "home").exists()
    assert not (project / "real.db").exists()


def test_airflow_that_came_first_is_refused(project):
    """Where Airflow was imported before the plugin, no test runs in the machine's database."""
    conftest = project / "tests" / "conftest.py"
    conftest.write_text("import airflow.configuration\n" + conftest.read_text())
    ended = run_pytest(project)
    assert ended.returncode == 1
    assert "4 errors" in ended.stdout
    assert "Airflow was imported before the plugin" in ended.stdout
    assert not (project / "real.db").exists()
