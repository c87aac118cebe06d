"""One container of a workflow, from its input artifacts to its outputs."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from airflow_provider_aicore.emulator.argo import ArtifactPort, Container, Template, WorkflowError, substitute
from airflow_provider_aicore.emulator.object_store import ObjectStore, copy
from airflow_provider_aicore.emulator.processes import ContainerProcess
from airflow_provider_aicore.emulator.sandbox import Sandbox
from airflow_provider_aicore.emulator.status_details import PodReport, tail
from airflow_provider_aicore.emulator.workflow import Source

_TAIL_LINES = 20
_CANNOT_START = 128  # as container runtimes report a command that is not there


class PodFailed(WorkflowError):
    """A pod ended badly.

    :param report: how it ended.
    """

    def __init__(self, report: PodReport) -> None:
        super().__init__(report.message)
        self.report = report


class Pod:
    """A container as a local process in a sandbox.

    :param name: of the pod.
    :param template: declares the artifacts.
    :param container: what runs, of *template*.
    :param environment: variables of the execution, beside those of the template.
    :param write_line: called with each line of output.
    """

    def __init__(
        self,
        name: str,
        template: Template,
        container: Container,
        *,
        sandbox: Sandbox,
        store: ObjectStore,
        environment: Mapping[str, str],
        write_line: Callable[[str], None],
    ) -> None:
        self.name = name
        self._template, self._container, self._sandbox = template, container, sandbox
        self._store, self._environment, self._write_line = store, environment, write_line
        self._lock = threading.Lock()
        self._stopped = False
        self._process: ContainerProcess | None = None
        self._last_lines: list[str] = []

    def run(self, values: Mapping[str, str], sources: Mapping[str, Source]) -> dict[str, Path]:
        """Fetch the inputs, run the process to its end, look for the outputs.

        :param values: for ``{{…}}``, by full name.
        :param sources: of the input artifacts, by name.
        :return: the files and folders of the outputs, by name.
        :raises PodFailed: one of the three went wrong, or `stop` ended it.
        """
        paths = {
            f"{direction}.artifacts.{port.name}.path": port.path or ""
            for direction, ports in (("inputs", self._template.inputs), ("outputs", self._template.outputs))
            for port in ports
        }
        self._fetch(sources)
        exit_code = self._run_process({**values, **paths})
        if exit_code:
            raise self._failure("main", exit_code, f"Error (exit code {exit_code})")
        return self._outputs()

    def stop(self, grace: float) -> None:
        """End the process, also one that is about to start.

        :param grace: seconds between asking and forcing.
        """
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.stop(grace)

    def _fetch(self, sources: Mapping[str, Source]) -> None:
        for port in self._template.inputs:
            try:
                self._fetch_one(port, sources.get(port.name))
            except (WorkflowError, OSError) as error:
                message = f"failed to load the input artifact {port.name}: {error}"
                raise self._failure("init", 1, message) from error

    def _fetch_one(self, port: ArtifactPort, source: Source | None) -> None:
        if source is None:
            if port.optional:
                return
            raise WorkflowError("nothing is bound to it; the configuration needs an input artifact binding")
        if port.path is None:
            raise WorkflowError("the template gives it no path")
        place = self._sandbox.place(port.path)
        if isinstance(source, Path):
            copy(source, place)
        else:
            self._store.fetch(source, place)

    def _run_process(self, values: Mapping[str, str]) -> int:
        def local(text: str) -> str:
            return self._sandbox.translate(substitute(text, values))

        command = [local(each) for each in (*self._container.command, *self._container.args)]
        if self._container.source is not None:
            script = self._sandbox.write_script(local(self._container.source))
            command.insert(len(self._container.command), str(script))
        environment = {name: local(value) for name, value in self._container.env}
        self._make_room_for_outputs()
        with self._lock:
            if self._stopped:
                raise self._failure("main", 143, "stopped before it began")
            try:
                self._process = ContainerProcess(
                    command,
                    environment={**self._sandbox.environment(), **environment, **self._environment},
                    folder=self._sandbox.work,
                    write_line=self._take_line,
                )
            except OSError as error:
                message = f"cannot run {command[0]!r}: {error.strerror}"
                raise self._failure("main", _CANNOT_START, message) from error
        return self._process.wait()

    def _make_room_for_outputs(self) -> None:
        """Make the folders above the outputs, and those that are outputs themselves if their path says so."""
        for port in self._template.outputs:
            place = self._sandbox.place(port.path or port.name)
            (place if (port.path or "").endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)

    def _outputs(self) -> dict[str, Path]:
        found = {}
        for port in self._template.outputs:
            place = self._sandbox.place(port.path or port.name)
            if place.is_file() or (place.is_dir() and any(place.iterdir())):
                found[port.name] = place
            elif not port.optional:
                message = (
                    f"failed to store the output artifact {port.name}: nothing was written to {port.path}"
                )
                raise self._failure("wait", 1, message)
        return found

    def _take_line(self, line: str) -> None:
        self._last_lines = [*self._last_lines[1 - _TAIL_LINES :], line]
        self._write_line(line)

    def _failure(self, culprit: str, exit_code: int, message: str) -> PodFailed:
        return PodFailed(PodReport(self.name, exit_code, message, culprit, tail(self._last_lines)))
