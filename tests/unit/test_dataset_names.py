"""Where files lie, in OpenLineage's names."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.dataset_names import dataset_name


def _metadata(**fields):
    return {f"storage.ai.sap.com/{name}": value for name, value in fields.items()}


STORES = {
    "s3": _metadata(type="S3", bucket="models", pathPrefix="team/a/", endpoint="s3.amazonaws.com"),
    "bare": _metadata(type="s3", bucket="models"),
    "gcs": _metadata(type="gcs", bucket="models", pathPrefix="p"),
    "oss": _metadata(type="oss", bucket="models"),
    "azure": _metadata(type="azure", containerUri="https://acc.blob.core.windows.net/box", pathPrefix="p"),
    "lake": _metadata(type="azure", containerUri="https://acc.dfs.core.windows.net/box"),
    "webhdfs": _metadata(type="webhdfs", hdfsNameNode="https://node.files.test:8443", pathPrefix="p"),
    "silent": _metadata(type="S3"),
    "strange": _metadata(type="ftp", bucket="models"),
    "azure-silent": _metadata(type="azure", containerUri="https://acc.blob.core.windows.net"),
    "no-metadata": {},
}


@pytest.mark.parametrize(
    ("url", "namespace", "name"),
    [
        ("ai://s3/e1/text-model", "s3://models", "team/a/e1/text-model"),
        ("ai://s3/e1/text%20model/", "s3://models", "team/a/e1/text model"),
        ("ai://bare/e1", "s3://models", "e1"),
        ("ai://bare", "s3://models", "/"),
        ("ai://gcs/e1", "gs://models", "p/e1"),
        ("ai://oss/e1", "oss://models", "e1"),
        ("ai://azure/e1", "wasbs://box@acc.blob.core.windows.net", "p/e1"),
        ("ai://lake/e1", "abfss://box@acc.dfs.core.windows.net", "e1"),
        ("ai://webhdfs/e1", "hdfs://node.files.test:8443", "/p/e1"),
    ],
)
def test_a_file_is_named_by_its_place_in_the_store(url, namespace, name):
    """Another tool that reads the same file tells of the same name."""
    assert dataset_name(url, "team-a", STORES) == (namespace, name)


@pytest.mark.parametrize("store", ["silent", "strange", "azure-silent", "no-metadata", "unknown"])
def test_without_a_place_the_url_is_the_name(store):
    """In the resource group's namespace, since each group has a store of this name."""
    assert dataset_name(f"ai://{store}/e1", "team-a", STORES) == ("aicore://team-a", f"ai://{store}/e1")


@pytest.mark.parametrize(
    ("url", "namespace", "name"),
    [
        ("s3://bucket/a/b", "s3://bucket", "a/b"),
        ("https://files.test:8443/a?sig=secret", "https://files.test:8443", "a"),
        ("https://me:secret@files.test/a", "https://files.test", "a"),
    ],
)
def test_another_url_is_taken_apart_without_its_secrets(url, namespace, name):
    """A user or a signature in a URL has to stay within AI Core."""
    assert dataset_name(url, "default", STORES) == (namespace, name)
