"""Artifacts as assets: what Airflow and OpenLineage make of their URIs."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from airflow.sdk import Asset

from airflow_provider_aicore.assets.aicore import (
    artifact_uri,
    convert_asset_to_openlineage,
    create_asset,
    sanitize_uri,
)


@pytest.mark.parametrize(
    "uri",
    [
        "aicore://team-a/text-clf/text-model",
        "AICORE://team-a/text-clf/text-model/",
        "aicore://team%2Da/text%2dclf/text-model#newest",
    ],
)
def test_a_uri_has_one_form(uri):
    """Otherwise a DAG would wait for another asset than the one that a task tells of."""
    assert Asset(uri).uri == artifact_uri("team-a", "text-clf", "text-model")


def test_names_are_quoted_in_a_uri():
    """A slash in a name would make another asset."""
    uri = artifact_uri("team-a", "text clf", "a/b")

    assert uri == "aicore://team-a/text%20clf/a%2Fb"
    assert Asset(uri).uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "aicore://",
        "aicore:text-model",
        "aicore://team-a/text-clf",
        "aicore:///text-clf/text-model",
        "aicore://team-a//text-model",
        "aicore://team-a/text-clf/%20",
        "aicore://team-a/text-clf/models/text-model",
        "aicore://team-a/text-clf/text-model?version=2",
        "aicore://someone@team-a/text-clf/text-model",
    ],
)
def test_a_uri_of_no_artifact_is_refused_when_the_dag_file_is_read(uri):
    """No task would ever tell of it; what a URI has to be stands in the error."""
    with pytest.raises(
        ValueError, match="aicore://<resource group>/<scenario id>/<artifact name>"
    ) as refused:
        Asset(uri)
    assert "someone" not in str(refused.value)


def test_an_asset_can_be_made_from_its_parts():
    """Airflow calls the factory so, by keywords and with what a hook has told beside."""
    asset = create_asset(
        resource_group="team-a", scenario_id="text-clf", artifact_name="text-model", extra={"id": "a1"}
    )

    assert (asset.uri, asset.extra) == ("aicore://team-a/text-clf/text-model", {"id": "a1"})


def test_openlineage_gets_a_dataset(monkeypatch):
    """The resource group is its namespace."""
    module = SimpleNamespace(Dataset=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "airflow.providers.common.compat.openlineage.facet", module)

    dataset = convert_asset_to_openlineage(Asset("aicore://team-a/text-clf/a%2Fb"), None)

    assert vars(dataset) == {"namespace": "aicore://team-a", "name": "text-clf/a%2Fb"}


def test_openlineage_is_not_needed(monkeypatch):
    """Without it neither the scheme nor its registration fails."""
    monkeypatch.setitem(sys.modules, "openlineage", None)

    assert sanitize_uri(urlsplit("aicore://team-a/text-clf/text-model")).netloc == "team-a"
    assert "airflow.providers.openlineage" not in sys.modules
