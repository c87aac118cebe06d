"""What OpenLineage is told of an execution: what it has read and written, and the run itself.

It is read from AI Core only where OpenLineage is at work, while the task still has its client: the provider
of OpenLineage asks the operator later, in a process of its own that may be ended.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_aicore.api import AICoreError, object_store_secrets
from airflow_provider_aicore.api.call import once
from airflow_provider_aicore.api.inputs import input_urls
from airflow_provider_aicore.api.retry import NO_RETRY
from airflow_provider_aicore.assets.aicore import artifact_uri, openlineage_name
from airflow_provider_aicore.dataset_names import DatasetName, dataset_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aicore.api import Client, Execution
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.models import Artifact
    from airflow_provider_aicore.poller import Log


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


def _is_wanted() -> bool:
    """Tell whether OpenLineage is at work in this process."""
    try:
        from airflow.providers.openlineage import conf
    except ImportError:
        return False
    return not conf.is_disabled()


def trace(client: Client, execution: Execution, log: Log) -> Lineage | None:
    """Look up where an execution's artifacts lie, if OpenLineage is at work; trouble leaves something out."""
    try:
        return client.run(_trace(execution, client.resource_group)) if _is_wanted() else None
    except Exception as error:  # noqa: BLE001 - no task fails for its lineage
        log.warning("OpenLineage is not told of execution %s: %s", execution.id, error)
        return None


def _trace(execution: Execution, resource_group: str) -> Flow[Lineage]:
    # Nothing is sent again: the task has better to do than to wait for this.
    read = tuple((yield from input_urls(execution, NO_RETRY)).values())
    written = execution.output_artifacts
    stores: dict[str, Mapping[str, Any]] = {}
    if any(url.startswith("ai://") for url in [*read, *(artifact.url for artifact in written)]):
        with suppress(AICoreError):  # Not each key may read them.
            secrets = yield from once(object_store_secrets.query(), NO_RETRY)
            stores = {secret.name: secret.metadata or {} for secret in secrets}
    return Lineage(
        [File(dataset_name(url, resource_group, stores)) for url in read],
        [
            File(dataset_name(artifact.url, resource_group, stores), _as_asset(artifact, resource_group))
            for artifact in written
        ],
        _run(execution, resource_group),
    )


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
