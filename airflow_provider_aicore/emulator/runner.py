"""Executions that really run: those of one tenant, and how many of them at a time."""

import shutil
import tempfile
from pathlib import Path

from airflow_provider_aicore.emulator.definitions import Executable
from airflow_provider_aicore.emulator.object_store import ObjectStore
from airflow_provider_aicore.emulator.state import ResourceGroup, Tenant
from airflow_provider_aicore.emulator.turns import Turns
from airflow_provider_aicore.emulator.workflow_run import RunSettings, WorkflowRun
from airflow_provider_aicore.emulator.workloads import Execution


class Runner:
    """Runs executions of one tenant."""

    def __init__(self, tenant: Tenant, settings: RunSettings, store: ObjectStore) -> None:
        self._tenant, self._settings, self._store = tenant, settings, store
        self._folder = Path(tempfile.mkdtemp(prefix="aicore-emulator-", dir=settings.sandboxes))
        self._turns = Turns(settings.max_running)
        self._runs: list[WorkflowRun] = []
        self._is_closed = False

    def enact(self, group: ResourceGroup, execution: Execution, executable: Executable) -> "WorkflowRun":
        """Begin to run an execution; once it is closed, nothing runs any more.

        The caller holds the tenant's lock.
        """
        run = WorkflowRun(
            execution,
            executable,
            tenant=self._tenant,
            group=group,
            settings=self._settings,
            store=self._store,
            folder=self._folder,
            turns=self._turns,
        )
        self._runs = [each for each in self._runs if not each.is_over] + [run]
        if self._is_closed:
            run.abandon()
        run.begin()
        return run

    def close(self) -> None:
        """End all processes, wait for their end, and remove the sandboxes."""
        with self._tenant.lock:
            self._is_closed = True
            runs = self._runs
        for run in runs:
            run.abandon()
        for run in runs:
            run.join()
        shutil.rmtree(self._folder, ignore_errors=True)
