"""What the emulated tenant holds: scenarios and executables, and the resource groups with what is in them."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_aicore.emulator.administration import (
    Application,
    DockerRegistrySecret,
    GenericSecret,
    ObjectStoreSecret,
    Repository,
    Sync,
    WarmNodes,
)
from airflow_provider_aicore.emulator.changes import Entity, Guard
from airflow_provider_aicore.emulator.definitions import (
    Artifact,
    ArtifactSlot,
    Configuration,
    Executable,
    Scenario,
)
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.emulator.progress import Script, Way
from airflow_provider_aicore.emulator.workloads import (
    Deployment,
    Enactment,
    Execution,
    ExecutionSchedule,
    Metrics,
    Workload,
)


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A service key as the identity service gave it out."""

    content: dict[str, Any]


@dataclass(slots=True)
class ResourceGroup(Entity):
    """One resource group; nothing in it is visible from another one.

    :param ways: where each scripted execution and deployment is, by its id.
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
    ways: dict[str, Way] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] | None = None
    created_at: float = 0.0
    provisioned_at: float = 0.0

    def is_provisioned(self, now: float) -> bool:
        """Say whether the group can be used."""
        return self.provisioned_at <= now

    def drop(self, workload: Workload) -> None:
        """Let go of an execution or deployment whose deletion is through; what it made stays."""
        self.executions.pop(workload.id, None)
        self.deployments.pop(workload.id, None)
        self.ways.pop(workload.id, None)

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
        execution.output_artifacts = [*execution.output_artifacts, artifact]
        return artifact


@dataclass(slots=True)
class Tenant:
    """Everything the emulator knows. Whoever reads or changes it holds *lock*.

    Each collection, here and in the resource groups, is a dict from id to entity: then it is kept in a folder
    with the state without further ado. An entity is frozen, or an `Entity`, and what is *inside* an attribute
    never changes: a new value is assigned.

    :param now: the clock, seconds since the epoch.
    :param enact: gives a new execution or deployment what makes it move.
    :param reload_templates: reads the folder of templates again and notes in *sync* what became of them.
    :param earlier: the executables of an earlier emulator that may be added again.
    """

    now: Callable[[], float]
    options: Options
    enact: Callable[[ResourceGroup, Workload], Enactment]
    groups: dict[str, ResourceGroup]
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    executables: dict[str, Executable] = field(default_factory=dict)
    scripts: dict[str, Script] = field(default_factory=dict)
    service_keys: dict[str, ServiceKey] = field(default_factory=dict)
    earlier: set[str] = field(default_factory=set)
    lock: Guard = field(default_factory=Guard)
    id: str = ""
    service_plan: str = "standard"
    reload_templates: Callable[[], object] = lambda: None
    sync: Sync = field(default_factory=lambda: Sync(0.0))
    generic_secrets: dict[str, GenericSecret] = field(default_factory=dict)
    docker_registry_secrets: dict[str, DockerRegistrySecret] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    warm_nodes: dict[str, WarmNodes] = field(default_factory=dict)

    def add_executable(self, executable: Executable, scenario: Scenario) -> None:
        """Add an executable, and its scenario if it is new.

        :raises ValueError: the tenant has the id already; ids of templates are unique per tenant.
        """
        if executable.id in self.executables and executable.id not in self.earlier:
            raise ValueError(
                f"The executable {executable.id!r} exists already. Executable ids are unique in a tenant: "
                "give one of the two another metadata.name."
            )
        self.scenarios.setdefault(scenario.id, scenario)
        self.replace_executable(executable, self.scenarios[scenario.id])

    def replace_executable(self, executable: Executable, scenario: Scenario) -> None:
        """Put an executable and its scenario in the place of those with their ids; both stay as old."""
        known, home = self.executables.get(executable.id), self.scenarios.get(scenario.id)
        if known is not None:
            executable = replace(executable, created_at=known.created_at)
        if home is not None:
            scenario = replace(scenario, created_at=home.created_at)
        self.earlier.discard(executable.id)
        self.executables[executable.id] = executable
        self.scenarios[scenario.id] = scenario

    def share_generic_secrets(self) -> None:
        """Give each resource group the tenant's generic secrets; one of its own with the same name stays."""
        for group in self.groups.values():
            shared = {name for name, each in group.generic_secrets.items() if each.tenant_wide}
            for name in shared - self.generic_secrets.keys():
                del group.generic_secrets[name]
            for name in self.generic_secrets.keys() - (group.generic_secrets.keys() - shared):
                group.generic_secrets[name] = self.generic_secrets[name]

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
