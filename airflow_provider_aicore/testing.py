"""A pytest plugin for tests of one's own DAGs: ``pytest_plugins = ["airflow_provider_aicore.testing"]``.

It gives a local AI Core that listens, an Airflow connection to it, a clock that runs as fast as one likes,
and a function that runs a DAG. Airflow gets a home and a database of its own, so that a test never touches
those of the machine; an environment that is one for tests already (``AIRFLOW__CORE__UNIT_TEST_MODE=True``) is
left as it is.
"""

import contextlib
import importlib
import importlib.util
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_aicore.emulator import Emulator, ManualClock, Progress
from airflow_provider_aicore.emulator.server import EmulatorServer

_TICK = 0.05
_THE_MACHINES = (
    "AIRFLOW_CONFIG",
    "AIRFLOW__DATABASE__",
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE",
    "AIRFLOW__SECRETS__",
)
"""What an Airflow that is set up here may have in the environment, and a test must not use."""
_HOME = tempfile.TemporaryDirectory(prefix="aicore-airflow-", ignore_cleanup_errors=True)
_NOT_ALONE = (
    "Airflow was imported before the plugin airflow_provider_aicore.testing could give it a home of its own: "
    "a test would write into the database of {home}. Import Airflow in tests and fixtures only, not at the "
    "top of conftest.py; or run pytest with '-p airflow_provider_aicore.testing'; or, if this home is one "
    "for tests, set AIRFLOW__CORE__UNIT_TEST_MODE=True."
)


def pytest_configure() -> None:
    """Set Airflow's environment, which it reads when a test or a DAG first imports it."""
    if _is_for_tests() or "airflow" in sys.modules:
        return
    for name in [name for name in os.environ if name.startswith(_THE_MACHINES)]:
        del os.environ[name]
    os.environ["AIRFLOW_HOME"] = _HOME.name
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = f"{_HOME.name}/dags"
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


@pytest.fixture(scope="session")
def aicore_airflow() -> None:
    """Make the tables of the database that Airflow uses in tests."""
    from airflow.configuration import AIRFLOW_HOME
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.utils.db import initdb

    if _HOME.name != AIRFLOW_HOME and not _is_for_tests():
        pytest.fail(_NOT_ALONE.format(home=AIRFLOW_HOME), pytrace=False)
    initdb()
    DagBundlesManager().sync_bundles_to_db()


@pytest.fixture(scope="session")
def aicore_service_key() -> dict[str, Any]:
    """Return the service key of all emulators: Airflow masks a secret in every log line from then on."""
    return Emulator().service_key


@pytest.fixture
def aicore_clock() -> ManualClock:
    """Return the emulator's clock. It stands, but for the time in which `aicore_run_dag` runs."""
    return ManualClock()


@pytest.fixture
def aicore_options() -> dict[str, Any]:
    """Return options of `Emulator`, none; define a fixture of this name for others, such as ``templates``."""
    return {}


@pytest.fixture
def aicore_server(
    aicore_clock: ManualClock, aicore_service_key: dict[str, Any], aicore_options: dict[str, Any]
) -> Iterator[EmulatorServer]:
    """Return a local AI Core that listens on 127.0.0.1; its executions are COMPLETED at the first look."""
    defaults = {"now": aicore_clock, "service_key": aicore_service_key, "progress": Progress.at_once()}
    with EmulatorServer(**{**defaults, **aicore_options}) as server:
        yield server


@pytest.fixture
def aicore_emulator(aicore_server: EmulatorServer) -> Emulator:
    """Return the local AI Core: give it executables, scripts and faults, and look at what it was asked."""
    return aicore_server.emulator


@pytest.fixture
def aicore_connection(aicore_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the Airflow connection ``aicore_default``, which leads to the emulator, and return its id."""
    connection = {"conn_type": "aicore", "extra": {"secret_service_key": aicore_emulator.service_key}}
    monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps(connection))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, f"127.0.0.1,{os.environ.get(name, '')}")
    return "aicore_default"


@dataclass(frozen=True)
class DagResult:
    """What became of a run.

    :param state: ``success`` or ``failed``.
    :param tasks: state by task id; that of a mapped one has its index, as in ``train[0]``.
    :param dag_run: Airflow's own object.
    """

    state: str
    tasks: dict[str, str]
    dag_run: Any

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Give what a task handed on.

        :param map_index: of a mapped task.
        """
        ti = self.dag_run.get_task_instance(task_id, map_index=map_index)
        return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=map_index)


class RunDag:
    """Runs a DAG against the emulator, task after task in this process, as Airflow's ``dag.test()`` does.

    Triggers run inline. Waiting is cut short: looks follow one another quickly, and a retry comes at once.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def __call__(
        self,
        dag: Any,
        *,
        conf: dict[str, Any] | None = None,
        poll_interval: float = 1.0,
        clock_speed: float = 60.0,
    ) -> DagResult:
        """Run *dag* to its end.

        :param conf: the run's configuration, which overrides the DAG's ``params``.
        :param poll_interval: real seconds between two looks of whatever waits for AI Core, at least 1; the
            DAG's own intervals are left aside.
        :param clock_speed: how many seconds the emulator's clock goes on in each real one.
        """
        with contextlib.ExitStack() as stack:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            for task in dag.tasks:
                _hurry(task, poll_interval, patch)
            _store(dag)
            stack.enter_context(_running(self._clock, clock_speed))
            dag_run = dag.test(run_conf=conf)
        tasks = {_name(ti): str(ti.state) for ti in dag_run.get_task_instances()}
        return DagResult(str(dag_run.state), tasks, dag_run)


@pytest.fixture
def aicore_run_dag(
    aicore_airflow: None,  # noqa: ARG001 - wanted for its effect
    aicore_connection: str,  # noqa: ARG001 - wanted for its effect
    aicore_clock: ManualClock,
) -> RunDag:
    """Return a function that runs a DAG against the emulator; see `RunDag`."""
    return RunDag(aicore_clock)


def _is_for_tests() -> bool:
    return os.environ.get("AIRFLOW__CORE__UNIT_TEST_MODE", "").lower() in {"true", "t", "1"}


def _hurry(task: Any, poll_interval: float, patch: pytest.MonkeyPatch) -> None:
    from airflow_provider_aicore.waiting import AICoreWaitingOperator

    patch.setattr(task, "retry_delay", timedelta(0))
    if isinstance(task, AICoreWaitingOperator):
        patch.setattr(task, "poll_interval", poll_interval)
        if hasattr(task, "poke_interval"):
            patch.setattr(task, "poke_interval", poll_interval)
    elif issubclass(getattr(task, "operator_class", object), AICoreWaitingOperator):
        # The arguments of a mapped task.
        patch.setitem(task.partial_kwargs, "poll_interval", poll_interval)


def _store(dag: Any) -> None:
    """Put a DAG into the database, where Airflow's own test looks for it; files are of no account."""
    has_moved = importlib.util.find_spec("airflow.dag_processing.dagbag")  # In Airflow 3.2.
    module = importlib.import_module(
        "airflow.dag_processing.dagbag" if has_moved else "airflow.models.dagbag"
    )
    bag = module.DagBag(os.devnull)
    bag.bag_dag(dag)
    module.sync_bag_to_db(bag, "dags-folder", None)


@contextlib.contextmanager
def _running(clock: ManualClock, speed: float) -> Iterator[None]:
    """Let a clock run."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(_TICK):
            clock.move(_TICK * speed)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _name(ti: Any) -> str:
    return str(ti.task_id) if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"
