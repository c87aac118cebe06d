"""The emulator as a library: an AI Core in this process, behind one function from request to response."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from airflow_provider_aicore.emulator import lifecycle, restart, schedules
from airflow_provider_aicore.emulator.administration import Sync, SyncedTemplate
from airflow_provider_aicore.emulator.definitions import ArtifactSlot, Executable, Parameter, Scenario
from airflow_provider_aicore.emulator.faults import Faults
from airflow_provider_aicore.emulator.gateway import Gateway
from airflow_provider_aicore.emulator.git_sync import synchronise
from airflow_provider_aicore.emulator.identity import Identity
from airflow_provider_aicore.emulator.object_store import ObjectStore
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.emulator.progress import Progress, Script, ScriptedEnactment, Way
from airflow_provider_aicore.emulator.recording import RecordedRequest, record
from airflow_provider_aicore.emulator.runner import Runner
from airflow_provider_aicore.emulator.state import ResourceGroup, ServiceKey, Tenant
from airflow_provider_aicore.emulator.templates import load
from airflow_provider_aicore.emulator.workflow_run import RunSettings
from airflow_provider_aicore.emulator.workloads import Enactment, Execution, Workload

_MAIN_KEY = "client-secret"


class Emulator:
    """A local AI Core. Use it as a context manager, or `close` it: executions may be running.

    :param now: the clock, seconds since the epoch; every instant in an answer and scripted progress come from
        it.
    :param url: of AI Core, without ``/v2``. With a host *name* the identity service gets a name of its own
        beside it, as it has in reality; a request to any other host ends in `httpx.ConnectError`.
    :param token_lifetime: seconds.
    :param resource_groups: what the tenant has; ``default`` is there in any case.
    :param service_key: credentials of an earlier emulator to use again; default: new ones.
    :param progress: how executions and deployments move that no `script` and no template speaks of; default:
        by reads, or with *templates* by the clock, with *unknown_seconds* and *pending_seconds*.
    :param options: how it behaves where AI Core's documentation is silent.
    :param date_skew: seconds by which the header ``Date`` is ahead of the clock; negative: behind.
    :param cert_url: of the identity service for X.509 keys; default: a host beside *url*. Who listens there
        has to see to it that only clients with the right certificate come through.
    :param kept_requests: how many of the newest requests `requests` holds; default: all.
    :param templates: folder with WorkflowTemplates, each of which becomes an executable that really runs, and
        ServingTemplates, whose deployments serve nothing.
    :param object_store: folder with a folder for each object store secret; default: a temporary one.
    :param images: name of a container image, with or without tag, to the folder that stands for it; a process
        starts in a copy of it. Where any are given, a template with another one is refused; with none, each
        starts in an empty folder.
    :param unknown_seconds: real seconds that a running execution is UNKNOWN.
    :param pending_seconds: real seconds that it is PENDING.
    :param stop_grace: real seconds that a stopped execution has between SIGTERM and SIGKILL.
    :param tracking_endpoint: URL under which processes reach ``/api/v1/metrics`` of this emulator; an
        `EmulatorServer` sets it. Default: they are told of none, as nothing listens in process, and SAP's
        SDK drops their metrics with a warning.
    :param max_running: executions that really run at a time; the others wait in PENDING, first come first
        served. None: no limit.
    :param private_root: whether a program finds the paths that its template declares also where it has them
        hard-coded. That needs Linux and user namespaces; where they are missing, or with False, the paths are
        only replaced in command, arguments, environment and script.
    :param state: folder that keeps everything an answer has acknowledged, however this process ends, and
        from which the next emulator goes on; made if it is not there. Default: all is forgotten.
    :raises ValueError: a folder does not exist, a template is not one, or *state* is in use or unreadable.
    """

    state: Tenant
    """What the emulator holds, to look at; change it through the API and the methods here."""
    faults: Faults
    """The trouble in store."""
    requests: list[RecordedRequest]
    """The requests so far, in order, also those that a fault struck."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        url: str = "https://api.ai.emulator.test",
        token_lifetime: float = 43199,
        resource_groups: Iterable[str] = ("default",),
        service_key: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        options: Options | None = None,
        date_skew: float = 0.0,
        cert_url: str | None = None,
        kept_requests: int | None = None,
        templates: Path | None = None,
        object_store: Path | None = None,
        images: Mapping[str, Path] | None = None,
        unknown_seconds: float = 0.0,
        pending_seconds: float = 0.0,
        stop_grace: float = 5.0,
        tracking_endpoint: str | None = None,
        max_running: int | None = None,
        private_root: bool = True,
        state: Path | None = None,
    ) -> None:
        self.url = url
        self.state = Tenant(now, options or Options(), self._enact, groups={})
        self.state.reload_templates = self.reload_templates
        self.faults, self.requests = Faults(), []
        self._templates, self._images = templates, images or {}
        if progress is None and templates is not None:  # As for what really runs.
            progress = Progress.by_clock(unknown=unknown_seconds, pending=pending_seconds)
        self._progress, self._kept_requests = progress or Progress.by_reads(), kept_requests
        self._runner: Runner | None = None
        self._object_store: ObjectStore | None = None
        self._store = None if state is None else restart.open_store(state, self.state)
        try:
            sandboxes = None if state is None else restart.sandboxes(state)
            if state is not None and object_store is None:
                object_store = restart.object_store(state)
            settings = RunSettings(
                object_store=object_store,
                images=images,
                unknown_seconds=unknown_seconds,
                pending_seconds=pending_seconds,
                stop_grace=stop_grace,
                tracking_endpoint=tracking_endpoint,
                sandboxes=sandboxes,
                max_running=max_running,
                private_root=private_root,
            )
            self._object_store = ObjectStore(object_store)
            with self.state.lock:
                earlier_key = self.state.service_keys.get(_MAIN_KEY)
                if service_key is None and earlier_key is not None:
                    service_key = earlier_key.content
                self._identity = Identity(url, now, token_lifetime, service_key, cert_url)
                self.state.service_keys[_MAIN_KEY] = ServiceKey(self._identity.service_key)
                self.state.id = str(self._identity.service_key["identityzoneid"])
                for each in ("default", *resource_groups):
                    self.state.groups.setdefault(each, ResourceGroup(each, created_at=now()))
                self.state.share_generic_secrets()  # An earlier emulator may have left some.
                loaded = [] if templates is None else load(templates, now(), self._images)
                for executable, scenario in loaded:
                    self.state.add_executable(executable, scenario)
                self.state.sync = Sync(now(), tuple(SyncedTemplate.of(each) for each, _ in loaded))
                if templates is not None or any(each.workflow for each in self.state.executables.values()):
                    self._runner = Runner(self.state, settings, self._object_store)
                restart.resume(self.state, self._enact)
        except BaseException:
            self.close()
            raise
        self._gateway = Gateway(self.state, self._identity, url, self._object_store, date_skew)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def service_key(self) -> dict[str, Any]:
        """A service key with a client secret, as a user would paste it into a connection."""
        return dict(self._identity.service_key)

    def x509_service_key(self, certificate: str, private_key: str) -> dict[str, Any]:
        """Give the service key in its X.509 flavour; only in process, where no TLS looks at the certificate.

        :param certificate: PEM.
        :param private_key: PEM.
        """
        return self._identity.x509_service_key(certificate, private_key)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        :raises httpx.TransportError: the host is not the emulator's, or a fault breaks the connection.
        """
        recorded = record(request)
        self.requests.append(recorded)
        if self._kept_requests is not None and len(self.requests) > self._kept_requests:
            del self.requests[0]
        if request.url.host not in self._identity.hosts:
            raise httpx.ConnectError(f"{request.url.host} is not a host of the emulator", request=request)
        fault = self.faults.strike(request.method, request.url.path)
        answer = self._gateway.answer
        response = fault.answer(request, answer) if fault is not None else answer(request)
        if "date" not in response.headers:  # A scripted answer.
            response.headers["date"] = self._gateway.date()
        recorded.status = response.status_code
        return response

    def transport(self) -> httpx.MockTransport:
        """Give a transport for `httpx.Client` and `httpx.AsyncClient` that leads here, without a network."""
        return httpx.MockTransport(self.handle)

    def add_executable(
        self,
        scenario_id: str,
        executable_id: str,
        *,
        parameters: Mapping[str, str | None] | None = None,
        input_artifacts: Mapping[str, str] | None = None,
        output_artifacts: Mapping[str, str] | None = None,
        deployable: bool = False,
        progress: Progress | Sequence[Progress] | None = None,
    ) -> None:
        """Add an executable without a template, and its scenario if it is new; its executions are scripted.

        :param parameters: name to default; None: a configuration has to bind it.
        :param input_artifacts: name to kind.
        :param output_artifacts: name to kind; an execution that completes registers one of each.
        :param deployable: True for an executable of deployments.
        :param progress: as in `script`.
        """
        created_at = self.state.now()
        executable = Executable(
            executable_id,
            scenario_id,
            executable_id,
            created_at,
            deployable=deployable,
            parameters=tuple(Parameter(*each) for each in (parameters or {}).items()),
            input_artifacts=tuple(ArtifactSlot(*each) for each in (input_artifacts or {}).items()),
            output_artifacts=tuple(ArtifactSlot(*each) for each in (output_artifacts or {}).items()),
        )
        with self.state.lock:
            self.state.add_executable(executable, Scenario(scenario_id, scenario_id, created_at))
        if progress is not None:
            self.script(executable_id, progress)

    def reload_templates(self) -> tuple[str, ...]:
        """Read the folder of templates again, as AI Core does with Git every few minutes.

        A template takes the place of the executable with its id, or adds one; an executable whose template is
        gone or refused stays as it is. What already runs goes on with what it was started with.

        :return: why templates were refused, one text for each; empty if all is well or there is no folder.
        """
        if self._templates is None:
            return ()
        with self.state.lock:
            self.state.sync = synchronise(self.state, self._templates, self._images)
        return self.state.sync.refusals

    def script(self, executable_id: str, progress: Progress | Sequence[Progress]) -> None:
        """Say how executions or deployments of an executable move from now on; none really runs any more.

        :param progress: for all of them, or a sequence: one for each that starts, the last for all later.
        """
        queue = (progress,) if isinstance(progress, Progress) else tuple(progress)
        with self.state.lock:
            self.state.scripts[executable_id] = Script(executable_id, queue)

    def statuses(self, resource_group: str = "default") -> dict[str, str]:
        """Give the status of every execution by its id, without a request and without counting as a read."""
        with self.state.lock:
            self.tick()
            group = self.state.groups[resource_group]
            return {each.id: each.status for each in group.executions.values()}

    def tick(self) -> None:
        """Do what is due by the clock: schedules start executions, scripts move them on.

        Each request does it as well; without requests nobody else does, save an `EmulatorServer`.
        """
        with self.state.lock:
            now = self.state.now()
            schedules.advance(self.state, now)
            for group in self.state.groups.values():
                lifecycle.refresh(group, now, self.state.options)

    def write_log(
        self,
        execution_id: str,
        msg: str,
        *,
        at: float | None = None,
        container: str = "main",
        resource_group: str = "default",
    ) -> None:
        """Write a line to the log of an execution or deployment.

        :param execution_id: of either.
        :param at: seconds since the epoch, also in the past; default: now.
        """
        with self.state.lock:
            group = self.state.groups[resource_group]
            workload = group.deployments.get(execution_id) or group.executions[execution_id]
            workload.log(msg, self.state.now() if at is None else at, container=container)

    def close(self) -> None:
        """End everything that still runs, and wait for its end."""
        if self._runner is not None:
            self._runner.close()
        if self._object_store is not None:
            self._object_store.close()
        store, self._store = self._store, None
        if store is not None:
            store.close(self.state)

    def _enact(self, group: ResourceGroup, workload: Workload) -> Enactment:
        executable = self.state.executables[workload.configuration.executable_id]
        if workload.id not in group.ways:
            script = self.state.scripts.get(executable.id)
            progress = None if script is None else script.take()
            if (
                progress is None
                and executable.workflow is not None
                and self._runner is not None
                and isinstance(workload, Execution)
            ):
                return self._runner.enact(group, workload, executable)
            progress = progress or self._progress
            if not workload.has_workflow:
                progress = progress.endless()
            group.ways[workload.id] = Way(progress.steps, progress.stop, workload.created_at)

        def write_outputs(at: float) -> None:
            if isinstance(workload, Execution):
                for slot in executable.output_artifacts:
                    group.register_output(workload, slot, at)

        return ScriptedEnactment(group, workload.id, write_outputs)
