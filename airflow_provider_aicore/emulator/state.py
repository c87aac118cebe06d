"""What the emulated tenant holds: scenarios and executables, and the resource groups with what is in them."""

import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from airflow_provider_aicore.emulator.administration import (
    Application,
    DockerRegistrySecret,
    ObjectStoreSecret,
    Repository,
    Sync,
)
from airflow_provider_aicore.emulator.options import Options

TERMINAL = frozenset({"COMPLETED", "DEAD", "STOPPED"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that an executable declares; without *default* a configuration must bind it."""

    name: str
    default: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ArtifactSlot:
    """An input or output artifact that an executable declares.

    :param kind: ``model``, ``dataset``, ``resultset`` or ``other``; None where the template does not say.
    """

    name: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario, made by the first executable that names it."""

    id: str
    name: str
    created_at: float
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Executable:
    """An executable and, if it came from a WorkflowTemplate, what it runs.

    :param deployable: True for deployments, False for executions.
    :param workflow: the ``spec`` of its WorkflowTemplate; None for one whose executions are scripted.
    """

    id: str
    scenario_id: str
    name: str
    created_at: float
    version_id: str = "1.0.0"
    description: str | None = None
    deployable: bool = False
    parameters: tuple[Parameter, ...] = ()
    input_artifacts: tuple[ArtifactSlot, ...] = ()
    output_artifacts: tuple[ArtifactSlot, ...] = ()
    workflow: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A registered artifact: metadata only, nobody looks whether the URL leads anywhere."""

    id: str
    name: str
    kind: str
    url: str
    scenario_id: str
    created_at: float
    description: str | None = None
    labels: tuple[tuple[str, str], ...] | None = None
    configuration_id: str | None = None
    execution_id: str | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration: immutable and permanent, its name not unique."""

    id: str
    name: str
    scenario_id: str
    executable_id: str
    created_at: float
    parameter_bindings: tuple[tuple[str, str], ...] | None = None
    input_artifact_bindings: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class GenericSecret:
    """A generic secret, for the environment of containers.

    :param data: plain values; bytes that are no UTF-8 are kept as ``surrogateescape`` has them.
    :param tenant_wide: whether it is the tenant's, of which each resource group has a copy.
    """

    name: str
    data: Mapping[str, str]
    created_at: float
    labels: tuple[tuple[str, str], ...] | None = None
    tenant_wide: bool = False


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of an execution's log.

    :param nanoseconds: since the epoch; several lines may share one.
    """

    nanoseconds: int
    container: str
    pod: str
    msg: str


class Enactment(Protocol):
    """What makes the status of an execution or deployment move: a script, or processes."""

    def advance(self, workload: "Workload", now: float) -> None:
        """Bring the workload up to date, as somebody is about to look at it."""

    def shown(self) -> None:
        """Take note that an answer showed the workload."""

    def stop(self, workload: "Workload", now: float) -> None:
        """Begin to stop a workload that is PENDING or RUNNING."""

    def abandon(self) -> None:
        """End whatever is still going on: the workload is deleted."""


@dataclass(slots=True)
class Workload:
    """What executions and deployments have in common.

    Instants are seconds since the epoch and None until reached.
    """

    id: str
    configuration: Configuration
    created_at: float
    modified_at: float
    enactment: Enactment | None = None
    status: str = "UNKNOWN"
    target_status: str = "COMPLETED"
    status_message: str = ""
    status_details: dict[str, Any] | None = None
    submission_time: float | None = None
    start_time: float | None = None
    completion_time: float | None = None
    gone_at: float | None = None
    logs: list[LogLine] = field(default_factory=list)

    def move(self, status: str, at: float) -> None:
        """Enter *status* and set the instants that go with it.

        :param status: any of AI Core's; going back (RUNNING to PENDING) is allowed, it happens.
        :param at: seconds since the epoch.
        """
        self.status = status
        self.modified_at = at
        if status != "UNKNOWN" and self.submission_time is None:
            self.submission_time = at
        if status == "RUNNING" and self.start_time is None:
            self.start_time = at
        if status in TERMINAL:
            self.completion_time = at

    def log(self, msg: str, at: float, *, container: str = "main", pod: str | None = None) -> None:
        """Write a line to the log.

        :param at: seconds since the epoch; it may lie in the past, lines do arrive late on AI Core.
        :param pod: default: the pod of a workflow with a single step, which has the execution's id.
        """
        self.logs.append(LogLine(int(at * 1_000_000_000), container, pod or self.id, msg))


@dataclass(slots=True)
class Execution(Workload):
    """An execution.

    :param execution_schedule_id: of the schedule that started it, if one did.
    """

    execution_schedule_id: str | None = None
    output_artifacts: list[Artifact] = field(default_factory=list)


@dataclass(slots=True)
class Deployment(Workload):
    """A deployment.

    :param ttl: its time to live as it was asked for; None: no end.
    :param expires_at: when that is over, seconds since the epoch.
    :param latest_running_configuration_id: of the configuration that ran before it was given another one.
    """

    target_status: str = "RUNNING"
    ttl: str | None = None
    expires_at: float | None = None
    last_operation: str = "CREATE"
    latest_running_configuration_id: str | None = None


@dataclass(slots=True)
class Metrics:
    """What was tracked for one execution; lists of objects as they came in, with their timestamps."""

    execution_id: str
    created_at: float
    modified_at: float
    metrics: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    custom_info: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class ExecutionSchedule:
    """An execution schedule; all instants are seconds since the epoch.

    :param next_tick: of its cron expression, among those whose execution has not been started; None for none.
    :param next_start: when the execution for *next_tick* starts.
    """

    id: str
    name: str
    cron: str
    configuration: Configuration
    created_at: float
    modified_at: float
    start: float | None = None
    end: float | None = None
    status: str = "ACTIVE"
    next_tick: float | None = None
    next_start: float | None = None


@dataclass(slots=True)
class ResourceGroup:
    """One resource group; nothing in it is visible from another one.

    :param provisioned_at: from when on it can be used, seconds since the epoch.
    """

    id: str
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    configurations: dict[str, Configuration] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    execution_schedules: dict[str, ExecutionSchedule] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    metrics: dict[str, Metrics] = field(default_factory=dict)
    generic_secrets: dict[str, GenericSecret] = field(default_factory=dict)
    object_store_secrets: dict[str, ObjectStoreSecret] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] | None = None
    created_at: float = 0.0
    provisioned_at: float = 0.0

    def is_provisioned(self, now: float) -> bool:
        """Say whether the group can be used."""
        return self.provisioned_at <= now

    def register_output(self, execution: Execution, slot: ArtifactSlot, at: float) -> Artifact:
        """Register what an execution wrote, where AI Core puts it: below the secret named ``default``.

        :param slot: the executable's declaration; without a kind the artifact becomes ``other``.
        :param at: seconds since the epoch.
        """
        artifact = Artifact(
            id=new_id(),
            name=slot.name,
            kind=slot.kind or "other",
            url=f"ai://default/{execution.id}/{slot.name}",
            scenario_id=execution.configuration.scenario_id,
            created_at=at,
            configuration_id=execution.configuration.id,
            execution_id=execution.id,
        )
        self.artifacts[artifact.id] = artifact
        execution.output_artifacts.append(artifact)
        return artifact


@dataclass(slots=True)
class Tenant:
    """Everything the emulator knows. Whoever reads or changes it holds *lock*.

    :param now: the clock, seconds since the epoch.
    :param enact: gives a new execution or deployment what makes it move.
    :param reload_templates: reads the folder of templates again and notes in *sync* what became of them.
    """

    now: Callable[[], float]
    options: Options
    enact: Callable[[ResourceGroup, Workload], Enactment]
    groups: dict[str, ResourceGroup]
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    executables: dict[str, Executable] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    id: str = ""
    service_plan: str = "standard"
    reload_templates: Callable[[], object] = lambda: None
    sync: Sync = field(default_factory=lambda: Sync(0.0))
    generic_secrets: dict[str, GenericSecret] = field(default_factory=dict)
    docker_registry_secrets: dict[str, DockerRegistrySecret] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    warm_nodes: dict[str, int] = field(default_factory=dict)

    def add_executable(self, executable: Executable, scenario: Scenario) -> None:
        """Add an executable, and its scenario if it is new.

        :raises ValueError: the tenant has the id already; ids of templates are unique per tenant.
        """
        if executable.id in self.executables:
            raise ValueError(
                f"The executable {executable.id!r} exists already. Executable ids are unique in a tenant: "
                "give one of the two another metadata.name."
            )
        self.executables[executable.id] = executable
        self.scenarios.setdefault(scenario.id, scenario)

    def share_generic_secrets(self) -> None:
        """Give each resource group the tenant's generic secrets; one of its own with the same name stays."""
        for group in self.groups.values():
            own = {name: each for name, each in group.generic_secrets.items() if not each.tenant_wide}
            group.generic_secrets = {**self.generic_secrets, **own}

    def executables_of(self, scenario_id: str) -> list[Executable]:
        """Give the executables of one scenario."""
        return [each for each in self.executables.values() if each.scenario_id == scenario_id]

    def start(
        self,
        group: ResourceGroup,
        configuration: Configuration,
        *,
        at: float | None = None,
        execution_schedule_id: str | None = None,
    ) -> Execution:
        """Create an execution of *configuration* and set it going.

        :param at: seconds since the epoch; default: now.
        :param execution_schedule_id: of the schedule that starts it.
        """
        at = self.now() if at is None else at
        execution = Execution(new_execution_id(), configuration, created_at=at, modified_at=at)
        execution.execution_schedule_id = execution_schedule_id
        group.executions[execution.id] = execution
        execution.enactment = self.enact(group, execution)
        return execution

    def deploy(
        self, group: ResourceGroup, configuration: Configuration, ttl: str | None, ttl_seconds: float | None
    ) -> Deployment:
        """Create a deployment of *configuration* and set it going.

        :param ttl: its time to live as it was asked for; None: no end.
        :param ttl_seconds: the same in seconds.
        """
        now = self.now()
        deployment = Deployment(new_deployment_id(), configuration, created_at=now, modified_at=now, ttl=ttl)
        deployment.expires_at = None if ttl_seconds is None else now + ttl_seconds
        group.deployments[deployment.id] = deployment
        deployment.enactment = self.enact(group, deployment)
        return deployment


def new_id() -> str:
    """Make an id as artifacts and configurations have: a UUID."""
    return str(uuid.uuid4())


def new_execution_id() -> str:
    """Make an id as executions have: 16 hexadecimal digits that start with ``e``."""
    return "e" + secrets.token_hex(8)[:15]


def new_deployment_id() -> str:
    """Make an id as deployments have: 16 hexadecimal digits that start with ``d``."""
    return "d" + secrets.token_hex(8)[:15]
