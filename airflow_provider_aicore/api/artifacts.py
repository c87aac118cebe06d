"""Calls on ``/lm/artifacts``. There is no change and no deletion of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.models import Artifact, ArtifactCreated, ArtifactKind
from airflow_provider_aicore.api.query import optional_id
from airflow_provider_aicore.api.query import query as to_params
from airflow_provider_aicore.api.reading import Reader, number, resources
from airflow_provider_aicore.api.validation import (
    MAX_TEXT,
    check_id,
    check_labels,
    check_name,
    check_text,
    check_url,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_ARTIFACT = Reader(Artifact)
_ARTIFACTS = resources(Artifact)
_CREATED = Reader(ArtifactCreated)


def create(
    *,
    name: str,
    kind: str,
    url: str,
    scenario_id: str,
    description: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Call[ArtifactCreated]:
    """Register an artifact.

    Only the data about it is stored: AI Core does not look whether the file is there.

    Source: operation ``artifact.create``, ``POST /lm/artifacts``. Two equal registrations make two artifacts.

    :param kind: ``model``, ``dataset``, ``resultset`` or ``other``.
    :param url: ``ai://<object store secret>/<path>``.
    :param labels: keys begin with ``ext.ai.sap.com/``.
    """
    body: dict[str, object] = {
        "name": check_name("name", name),
        "kind": check_kind(kind),
        "url": check_url("url", url),
        "scenarioId": check_id("scenario_id", scenario_id),
    }
    if description is not None:
        body["description"] = check_text("description", description, MAX_TEXT)
    if labels is not None and check_labels(labels):
        body["labels"] = [{"key": key, "value": value} for key, value in check_labels(labels).items()]
    return Call("POST", "/lm/artifacts", _CREATED, json=body)


def get(artifact_id: str) -> Call[Artifact]:
    """Read one artifact. Source: operation ``artifact.get``, ``GET /lm/artifacts/{artifactId}``."""
    return Call("GET", f"/lm/artifacts/{check_id('artifact_id', artifact_id)}", _ARTIFACT, repeatable=True)


def query(
    *,
    scenario_id: str | None = None,
    execution_id: str | None = None,
    name: str | None = None,
    kind: str | None = None,
    search: str | None = None,
    top: int | None = None,
    skip: int = 0,
) -> Call[list[Artifact]]:
    """Read one page of artifacts, in no promised order.

    Source: operation ``artifact.query``, ``GET /lm/artifacts``.

    :param execution_id: only artifacts that this execution wrote.
    :param name: only artifacts of exactly this name.
    :param search: text that occurs in one of several attributes.
    """
    filters = _filters(scenario_id=scenario_id, execution_id=execution_id, name=name, kind=kind)
    return Call(
        "GET",
        "/lm/artifacts",
        _ARTIFACTS,
        to_params(filters, search=search, top=top, skip=skip),
        repeatable=True,
    )


def count(
    *,
    scenario_id: str | None = None,
    execution_id: str | None = None,
    name: str | None = None,
    kind: str | None = None,
    search: str | None = None,
) -> Call[int]:
    """Count artifacts. Source: operation ``artifact.count``, ``GET /lm/artifacts/$count``."""
    filters = _filters(scenario_id=scenario_id, execution_id=execution_id, name=name, kind=kind)
    return Call("GET", "/lm/artifacts/$count", number, to_params(filters, search=search), repeatable=True)


def check_kind(value: object) -> str:
    """Check an artifact's kind."""
    kinds = [kind.value for kind in ArtifactKind]
    if value not in kinds:
        raise ValueError(f"kind is {value!r}, but an artifact is one of {', '.join(kinds)}.")
    return str(value)


def _filters(
    *, scenario_id: str | None, execution_id: str | None, name: str | None, kind: str | None
) -> dict[str, str | None]:
    return {
        "scenarioId": optional_id("scenario_id", scenario_id),
        "executionId": optional_id("execution_id", execution_id),
        "name": None if name is None else check_name("name", name),
        "kind": None if kind is None else check_kind(kind),
    }
