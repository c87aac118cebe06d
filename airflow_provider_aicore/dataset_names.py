"""Where the files of artifacts lie, in the names that OpenLineage has for data sets.

Other tools report the same files under the same names. Source: https://openlineage.io/docs/spec/naming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_BUCKETS = {"s3": "s3", "gcs": "gs", "oss": "oss"}
"""The scheme of each type of store whose files lie in buckets."""
_METADATA = "storage.ai.sap.com/"


class DatasetName(NamedTuple):
    """A data set's name, which is unique within its namespace."""

    namespace: str
    name: str


def dataset_name(
    url: str, resource_group: str, object_stores: Mapping[str, Mapping[str, str]]
) -> DatasetName:
    """Return the name of what lies at an artifact's URL.

    ``ai://<object store secret>/<path>`` becomes a place in that store, where its secret says which. Else it
    stays as it is, in a namespace of the resource group: the next group's secret of that name is another one.

    :param object_stores: the metadata of the group's object store secrets by their names.
    """
    parts = urlsplit(url)
    if parts.scheme != "ai":
        # Neither user nor query: both may hold a secret.
        host = parts.netloc.rpartition("@")[2]
        return DatasetName(f"{parts.scheme}://{host}", parts.path.strip("/") or "/")
    metadata = object_stores.get(parts.netloc, {})
    stored = {key.removeprefix(_METADATA): str(value) for key, value in metadata.items()}
    namespace = _namespace(stored)
    if namespace is None:
        return DatasetName(f"aicore://{resource_group}", url)
    path = f"{stored.get('pathPrefix', '').strip('/')}/{unquote(parts.path).strip('/')}".strip("/")
    return DatasetName(namespace, f"/{path}" if namespace.startswith("hdfs:") else path or "/")


def _namespace(stored: Mapping[str, str]) -> str | None:
    """Return what stands for the store, or ``None`` where its secret does not say enough."""
    kind = stored.get("type", "").lower()
    if kind in _BUCKETS and stored.get("bucket"):
        return f"{_BUCKETS[kind]}://{stored['bucket'].strip('/')}"
    if kind == "azure":
        container = urlsplit(stored.get("containerUri", ""))
        name = container.path.strip("/")
        if container.hostname and name:
            scheme = "abfss" if ".dfs." in container.hostname else "wasbs"
            return f"{scheme}://{name}@{container.hostname}"
    if kind == "webhdfs":
        node = urlsplit(stored.get("hdfsNameNode", ""))
        if node.hostname:
            return f"hdfs://{node.hostname}{f':{node.port}' if node.port else ''}"
    return None
