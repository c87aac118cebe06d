"""One execution that really runs: each container of its workflow becomes a local process.

A run takes real time and its delays are real seconds, whatever the emulator's clock says: that only stamps.
"""

import os
import shutil
import threading
import zlib
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_aicore.emulator.argo import ArtifactPort, OutputParameter, WorkflowError
from airflow_provider_aicore.emulator.definitions import ArtifactSlot, Executable
from airflow_provider_aicore.emulator.object_store import ObjectStore
from airflow_provider_aicore.emulator.outcomes import Outputs
from airflow_provider_aicore.emulator.pods import DEADLINE_EXCEEDED, Pod, PodSurroundings
from airflow_provider_aicore.emulator.processes import EXECUTION_VARIABLE, end_stragglers
from airflow_provider_aicore.emulator.sandbox import Sandbox, find_image
from airflow_provider_aicore.emulator.state import ResourceGroup, Tenant
from airflow_provider_aicore.emulator.status_details import PodReport, describe
from airflow_provider_aicore.emulator.tags import substitute
from airflow_provider_aicore.emulator.turns import Turns
from airflow_provider_aicore.emulator.workflow import PodOrder, prepare
from airflow_provider_aicore.emulator.workloads import Execution, Workload


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How executions run.

    :param object_store: folder with a folder for each object store secret; None: a temporary one.
    :param images: name of an image, with or without tag, to the folder that stands for it; with none, a
        container starts in an empty folder.
    :param unknown_seconds: in UNKNOWN.
    :param pending_seconds: in PENDING.
    :param stop_grace: seconds between SIGTERM and SIGKILL.
    :param tracking_endpoint: URL that processes are given for their metrics; None: they are given none.
    :param sandboxes: folder in which the sandboxes are made; None: the machine's temporary one.
    :param max_running: executions that run at a time; the others wait in PENDING. None: no limit.
    :param private_root: whether a process finds the declared paths itself too, where Linux lets it have a
        file system of its own; else they are only replaced in the template's texts.
    """

    object_store: Path | None = None
    images: Mapping[str, Path] | None = None
    unknown_seconds: float = 0.0
    pending_seconds: float = 0.0
    stop_grace: float = 5.0
    tracking_endpoint: str | None = None
    sandboxes: Path | None = None
    max_running: int | None = None
    private_root: bool = True

    def __post_init__(self) -> None:
        """Look for the folders.

        :raises ValueError: one does not exist or must not be used, or nothing could ever run.
        """
        if self.max_running is not None and self.max_running < 1:
            raise ValueError(
                f"max_running is {self.max_running}: at least one execution has to run at a time"
            )
        named = {"the object store": self.object_store, **(self.images or {})}
        for what, folder in named.items():
            if folder is not None and not folder.is_dir():
                raise ValueError(f"The folder {folder} for {what} does not exist")
            needed = os.R_OK | os.X_OK | (os.W_OK if folder is self.object_store else 0)
            if folder is not None and not os.access(folder, needed):
                raise ValueError(f"The folder {folder} for {what} cannot be used: its permissions forbid it")


class WorkflowRun:
    """Runs the workflow of one execution in a thread of its own, and each container in a process group.

    The tenant's lock is held for each change of the execution, and never while something runs.
    """

    def __init__(
        self,
        execution: Execution,
        executable: Executable,
        *,
        tenant: Tenant,
        group: ResourceGroup,
        settings: RunSettings,
        store: ObjectStore,
        folder: Path,
        turns: Turns,
    ) -> None:
        self._tenant, self._group, self._execution = tenant, group, execution
        self._spec: Mapping[str, Any] = executable.workflow or {}
        self._executable, self._settings, self._store = executable, settings, store
        self._folder, self._turns = folder / execution.id, turns
        self._halted, self._expired, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._pods_lock = threading.Lock()
        self._pods: list[Pod] = []
        self._parallelism = (
            nullcontext()
            if (limit := self._spec.get("parallelism")) is None
            else (threading.Semaphore(int(limit)))
        )
        self._reports: dict[str, PodReport] = {}
        self._published: dict[str, None] = {}
        self._thread = threading.Thread(target=self._live, name=f"execution {execution.id}", daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self._turns.join(self._execution.id)
        self._thread.start()

    def advance(self, workload: Workload, now: float) -> None:
        """Do nothing: it moves on its own."""

    def shown(self) -> None:
        """Do nothing: reads do not move it."""

    def stop(self, workload: Workload, now: float) -> None:
        """Go to STOPPING, and to STOPPED when the last process has ended."""
        workload.move("STOPPING", now)
        self.abandon()

    def abandon(self) -> None:
        """End all processes, without waiting for their end."""
        self._end_pods(self._halted)

    def join(self) -> None:
        """Wait until nothing of it runs any more."""
        self._thread.join()

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return not self._thread.is_alive()

    def bound_artifact(self, name: str) -> str | None:
        """Give the URL of the artifact that the configuration binds to *name*."""
        artifact_id = dict(self._execution.configuration.input_artifact_bindings or ()).get(name)
        if artifact_id is None:
            return None
        artifact = self._group.artifacts.get(artifact_id)
        if artifact is None:
            raise WorkflowError(f"{artifact_id}, bound to {name}, is no artifact of {self._group.id}")
        return artifact.url

    def run_pod(self, order: PodOrder) -> Outputs:
        """Run one container to its end."""
        with self._parallelism:
            if self._ended.is_set():
                raise WorkflowError("stopped before it began")
            return self._pod(order).run()

    def publish(self, name: str, source: Path) -> None:
        """Put an output artifact into the object store; it is registered when the execution completes."""
        self._store.store(source, self._execution.id, name)
        self._published[name] = None

    def pause(self, seconds: float) -> bool:
        """Wait, and say whether the execution has to end meanwhile."""
        return self._ended.wait(min(seconds, threading.TIMEOUT_MAX))

    def _live(self) -> None:
        try:
            self._run()
            outcome, message = "COMPLETED", ""
        except WorkflowError as error:
            outcome, message = "DEAD", str(error)
        except Exception as error:  # noqa: BLE001 - an execution has to end, whatever the reason
            outcome, message = "DEAD", f"The emulator failed to run it: {error!r}"
        if self._expired.is_set():
            outcome, message = "DEAD", DEADLINE_EXCEEDED
        end_stragglers(EXECUTION_VARIABLE, self._execution.id)
        self._turns.leave(self._execution.id)
        self._finish(outcome, message)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> None:
        if self._halted.wait(self._settings.unknown_seconds) or not self._enter("PENDING"):
            return
        if self._halted.wait(self._settings.pending_seconds):
            return
        self._turns.wait(self._execution.id, self._halted.is_set)
        if self._halted.is_set():
            return
        bound = dict(self._execution.configuration.parameter_bindings or ())
        parameters = {each.name: bound.get(each.name, each.default) for each in self._executable.parameters}
        workflow = prepare(self._spec, parameters, self._execution.id, self)
        deadline = threading.Timer(
            float(self._spec.get("activeDeadlineSeconds") or threading.TIMEOUT_MAX),
            self._end_pods,
            [self._expired],
        )
        deadline.daemon = True
        deadline.start()
        try:
            workflow.run()
        finally:
            deadline.cancel()
        if self._execution.start_time is None:  # All steps were skipped.
            self._enter("RUNNING")

    def _end_pods(self, reason: threading.Event) -> None:
        reason.set()
        self._ended.set()
        self._turns.look_again()
        with self._pods_lock:
            for pod in self._pods:
                pod.stop(self._settings.stop_grace)

    def _enter(self, status: str) -> bool:
        with self._tenant.lock:
            if not self._halted.is_set():
                self._execution.move(status, self._tenant.now())
                self._execution.status_details = describe(self._reports.values())
            return not self._halted.is_set()

    def _finish(self, outcome: str, message: str) -> None:
        execution, now = self._execution, self._tenant.now()
        with self._tenant.lock:
            if execution.status == "STOPPING":
                outcome, message = "STOPPED", ""
            elif self._halted.is_set():
                return  # It was deleted, or the emulator closes: nobody looks at it again.
            slots = {slot.name: slot for slot in self._executable.output_artifacts}
            for name in self._published if outcome == "COMPLETED" else []:
                self._group.register_output(execution, slots.get(name, ArtifactSlot(name)), now)
            execution.status_message = message
            execution.move(outcome, now)

    def _report(self, report: PodReport) -> None:
        """Take in how a pod is doing; the first that really starts makes the execution RUNNING."""
        execution = self._execution
        with self._tenant.lock:
            self._reports[report.name] = report
            execution.status_details = describe(self._reports.values())
            if report.culprit in {"init", "wait"}:
                line = f"Error: {report.message}"
                execution.log(line, self._tenant.now(), container=report.culprit, pod=report.name)
            if execution.status == "PENDING":
                execution.status_message = report.message if report.waits else ""
                if not report.waits:
                    execution.move("RUNNING", self._tenant.now())

    def _pod(self, order: PodOrder) -> Pod:
        execution_id, node, template = self._execution.id, order.node, order.template
        name = f"{execution_id}-{zlib.crc32('/'.join(node).encode())}" if node else execution_id
        container = template.container
        image = substitute(container.image, order.values) if container else ""
        working_dir = substitute((container and container.working_dir) or "", order.values)
        ports: tuple[ArtifactPort | OutputParameter, ...] = (
            *template.inputs,
            *template.outputs,
            *template.output_parameters,
        )
        sandbox = Sandbox(
            self._folder / name,
            find_image(image, self._settings.images or {}),
            working_dir,
            [substitute(port.path, order.values) for port in ports if port.path],
            show_paths=self._settings.private_root,
        )
        environment = {EXECUTION_VARIABLE: execution_id}
        if self._settings.tracking_endpoint is not None:
            environment["AICORE_TRACKING_ENDPOINT"] = self._settings.tracking_endpoint

        def write_line(line: str) -> None:
            with self._tenant.lock:
                self._execution.log(line, self._tenant.now(), pod=name)

        def secret(name: str) -> Mapping[str, str] | None:
            with self._tenant.lock:
                found = self._group.generic_secrets.get(name)
            return None if found is None else found.plain()

        around = PodSurroundings(sandbox, self._store, environment, secret, self._report, write_line)
        pod = Pod(name, order, around, self._settings.stop_grace)
        with self._pods_lock:
            self._pods.append(pod)
            if self._ended.is_set():
                pod.stop(0)
        return pod
