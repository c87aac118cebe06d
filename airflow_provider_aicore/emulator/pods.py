"""One container of a workflow, from its input artifacts to its outputs."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_aicore.emulator.argo import ArtifactPort, SecretKey, WorkflowError
from airflow_provider_aicore.emulator.object_store import ObjectStore, copy
from airflow_provider_aicore.emulator.outcomes import Outputs, Source
from airflow_provider_aicore.emulator.processes import ContainerProcess
from airflow_provider_aicore.emulator.sandbox import Sandbox
from airflow_provider_aicore.emulator.status_details import PodReport, tail
from airflow_provider_aicore.emulator.tags import substitute
from airflow_provider_aicore.emulator.workflow import PodOrder

DEADLINE_EXCEEDED = "Pod was active on the node longer than the specified deadline"
"""What Kubernetes says when ``activeDeadlineSeconds`` are over."""
POD_VARIABLE = "ARGO_NODE_ID"
"""The variable by which Argo tells a container which pod it is in."""
_TAIL_LINES = 20
_LONGEST_RESULT = 262_144  # characters; Argo takes no more of the standard output either
_CANNOT_START = 128  # as container runtimes report a command that is not there
_LOOK_AGAIN_SECONDS = 0.1


class PodFailed(WorkflowError):
    """A pod ended badly.

    :param report: how it ended.
    """

    def __init__(self, report: PodReport) -> None:
        super().__init__(report.message)
        self.report = report
        self.exit_code = report.exit_code
        self.status = "Failed" if report.culprit == "main" else "Error"


@dataclass(frozen=True, slots=True)
class PodSurroundings:
    """What a pod finds around it.

    :param sandbox: where its process works.
    :param store: has the files behind artifacts.
    :param environment: variables of the execution, beside those of the template.
    :param secret: gives the values of a generic secret, None if there is none of that name.
    :param report: called with how the pod is doing.
    :param write_line: called with each line of output.
    """

    sandbox: Sandbox
    store: ObjectStore
    environment: Mapping[str, str]
    secret: Callable[[str], Mapping[str, str] | None]
    report: Callable[[PodReport], None]
    write_line: Callable[[str], None]


class Pod:
    """A container as a local process in a sandbox.

    :param name: of the pod.
    :param order: what runs.
    :param around: where it runs.
    :param stop_grace: seconds between asking the process to end and forcing it, at a deadline.
    """

    def __init__(self, name: str, order: PodOrder, around: PodSurroundings, stop_grace: float) -> None:
        self.name = name
        self._template, self._around, self._stop_grace = order.template, around, stop_grace
        self._order = order
        self._lock, self._stopped, self._expired = threading.Lock(), threading.Event(), threading.Event()
        self._process: ContainerProcess | None = None
        self._last_lines: list[str] = []
        self._result: list[str] = []
        directions = (("inputs", self._template.inputs), ("outputs", self._template.outputs))
        paths = {
            f"{direction}.artifacts.{port.name}.path": self._fill(port.path or "")
            for direction, ports in directions
            for port in ports
        }
        for each in self._template.output_parameters:
            paths[f"outputs.parameters.{each.name}.path"] = self._fill(each.path or "")
        self._values = {**order.values, **paths, "pod.name": name}

    def run(self) -> Outputs:
        """Wait for its secrets, fetch the inputs, run the process to its end, look for the outputs.

        :raises PodFailed: one of these went wrong, or `stop` ended it.
        """
        try:
            outputs = self._run()
        except PodFailed as failure:
            self._around.report(failure.report)
            raise
        except WorkflowError as error:
            refusal = self._failure("init", 1, str(error))
            self._around.report(refusal.report)
            raise refusal from error
        self._around.report(PodReport(self.name, 0))
        return outputs

    def _run(self) -> Outputs:
        environment = self._environment()
        self._around.report(PodReport(self.name))
        self._fetch()
        exit_code = self._run_process(environment)
        if self._expired.is_set():
            raise self._failure("main", exit_code, DEADLINE_EXCEEDED)
        if exit_code:
            raise self._failure("main", exit_code, f"Error (exit code {exit_code})")
        return self._outputs()

    def stop(self, grace: float) -> None:
        """End the process, also one that is about to start.

        :param grace: seconds between asking and forcing.
        """
        with self._lock:
            self._stopped.set()
            if self._process is not None:
                self._process.stop(grace)

    def _fill(self, text: str) -> str:
        return substitute(text, self._order.values)

    def _environment(self) -> dict[str, str]:
        """Give the container's variables, and wait until the secrets that they come from are there.

        A pod does not start without them and does not fail either: Kubernetes looks again and again.
        """
        complaint = ""
        while True:
            environment, problem = self._variables()
            if problem is None:
                return environment
            if problem != complaint:
                complaint = problem
                self._around.report(PodReport(self.name, message=complaint, waits=True))
            if self._stopped.wait(_LOOK_AGAIN_SECONDS):
                raise self._failure("main", _CANNOT_START, complaint)

    def _variables(self) -> tuple[dict[str, str], str | None]:
        container = self._order.template.container
        environment: dict[str, str] = {}
        problem = None
        for each in container.env_from if container else ():
            values = self._around.secret(self._fill(each.secret))
            if values is None and not each.optional:
                problem = f'CreateContainerConfigError: secret "{self._fill(each.secret)}" not found'
            environment |= {each.prefix + name: value for name, value in (values or {}).items()}
        for name, source in container.env if container else ():
            if not isinstance(source, SecretKey):
                environment[name] = self._local(source)
                continue
            secret, key = self._fill(source.secret), self._fill(source.key)
            values = self._around.secret(secret)
            if values is not None and key in values:
                environment[name] = values[key]
            elif not source.optional and values is None:
                problem = f'CreateContainerConfigError: secret "{secret}" not found'
            elif not source.optional:
                problem = f"CreateContainerConfigError: couldn't find key {key} in Secret {secret}"
        return environment, problem

    def _fetch(self) -> None:
        for port in self._template.inputs:
            try:
                self._fetch_one(port, self._order.sources.get(port.name))
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
        place = self._place(port.path)
        if isinstance(source, Path):
            copy(source, place)
        else:
            self._around.store.fetch(source, place)

    def _place(self, path: str) -> Path:
        return self._around.sandbox.place(self._fill(path))

    def _local(self, text: str) -> str:
        return self._around.sandbox.translate(substitute(text, self._values))

    def _run_process(self, environment: Mapping[str, str]) -> int:
        container, sandbox = self._template.container, self._around.sandbox
        if container is None:
            raise WorkflowError(f"The template {self._template.name} has no container")
        command = [self._local(each) for each in (*container.command, *container.args)]
        if container.source is not None:
            script = sandbox.write_script(self._local(container.source))
            command.insert(len(container.command), str(script))
        deadline = self._deadline()
        environment = {**sandbox.environment(), **environment, **self._around.environment}
        self._make_room_for_outputs()
        with self._lock:
            if self._stopped.is_set():
                raise self._failure("main", 143, "stopped before it began")
            try:
                self._process = process = ContainerProcess(
                    sandbox.command(command, environment["PATH"]),
                    environment=environment,
                    folder=sandbox.work,
                    write_line=self._take_line,
                    write_result=self._take_result if self._order.wants_result else None,
                    mark=(POD_VARIABLE, self.name),
                )
            except (OSError, ValueError) as error:
                message = f"cannot run {command[0]!r}: {getattr(error, 'strerror', None) or error}"
                raise self._failure("main", _CANNOT_START, message) from error
        timer = threading.Timer(deadline, self._expire)
        timer.daemon = True
        timer.start()
        try:
            return process.wait()
        finally:
            timer.cancel()

    def _deadline(self) -> float:
        text = self._template.deadline
        try:
            seconds = threading.TIMEOUT_MAX if text is None else float(self._fill(text))
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= threading.TIMEOUT_MAX:
            raise WorkflowError(f"activeDeadlineSeconds has to be a number from 0 on, it is {text!r}")
        return seconds

    def _expire(self) -> None:
        self._expired.set()
        self.stop(self._stop_grace)

    def _make_room_for_outputs(self) -> None:
        """Make the folders above the outputs, and those that are outputs themselves if their path says so."""
        template = self._template
        paths = [port.path for port in template.outputs]
        for path in [each or "" for each in (*paths, *(each.path for each in template.output_parameters))]:
            place = self._place(path)
            (place if path.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)

    def _outputs(self) -> Outputs:
        found, parameters = {}, {}
        for port in self._template.outputs:
            place = self._place(port.path or "")
            if place.is_file() or (place.is_dir() and any(place.iterdir())):
                found[port.name] = place
            elif not port.optional:
                message = (
                    f"failed to store the output artifact {port.name}: nothing was written to {port.path}"
                )
                raise self._failure("wait", 1, message)
        for each in self._template.output_parameters:
            try:
                parameters[each.name] = self._place(each.path or "").read_text().removesuffix("\n")
            except (OSError, UnicodeDecodeError) as error:
                if each.default is None:
                    message = f"failed to read the output parameter {each.name} from {each.path}: {error}"
                    raise self._failure("wait", 1, message) from error
                parameters[each.name] = self._fill(each.default)
        result = "\n".join(self._result)[:_LONGEST_RESULT] if self._order.wants_result else None
        return Outputs(found, parameters, result)

    def _take_line(self, line: str) -> None:
        self._last_lines = [*self._last_lines[1 - _TAIL_LINES :], line]
        self._around.write_line(line)

    def _take_result(self, line: str) -> None:
        self._result.append(line)
        self._take_line(line)

    def _failure(self, culprit: str, exit_code: int, message: str) -> PodFailed:
        return PodFailed(PodReport(self.name, exit_code, message, culprit, tail(self._last_lines)))
