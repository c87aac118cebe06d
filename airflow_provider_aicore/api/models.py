"""What AI Core answers: snake_case here, camelCase on the wire.

Every optional field may be missing or null, and unknown fields are kept (`model_extra`): AI Core adds some
between releases. Sources: the schemas of the OpenAPI description that carry the same names with the prefix
``Ai``, ``RTA`` or ``Trck``.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

log = logging.getLogger(__name__)


class ArtifactKind(StrEnum):
    """What an artifact is."""

    MODEL = "model"
    DATASET = "dataset"
    RESULTSET = "resultset"
    OTHER = "other"


@functools.cache
def _tell_once(status: object) -> None:
    log.warning("AI Core reported the status %r, which is not known here; it counts as UNKNOWN.", status)


class ExecutionStatus(StrEnum):
    """Where an execution stands; what that means for a wait is said in :mod:`~.lifecycle`."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    COMPLETED = "COMPLETED"
    DEAD = "DEAD"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        """Take a status that AI Core adds one day for "not known", so that it cannot end a wait."""
        _tell_once(value)
        return cls("UNKNOWN")


class Model(BaseModel):
    """The base of all: frozen, with unknown fields kept."""

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Label(Model):
    """A key and its value."""

    key: str
    value: str


class Artifact(Model):
    """A data set, model or other file that is registered in AI Core.

    The file itself lies in an object store.
    """

    id: str
    name: str
    kind: str
    url: str
    scenario_id: str
    created_at: datetime
    modified_at: datetime
    description: str | None = None
    labels: list[Label] | None = None
    configuration_id: str | None = None
    execution_id: str | None = None
    """Set on artifacts that an execution wrote."""


class ArtifactCreated(Model):
    """The answer to a registration."""

    id: str
    message: str = ""
    url: str | None = None


class ParameterBinding(Model):
    """The value of one parameter of the executable; AI Core knows text only."""

    key: str
    value: str


class InputArtifactBinding(Model):
    """The artifact for one input of the executable."""

    key: str
    artifact_id: str


class Configuration(Model):
    """Parameters and input artifacts for an executable. It never changes and cannot be deleted."""

    id: str
    name: str
    scenario_id: str
    executable_id: str
    created_at: datetime
    parameter_bindings: list[ParameterBinding] | None = None
    input_artifact_bindings: list[InputArtifactBinding] | None = None


class Created(Model):
    """The answer to the creation of something without a status."""

    id: str
    message: str = ""


class Workload(Model):
    """What executions and deployments have in common.

    Lists and ``$select=status`` leave out most optional fields.
    """

    id: str
    configuration_id: str
    status: ExecutionStatus
    created_at: datetime
    modified_at: datetime
    configuration_name: str | None = None
    executable_id: str | None = None
    scenario_id: str | None = None
    target_status: str | None = None
    status_message: str | None = None
    status_details: Any = None
    """The runtime's view; its shape varies and it may lag behind `status`."""
    submission_time: datetime | None = None
    start_time: datetime | None = None
    completion_time: datetime | None = None


class Execution(Workload):  # noqa: PLW1641 - its list has no hash
    """One run of an executable with a configuration."""

    execution_schedule_id: str | None = None
    output_artifacts: list[Artifact] = Field(default_factory=list)
    request_id: str | None = Field(default=None, exclude=True)
    """Of the answer that told this, to name to SAP's support; only of one that was read by itself."""

    @field_validator("output_artifacts", mode="before")
    @classmethod
    def _null_is_none_yet(cls, value: object) -> object:
        return [] if value is None else value

    def __eq__(self, other: object) -> bool:
        """Tell whether both say the same, by whichever request it was told."""
        if not isinstance(other, Execution):
            return NotImplemented
        return super().__eq__(other.model_copy(update={"request_id": self.request_id}))


class Deployment(Workload):
    """A serving template with a configuration, which stays RUNNING until it is stopped."""

    deployment_url: str | None = None
    """Where it serves; empty until then."""
    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionSighting:
    """As much of an execution or a deployment as a wait needs, out of a list of thousands."""

    id: str
    status: ExecutionStatus
    created_at: Annotated[datetime, Field(alias="createdAt")]
    status_message: Annotated[str | None, Field(alias="statusMessage")] = None


@dataclass(frozen=True, slots=True)
class ExecutionSightings:
    """A page of them."""

    resources: list[ExecutionSighting]


class ExecutionCreated(Model):
    """The answer to a start: it is noted, not yet running."""

    id: str
    message: str = ""
    status: ExecutionStatus | None = None
    target_status: str | None = None


class ExecutionModified(Model):
    """The answer to a stop or a deletion: it is noted and takes effect later.

    `error` is set in a bulk answer where this one was refused.
    """

    id: str
    message: str = ""
    target_status: str | None = None
    error: dict[str, Any] | None = None


class ExecutionSchedule(Model):
    """When AI Core starts executions of a configuration by itself.

    :param id: empty where AI Core leaves it out, which its description allows.
    """

    name: str
    cron: str
    """In UTC."""
    configuration_id: str
    created_at: datetime
    modified_at: datetime
    id: str = ""
    status: str | None = None
    """ACTIVE or INACTIVE, which is paused or after its end."""
    start: datetime | None = None
    end: datetime | None = None

    @field_validator("id", mode="before")
    @classmethod
    def _null_is_left_out(cls, value: object) -> object:
        return "" if value is None else value


class LogLine(Model):
    """A line that a container printed. `timestamp` has nine fractional digits, so it stays text."""

    timestamp: str
    msg: str = ""
    container: str | None = None
    pod: str | None = None


class MetricLabel(Model):
    """Name and value."""

    name: str
    value: str


class Metric(Model):
    """One measured value."""

    name: str
    value: float
    timestamp: datetime | None = None
    step: int | None = None
    labels: list[MetricLabel] | None = None


class ExecutionMetrics(Model):
    """What was measured in one execution, in the order in which it was written."""

    execution_id: str
    metrics: list[Metric] | None = None
    tags: list[dict[str, Any]] | None = None
    custom_info: list[dict[str, Any]] | None = None


class Scenario(Model):
    """A use case with its executables."""

    id: str
    name: str
    created_at: datetime
    modified_at: datetime
    description: str | None = None


class ExecutableParameter(Model):
    """A parameter that an executable declares; without `default` it needs a binding."""

    name: str
    default: str | None = None
    description: str | None = None
    type: str | None = None


class ExecutableArtifact(Model):
    """An input or output artifact that an executable declares."""

    name: str
    kind: str | None = None
    description: str | None = None


class Executable(Model):
    """What can be run: a workflow template (`deployable` false) or a serving template (true)."""

    id: str
    name: str
    version_id: str
    deployable: bool
    created_at: datetime
    modified_at: datetime
    scenario_id: str | None = None
    description: str | None = None
    parameters: list[ExecutableParameter] | None = None
    input_artifacts: list[ExecutableArtifact] | None = None
    output_artifacts: list[ExecutableArtifact] | None = None


class Meta(Model):
    """What this installation of AI Core can do."""

    runtime_identifier: str | None = None
    runtime_api_version: str | None = None
    ai_api: dict[str, Any] = Field(default_factory=dict)

    @property
    def bulk_updates_of_executions(self) -> bool:
        """Whether many executions can be changed with one request."""
        bulk = (self.ai_api.get("capabilities") or {}).get("bulkUpdates") or {}
        return bool(bulk.get("executions"))

    @property
    def minimum_schedule_hours(self) -> float:
        """How far apart an execution schedule's executions have to be at least; 0 where there is no limit.

        Source: SAP's documentation has `minimumFrequencyHour`, which is 1; the description lacks it.
        """
        hours = (self.ai_api.get("limits") or {}).get("minimumFrequencyHour", 1)
        return max(0.0, float(hours)) if isinstance(hours, int | float) else 1.0

    @property
    def max_running_executions(self) -> int | None:
        """How many executions of a resource group run at a time; ``None`` if no limit is told."""
        most = ((self.ai_api.get("limits") or {}).get("executions") or {}).get("maxRunningCount")
        return most if isinstance(most, int) and most >= 0 else None


class Secret(Model):
    """A secret for an object store or a docker registry; AI Core never tells what is in it."""

    name: str
    metadata: dict[str, Any] | None = None
    """Of an object store where it is, such as ``storage.ai.sap.com/bucket``."""
