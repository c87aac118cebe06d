"""Flows that create what is not there yet.

Artifacts and configurations can never be deleted, and equal ones pile up with each run that makes its own, so
an identical one is found and used again. Names are not unique: of several identical ones the oldest is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from airflow_provider_aicore.api import artifacts, configurations
from airflow_provider_aicore.api.bindings import artifact_ids, parameter_values
from airflow_provider_aicore.api.call import Call, Flow, once, pages
from airflow_provider_aicore.api.validation import MAX_SEARCH, Complaints, check_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aicore.api.models import Artifact, ArtifactCreated, Configuration, Created
    from airflow_provider_aicore.api.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Ensured:
    """What is there now.

    :param reused: it was there before.
    """

    id: str
    reused: bool


@dataclass(frozen=True, slots=True)
class ArtifactData:
    """What is registered about an artifact; see :func:`~.artifacts.create`."""

    name: str
    kind: str
    url: str
    scenario_id: str
    description: str | None
    labels: Mapping[str, str]

    def is_that_of(self, artifact: Artifact) -> bool:
        """Tell whether a registered artifact says the same."""
        return (
            (artifact.name, artifact.kind, artifact.url, artifact.scenario_id)
            == (self.name, self.kind, self.url, self.scenario_id)
            and (artifact.description or "") == (self.description or "")
            and {label.key: label.value for label in artifact.labels or []} == dict(self.labels)
        )


@dataclass(frozen=True, slots=True)
class Bindings:
    """What an executable is to be run with; the values as AI Core keeps them."""

    scenario_id: str
    executable_id: str
    parameters: Mapping[str, str]
    input_artifacts: Mapping[str, str]

    @classmethod
    def of(
        cls,
        scenario_id: str,
        executable_id: str,
        parameters: Mapping[str, object],
        input_artifacts: Mapping[str, str],
    ) -> Self:
        """Check what is given and turn the values into text.

        :raises ValueError: something is not as AI Core takes it; all of that is told.
        """
        complaints, values, ids = Complaints(), dict[str, str](), dict[str, str]()
        with complaints.kept():
            check_id("scenario_id", scenario_id)
        with complaints.kept():
            check_id("executable_id", executable_id)
        with complaints.kept():
            values = parameter_values(parameters)
        with complaints.kept():
            ids = artifact_ids(input_artifacts)
        complaints.tell()
        return cls(scenario_id, executable_id, values, ids)

    @classmethod
    def those_of(cls, configuration: Configuration) -> Self:
        """Return what a configuration binds."""
        return cls(
            configuration.scenario_id,
            configuration.executable_id,
            {one.key: one.value for one in configuration.parameter_bindings or []},
            {one.key: one.artifact_id for one in configuration.input_artifact_bindings or []},
        )

    def configuration(self, name: str) -> Call[Created]:
        """Make the call that creates a configuration of them.

        :raises ValueError: the name is not as AI Core takes it.
        """
        return configurations.create(
            name=name,
            scenario_id=self.scenario_id,
            executable_id=self.executable_id,
            parameters=self.parameters,
            input_artifacts=self.input_artifacts,
        )

    def are_those_of(self, configuration: Configuration) -> bool:
        """Tell whether a configuration binds the same to the same executable."""
        return self == Bindings.those_of(configuration)


def artifact(wanted: ArtifactData, retry: RetryPolicy, *, reuse: bool = True) -> Flow[Ensured]:
    """Register an artifact unless an identical one is registered.

    What is given is checked at once, before the flow is run.

    :raises ValueError: something is not as AI Core takes it.
    """
    create = artifacts.create(
        name=wanted.name,
        kind=wanted.kind,
        url=wanted.url,
        scenario_id=wanted.scenario_id,
        description=wanted.description,
        labels=wanted.labels,
    )
    return _artifact(wanted, create, retry, reuse=reuse)


def _artifact(
    wanted: ArtifactData, create: Call[ArtifactCreated], retry: RetryPolicy, *, reuse: bool
) -> Flow[Ensured]:
    if reuse:
        found = yield from pages(
            lambda top, skip: artifacts.query(
                scenario_id=wanted.scenario_id, name=wanted.name, kind=wanted.kind, top=top, skip=skip
            ),
            retry,
        )
        same = [one for one in found if wanted.is_that_of(one)]
        if same:
            return Ensured(min(same, key=lambda one: (one.created_at, one.id)).id, reused=True)
    created = yield from once(create, retry)
    return Ensured(created.id, reused=False)


def configuration(
    name: str,
    wanted: Bindings,
    retry: RetryPolicy,
    *,
    reuse: bool = True,
    before_creation: Flow[None] | None = None,
) -> Flow[Ensured]:
    """Create a configuration unless one of this name binds the same to the same executable.

    What is given is checked at once, before the flow is run.

    :param before_creation: run if there is none; what it raises keeps one from being created.
    :raises ValueError: something is not as AI Core takes it.
    """
    create = wanted.configuration(name)
    return _configuration(name, wanted, create, retry, reuse=reuse, before_creation=before_creation)


def _configuration(
    name: str,
    wanted: Bindings,
    create: Call[Created],
    retry: RetryPolicy,
    *,
    reuse: bool,
    before_creation: Flow[None] | None,
) -> Flow[Ensured]:
    if reuse:
        found = yield from named_configurations(name, wanted, retry)
        same = [one for one in found if one.name == name and wanted.are_those_of(one)]
        if same:
            return Ensured(same[0].id, reused=True)
    if before_creation is not None:
        yield from before_creation
    created = yield from once(create, retry)
    return Ensured(created.id, reused=False)


def named_configurations(
    part_of_name: str, wanted: Bindings, retry: RetryPolicy
) -> Flow[list[Configuration]]:
    """Get the executable's configurations whose names may contain this text, the oldest first.

    A search takes at most 80 characters and no ``~``, so the caller still has to compare the names.
    """
    pieces = part_of_name.split("~")
    search = max(pieces, key=len)[:MAX_SEARCH] or None
    found = yield from pages(
        lambda top, skip: configurations.query(
            scenario_id=wanted.scenario_id,
            executable_ids=[wanted.executable_id],
            search=search,
            top=top,
            skip=skip,
        ),
        retry,
    )
    return sorted(found, key=lambda one: (one.created_at, one.id))
