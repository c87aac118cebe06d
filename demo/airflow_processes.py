"""A whole Airflow on this machine: its four components as processes, its state in a folder, loopback only."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx

from demo.airflow_rest import AirflowREST
from demo.process import Process, reaching_loopback, title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

USER = "admin"
COMPONENTS = {
    "api-server": ["api-server"],
    # Their log servers listen on a fixed port; the API server finds the files without them.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}


RESTARTED = ("scheduler", "triggerer", "dag-processor")
"""Components that can be lost while the others go on."""

PATIENCE = 600.0
"""Seconds after which what is waited for will not come, on however slow a machine."""


def free_port() -> int:
    """Find a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    condition: Callable[[], object], *, what: str, seconds: float = PATIENCE, interval: float = 0.2
) -> None:
    """Ask again and again until the answer is true.

    :param what: what is waited for, as it goes into the error.
    :raises TimeoutError: after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds:.0f} s for {what}, in vain.")
        time.sleep(interval)


class Airflow:
    """An Airflow that lives as long as the ``with`` block.

    :param home: an empty folder for all of its state: database, logs, configuration.
    :param dags: the DAG folder.
    :param port: port of the UI, the REST API and the execution API; a free one by default.
    :param settings: more ``AIRFLOW__…`` variables.
    """

    def __init__(
        self, home: Path, dags: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        self.dags = dags
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.password = secrets.token_urlsafe(12)
        self.processes: dict[str, Process] = {}
        self.rest = AirflowREST(self.url)
        self.environment = self._inherited() | self._settings() | dict(settings or {})

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make the database, start the components and wait until all of them report that they are healthy."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "passwords.json").write_text(json.dumps({USER: self.password}))
        migration = self.command("db", "migrate")
        if migration.returncode:
            raise RuntimeError(f"airflow db migrate failed in {self.home}:\n{migration.stderr[-3000:]}")
        for component in COMPONENTS:
            self.start_component(component)
        self.wait_until(self._is_up, what="Airflow's API server to answer")
        self.rest.log_in(USER, self.password)
        self.wait_until(self._is_healthy, what="all components of Airflow to be healthy")

    def stop(self) -> None:
        """End whatever runs. All are asked first, since they need their time at the same time.

        They do not get the ten seconds that an idle triggerer takes: nobody needs the state any more.
        """
        self.rest.close()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.kill(patience=4)
        self.processes.clear()

    def start_component(self, component: str) -> None:
        """Start one of COMPONENTS (again)."""
        command = [sys.executable, "-m", "airflow", *COMPONENTS[component]]
        self.processes[component] = Process(
            component, command, environment=self.environment, folder=self.home
        )

    def stop_component(self, component: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End one component.

        :param how: SIGTERM lets it end of its own accord; SIGKILL gives neither it nor its children a chance.
        """
        process = self.processes.pop(component)
        if how == signal.SIGTERM:
            process.terminate()
        process.kill(patience=20 if how == signal.SIGTERM else 0)

    def restart_component(self, component: str) -> None:
        """Start one again that has ended, once all that it has left running is ended too."""
        self.stop_component(component, signal.SIGKILL)
        self.start_component(component)

    def command(
        self, *arguments: str, settings: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``airflow …`` to its end.

        :param settings: environment variables for this command only.
        """
        return subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment | dict(settings or {}),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )

    def wait_until(
        self, condition: Callable[[], object], *, what: str, seconds: float = PATIENCE, interval: float = 0.2
    ) -> None:
        """Wait as ``wait_until`` does, but no longer than all components live."""

        def holds() -> object:
            for process in self.processes.values():
                process.check()
            return condition()

        wait_until(holds, seconds=seconds, what=f"{what} (logs: {self.home})", interval=interval)

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until the DAG processor has parsed a DAG.

        :raises RuntimeError: the DAG folder has a file that cannot be imported.
        """

        def is_parsed() -> bool:
            if errors := self.rest.import_errors():
                raise RuntimeError(f"Airflow cannot import DAGs from {self.dags}:\n" + "\n".join(errors))
            return self.rest.has_dag(dag_id)

        self.wait_until(is_parsed, what=f"DAG {dag_id} to be parsed")

    def worker_processes(self, task_instance_id: str) -> list[int]:
        """Find the processes that run a task instance now.

        The runner of a task puts the task instance's id into its title (not on macOS).

        :return: their process ids; none while the task is deferred.
        """
        family = self.processes["scheduler"].family()
        return [each.pid for each in family if f"airflow worker -- {task_instance_id}" in title(each)]

    def _is_up(self) -> bool:
        try:
            return self.rest.health() is not None
        except httpx.TransportError:
            return False

    def _is_healthy(self) -> bool:
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        health = self.rest.health() or {}
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    @staticmethod
    def _inherited() -> dict[str, str]:
        """Take over the environment, but nothing of another Airflow.

        Without cached bytecode each of the components would compile a thousand modules anew.
        """
        unwanted = ("AIRFLOW", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        return reaching_loopback(kept)

    def _settings(self) -> dict[str, str]:
        settings = {
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "4",
            "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            "API__WORKERS": "1",
            "API__SECRET_KEY": secrets.token_hex(32),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "DAG_PROCESSOR__REFRESH_INTERVAL": "2",
            "SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
            # How long a task waits for the API server: 5 s by default, too few on a busy machine.
            "WORKERS__EXECUTION_API_TIMEOUT": "60",
            # Only this machine is to be talked to.
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        return {"AIRFLOW_HOME": str(self.home)} | {
            f"AIRFLOW__{name}": value for name, value in settings.items()
        }
