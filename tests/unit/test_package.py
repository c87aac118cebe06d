"""The package as a whole: what it imports, what it tells Airflow, what it promises by name."""

from __future__ import annotations

import importlib
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # Its types are a package of their own.
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

import airflow_provider_aicore
from airflow_provider_aicore import exceptions
from airflow_provider_aicore.get_provider_info import get_provider_info
from airflow_provider_aicore.poller import REQUESTS_PER_MINUTE
from demo.screenshots import find_browser
from tests.operator_modules import OPERATOR_MODULES

ROOT = Path(__file__).parents[2]


def _run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_the_provider_s_information_imports_nothing():
    """Airflow reads it in each of its processes."""
    code = """
import sys, typing
before = set(sys.modules)
import airflow_provider_aicore.get_provider_info
print(sorted(set(sys.modules) - before))
"""
    ours = ["__future__", "airflow_provider_aicore", "airflow_provider_aicore.get_provider_info"]
    assert _run(code) == str(ours)


def test_airflow_accepts_the_provider_s_information():
    """It fits the schema that Airflow checks it with."""
    import airflow

    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    jsonschema.validate(get_provider_info(), schema)
    assert get_provider_info()["versions"] == [airflow_provider_aicore.__version__]


def test_all_that_the_information_names_is_there():
    """Modules and classes that Airflow is told of can be imported."""
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for integration in info[kind]:
            for module in integration["python-modules"]:
                importlib.import_module(module)
    (assets,) = info["asset-uris"]
    hook = info["connection-types"][0]["hook-class-name"]
    functions = (assets["handler"], assets["factory"], assets["to_openlineage_converter"])
    for path in (hook, *functions, *info["extra-links"]):
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("package", ["operators", "sensors"])
def test_every_operator_and_sensor_is_in_a_module_that_the_information_names(package):
    """Airflow, and tests of all of them, find them there."""
    path = ROOT / "airflow_provider_aicore" / package
    classes = re.compile(r"^class (AICore(?!Base)\w+(?:Operator|Sensor))\b", re.MULTILINE)
    written = {name for module in path.glob("*.py") for name in classes.findall(module.read_text())}
    offered = {name for module in OPERATOR_MODULES for name in vars(importlib.import_module(module))}

    assert written
    assert written <= offered


def test_the_default_that_airflow_shows_is_the_one_that_holds():
    """Airflow 3.1 does not read it there, so that it stands in two places."""
    (option,) = get_provider_info()["config"]["aicore"]["options"].values()

    assert float(option["default"]) == REQUESTS_PER_MINUTE


def test_every_operator_and_sensor_is_shown_in_an_example():
    """Whoever looks for an operator finds a DAG that uses it."""
    shown = "".join(path.read_text() for path in (ROOT / "example_dags").glob("*.py"))
    offered = [
        name
        for module in OPERATOR_MODULES
        for name, value in vars(importlib.import_module(module)).items()
        if getattr(value, "__module__", None) == module
        and not name.startswith("_")
        and isinstance(value, type)
    ]

    assert offered
    assert [name for name in offered if name not in shown] == []


def test_every_exception_is_in_the_docs():
    """Cause, remedy and whether it is retried stand there for each."""
    rows = (ROOT / "docs" / "errors.md").read_text().partition("\n## ")[0]

    for error in _task_errors():
        if type(error) is exceptions.AICoreTaskError:
            continue
        row = re.search(rf"^\| `{type(error).__name__}`.*$", rows, re.MULTILINE)
        assert row
        assert row[0].endswith(" no |") is isinstance(error, AirflowFailException)


def test_the_names_of_the_client_are_exact_and_sorted():
    """What `api` offers is listed, in order, and nothing more."""
    from airflow_provider_aicore import api

    assert list(api.__all__) == sorted(api.__all__)
    assert all(hasattr(api, name) for name in api.__all__)


def _task_errors(cls=exceptions.AICoreTaskError):
    yield cls("m", "e123") if issubclass(cls, exceptions.AICoreExecutionError) else cls("m")
    for child in cls.__subclasses__():
        yield from _task_errors(child)


@pytest.mark.parametrize("error", _task_errors(), ids=lambda error: type(error).__name__)
def test_a_task_s_exceptions_survive_pickling(error):
    """Airflow hands them from process to process."""
    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
    assert getattr(copy, "execution_id", "e123") == "e123"


def test_without_a_browser_there_are_no_pictures(monkeypatch):
    """What is missing is said before anything is started, and how to name another one."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(RuntimeError, match="CHROMIUM=no-such-browser is no program"):
        find_browser()
    monkeypatch.delenv("CHROMIUM")
    with pytest.raises(RuntimeError, match=r"none of chromium, .* is on the PATH"):
        find_browser()
