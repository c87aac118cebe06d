"""Artifacts of AI Core as assets: their URIs, as Airflow and OpenLineage take them.

``aicore://<resource group>/<scenario id>/<artifact name>`` is what executions of a scenario write under a
name, whichever execution has written it last; the artifact itself stands in an event's ``extra``.

Airflow loads this module for the first asset of this scheme in a DAG file, so it imports next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.openlineage.facet import Dataset as OpenLineageDataset
    from airflow.sdk import Asset

_SHAPE = "aicore://<resource group>/<scenario id>/<artifact name>"


def artifact_uri(resource_group: str, scenario_id: str, artifact_name: str) -> str:
    """Return the URI of the asset that an output artifact is, whichever execution has written it."""
    return "aicore://" + "/".join(
        quote(part, safe="") for part in (resource_group, scenario_id, artifact_name)
    )


def create_asset(
    *, resource_group: str, scenario_id: str, artifact_name: str, extra: dict[str, Any] | None = None
) -> Asset:
    """Make the asset of an output artifact; Airflow's collector of a hook's lineage calls it.

    :param resource_group: the resource group.
    :param scenario_id: the scenario's id.
    :param artifact_name: the artifact's name.
    :param extra: what else is to be kept with the asset.
    """
    from airflow.sdk import Asset

    return Asset(uri=artifact_uri(resource_group, scenario_id, artifact_name), extra=extra)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Bring a URI to the one form that :func:`artifact_uri` gives it; Airflow calls it for each asset.

    :raises ValueError: it does not name a resource group, a scenario and an artifact, and only these.
    """
    parts = [uri.netloc, *uri.path.removeprefix("/").split("/")]
    if len(parts) != 3 or not all(unquote(part).strip() for part in parts):
        raise ValueError(
            f"{uri.geturl()!r} is no URI of an artifact of AI Core: it has to be {_SHAPE}. A slash within a "
            "name is written %2F."
        )
    if uri.query or "@" in uri.netloc:
        raise ValueError(f"{uri._replace(netloc='…').geturl()!r} has more than {_SHAPE}: no user, no '?'.")
    return urlsplit(artifact_uri(*(unquote(part) for part in parts)))


def openlineage_name(uri: str) -> tuple[str, str]:
    """Return namespace and name of the dataset that an asset is to OpenLineage."""
    parts = sanitize_uri(urlsplit(uri))
    return f"aicore://{parts.netloc}", parts.path.removeprefix("/")


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> OpenLineageDataset:  # noqa: ARG001
    """Return the dataset that an asset is to OpenLineage, whose provider calls it.

    :param asset: of this scheme.
    :param lineage_context: the hook or operator that has reported it; it makes no difference.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset

    namespace, name = openlineage_name(asset.uri)
    return Dataset(namespace=namespace, name=name)
