"""Executions that really run: each container of their workflow becomes a local process.

A run takes real time and its delays are real seconds, whatever the emulator's clock says: that only stamps.
"""

import shutil
import tempfile
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from airflow_provider_aicore.emulator.argo import Container, Template, WorkflowError, substitute
from airflow_provider_aicore.emulator.object_store import ObjectStore
from airflow_provider_aicore.emulator.pods import Pod, PodFailed
from airflow_provider_aicore.emulator.processes import end_stragglers
from airflow_provider_aicore.emulator.sandbox import Sandbox, find_image
from airflow_provider_aicore.emulator.state import ArtifactSlot, Executable, Execution, ResourceGroup, Tenant
from airflow_provider_aicore.emulator.status_details import PodReport, describe
from airflow_provider_aicore.emulator.workflow import Node, Source, prepare

DEADLINE_EXCEEDED = "Pod was active on the node longer than the specified deadline"
"""What Kubernetes says when ``activeDeadlineSeconds`` are over."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How executions run.

    :param object_store: folder with a folder for each object store secret; None: a temporary one.
    :param images: name of an image, with or without tag, to the folder that stands for it. A container whose
        image is not among them starts in an empty folder.
    :param unknown_seconds: in UNKNOWN.
    :param pending_seconds: in PENDING.
    :param stop_grace: seconds between SIGTERM and SIGKILL.
    :param tracking_endpoint: URL that processes are given for their metrics; None: they are given none.
    :param sandboxes: folder in which the sandboxes are made; None: the machine's temporary one.
    """

    object_store: Path | None = None
    images: Mapping[str, Path] | None = None
    unknown_seconds: float = 0.0
    pending_seconds: float = 0.0
    stop_grace: float = 5.0
    tracking_endpoint: str | None = None
    sandboxes: Path | None = None

    def __post_init__(self) -> None:
        """Look for the folders.

        :raises ValueError: one does not exist.
        """
        named = {"the object store": self.object_store, **(self.images or {})}
        for what, folder in named.items():
            if folder is not None and not folder.is_dir():
                raise ValueError(f"The folder {folder} for {what} does not exist")


class Runner:
    """Runs executions of one tenant."""

    def __init__(self, tenant: Tenant, settings: RunSettings) -> None:
        self._tenant, self._settings = tenant, settings
        self._folder = Path(tempfile.mkdtemp(prefix="aicore-emulator-", dir=settings.sandboxes))
        self._store = ObjectStore(settings.object_store or self._folder / "object-store")
        self._runs: list[WorkflowRun] = []

    def enact(self, group: ResourceGroup, execution: Execution, executable: Executable) -> "WorkflowRun":
        """Begin to run an execution."""
        run = WorkflowRun(
            execution,
            executable,
            tenant=self._tenant,
            group=group,
            settings=self._settings,
            store=self._store,
            folder=self._folder,
        )
        self._runs = [each for each in self._runs if not each.is_over] + [run]
        run.begin()
        return run

    def close(self) -> None:
        """End all processes, wait for their end, and remove the sandboxes."""
        for run in self._runs:
            run.abandon()
        for run in self._runs:
            run.join()
        shutil.rmtree(self._folder, ignore_errors=True)


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
    ) -> None:
        self._tenant, self._group, self._execution = tenant, group, execution
        self._executable, self._settings, self._store = executable, settings, store
        self._folder = folder / execution.id
        self._halted, self._expired = threading.Event(), threading.Event()
        self._pods_lock = threading.Lock()
        self._pods: list[Pod] = []
        self._reports: dict[str, PodReport] = {}
        self._published: dict[str, None] = {}
        self._thread = threading.Thread(target=self._live, name=f"execution {execution.id}", daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    def advance(self, execution: Execution, now: float) -> None:
        """Do nothing: it moves on its own."""

    def shown(self) -> None:
        """Do nothing: reads do not move it."""

    def stop(self, execution: Execution, now: float) -> None:
        """Go to STOPPING, and to STOPPED when the last process has ended."""
        execution.move("STOPPING", now)
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

    def run_container(
        self,
        container: Container,
        template: Template,
        values: Mapping[str, str],
        sources: Mapping[str, Source],
        node: Node,
    ) -> dict[str, Path]:
        """Run one container to its end."""
        container = replace(
            container,
            image=substitute(container.image, values),
            working_dir=container.working_dir and substitute(container.working_dir, values),
        )
        pod = self._pod(container, template, node)
        self._report(PodReport(pod.name))
        try:
            outputs = pod.run(values, sources)
        except PodFailed as failure:
            self._report(failure.report)
            raise
        self._report(PodReport(pod.name, 0))
        return outputs

    def publish(self, name: str, source: Path) -> None:
        """Put an output artifact into the object store; it is registered when the execution completes."""
        self._store.store(source, self._execution.id, name)
        self._published[name] = None

    def _live(self) -> None:
        try:
            self._run()
            outcome, message = "COMPLETED", ""
        except WorkflowError as error:
            outcome, message = "DEAD", DEADLINE_EXCEEDED if self._expired.is_set() else str(error)
        except Exception as error:  # noqa: BLE001 - an execution has to end, whatever the reason
            outcome, message = "DEAD", f"The emulator failed to run it: {error!r}"
        end_stragglers(self._execution.id)
        self._finish(outcome, message)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> None:
        if self._halted.wait(self._settings.unknown_seconds) or not self._enter("PENDING"):
            return
        if self._halted.wait(self._settings.pending_seconds):
            return
        bound = dict(self._execution.configuration.parameter_bindings or ())
        parameters = {each.name: bound.get(each.name, each.default) for each in self._executable.parameters}
        spec = self._executable.workflow or {}
        workflow = prepare(spec, parameters, self._execution.id, self)
        if not self._enter("RUNNING"):
            return
        deadline = threading.Timer(
            float(spec.get("activeDeadlineSeconds") or threading.TIMEOUT_MAX), self._end_pods, [self._expired]
        )
        deadline.daemon = True
        deadline.start()
        try:
            workflow.run()
        finally:
            deadline.cancel()

    def _end_pods(self, reason: threading.Event) -> None:
        reason.set()
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
        with self._tenant.lock:
            self._reports[report.name] = report
            self._execution.status_details = describe(self._reports.values())

    def _pod(self, container: Container, template: Template, node: Node) -> Pod:
        execution_id = self._execution.id
        name = f"{execution_id}-{zlib.crc32('/'.join(node).encode())}" if node else execution_id
        sandbox = Sandbox(
            self._folder / name,
            find_image(container.image, self._settings.images or {}),
            container.working_dir,
            [port.path for port in (*template.inputs, *template.outputs) if port.path],
        )
        environment = {"AICORE_EXECUTION_ID": execution_id}
        if self._settings.tracking_endpoint is not None:
            environment["AICORE_TRACKING_ENDPOINT"] = self._settings.tracking_endpoint

        def write_line(line: str) -> None:
            with self._tenant.lock:
                self._execution.log(line, self._tenant.now(), pod=name)

        pod = Pod(
            name,
            template,
            container,
            sandbox=sandbox,
            store=self._store,
            environment=environment,
            write_line=write_line,
        )
        with self._pods_lock:
            self._pods.append(pod)
            if self._halted.is_set() or self._expired.is_set():
                pod.stop(0)
        return pod
