"""What OpenLineage is told of an execution: what it has read and written, and the run itself.

It is read from AI Core only where OpenLineage is at work, while the task still has its client: the provider
of OpenLineage asks the operator later, in a process of its own that may be ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from airflow_provider_aicore.api import AICoreError, artifacts, configurations, object_store_secrets
from airflow_provider_aicore.api.call import once
from airflow_provider_aicore.api.retry import NO_RETRY
from airflow_provider_aicore.assets.aicore import artifact_uri, openlineage_name
from airflow_provider_aicore.dataset_names import DatasetName, dataset_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aicore.api import Client, Execution
    from airflow_provider_aicore.api.call import Call, Flow
    from airflow_provider_aicore.api.models import Artifact
    from airflow_provider_aicore.poller import Log

T = TypeVar("T")

MAX_INPUTS = 50
"""Input artifacts that are looked up, each with a request."""


class File(NamedTuple):
    """What an artifact is to OpenLineage.

    :param also: its name as an asset, if it has one.
    """

    name: DatasetName
    also: DatasetName | None = None


class Lineage(NamedTuple):
    """What there is to tell of an execution.

    :param run: what becomes the facet ``aicore_execution``.
    """

    inputs: Sequence[File]
    outputs: Sequence[File]
    run: Mapping[str, Any]


def is_wanted() -> bool:
    """Tell whether OpenLineage is at work in this process."""
    try:
        from airflow.providers.openlineage import conf
    except ImportError:
        return False
    return not conf.is_disabled()


def trace(client: Client, execution: Execution, log: Log) -> Lineage | None:
    """Look up where the artifacts of an execution lie; trouble leaves something out, and is only told."""
    trouble: list[Exception] = []
    lineage = None
    try:
        lineage = client.run(_trace(execution, client.resource_group, trouble))
    except Exception as error:  # noqa: BLE001 - no task fails for its lineage
        trouble.append(error)
    for each in trouble:
        log.warning("OpenLineage is not told all of execution %s: %s", execution.id, each)
    return lineage


def _trace(execution: Execution, resource_group: str, trouble: list[Exception]) -> Flow[Lineage]:
    read = yield from _input_urls(execution, trouble)
    written = execution.output_artifacts
    stores: dict[str, Mapping[str, str]] = {}
    if any(url.startswith("ai://") for url in [*read, *(artifact.url for artifact in written)]):
        secrets = yield from _tried(object_store_secrets.query(), trouble)
        stores = {secret.name: secret.metadata or {} for secret in secrets or []}
    return Lineage(
        [File(dataset_name(url, resource_group, stores)) for url in read],
        [
            File(dataset_name(artifact.url, resource_group, stores), _as_asset(artifact, resource_group))
            for artifact in written
        ],
        _run(execution, resource_group),
    )


def _input_urls(execution: Execution, trouble: list[Exception]) -> Flow[list[str]]:
    urls = []
    configuration = yield from _tried(configurations.get(execution.configuration_id), trouble)
    bindings = (configuration.input_artifact_bindings if configuration else None) or []
    for binding in bindings[:MAX_INPUTS]:
        artifact = yield from _tried(artifacts.get(binding.artifact_id), trouble)
        if artifact is not None:
            urls.append(artifact.url)
    return urls


def _as_asset(artifact: Artifact, resource_group: str) -> DatasetName:
    uri = artifact_uri(resource_group, artifact.scenario_id, artifact.name)
    return DatasetName(*openlineage_name(uri))


def operator_lineage(lineage: Lineage, metrics: Mapping[str, float] | None) -> OperatorLineage:
    """Put it into OpenLineage's words."""
    import attrs
    from airflow.providers.common.compat.openlineage.facet import RunFacet
    from airflow.providers.openlineage.extractors import OperatorLineage

    run = {**lineage.run, "metrics": None if metrics is None else dict(metrics)}
    facet = attrs.make_class(
        "AICoreExecutionRunFacet", {name: attrs.field(default=None) for name in run}, bases=(RunFacet,)
    )
    return OperatorLineage(
        inputs=[_dataset(file) for file in lineage.inputs],
        outputs=[_dataset(file) for file in lineage.outputs],
        run_facets={"aicore_execution": facet(**run)},
    )


def _dataset(file: File) -> Any:
    from airflow.providers.common.compat.openlineage.facet import Dataset, Identifier, SymlinksDatasetFacet

    facets = {}
    if file.also is not None:
        also = Identifier(namespace=file.also.namespace, name=file.also.name, type="ARTIFACT")
        facets["symlinks"] = SymlinksDatasetFacet(identifiers=[also])
    return Dataset(namespace=file.name.namespace, name=file.name.name, facets=facets)


def _run(execution: Execution, resource_group: str) -> dict[str, Any]:
    began, ended = execution.start_time, execution.completion_time
    return {
        "executionId": execution.id,
        "status": execution.status.value,
        "configurationId": execution.configuration_id,
        "configurationName": execution.configuration_name,
        "scenarioId": execution.scenario_id,
        "executableId": execution.executable_id,
        "resourceGroup": resource_group,
        "queueSeconds": (began - execution.created_at).total_seconds() if began else None,
        "runSeconds": (ended - began).total_seconds() if began and ended else None,
    }


def _tried(call: Call[T], trouble: list[Exception]) -> Flow[T | None]:
    """Send a call once; the task has better to do than to wait for this."""
    try:
        return (yield from once(call, NO_RETRY))
    except AICoreError as error:
        trouble.append(error)
        return None
