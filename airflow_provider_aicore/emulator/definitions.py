"""What executions and deployments are made of: scenarios with executables, artifacts, configurations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
