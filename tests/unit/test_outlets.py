"""What the asset events of a task's outlets tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from airflow.sdk import Asset, AssetAlias

from airflow_provider_aicore.outlets import artifact_uri, tell_outlets

RESULT = {
    "id": "e123",
    "status": "COMPLETED",
    "configuration_id": "47b3eed9",
    "scenario_id": "text-clf",
    "executable_id": "text-clf-train",
    "resource_group": "default",
    "metrics": {"accuracy": 0.9},
    "output_artifacts": {
        "text-model": {
            "id": "a1",
            "name": "text-model",
            "kind": "model",
            "url": "ai://default/e123/text-model",
        }
    },
}


class Events(dict[Any, Any]):
    """Stands for Airflow's accessors, which need a running task."""

    def __missing__(self, key):
        """Make an event's accessor."""
        added: list[Any] = []
        accessor = SimpleNamespace(extra={}, added=added)
        accessor.add = lambda asset, extra: added.append((asset.uri, extra))
        self[key] = accessor
        return accessor


def test_an_asset_tells_of_the_execution_and_of_its_artifact():
    """The artifact stands with the asset that has its URI, and not with any other."""
    events = Events()
    model, other = Asset("aicore://default/text-clf/text-model"), Asset("other")
    events[other].extra["own"] = 1

    tell_outlets([model, other], events, RESULT)

    assert events[model].extra["artifact_url"] == "ai://default/e123/text-model"
    assert events[other].extra == {
        "own": 1,
        "execution_id": "e123",
        "configuration_id": "47b3eed9",
        "scenario_id": "text-clf",
        "executable_id": "text-clf-train",
        "resource_group": "default",
        "metrics": {"accuracy": 0.9},
    }


def test_an_alias_gets_an_asset_for_each_artifact():
    """Which artifacts an executable writes need not be known when the DAG is written."""
    events, alias = Events(), AssetAlias("models")

    tell_outlets([alias], events, RESULT)

    ((uri, extra),) = events[alias].added
    assert uri == "aicore://default/text-clf/text-model"
    assert (extra["artifact_id"], extra["execution_id"]) == ("a1", "e123")


def test_names_are_quoted_in_a_uri():
    """A slash in a name would make another asset."""
    assert artifact_uri("team-a", "text clf", "a/b") == "aicore://team-a/text%20clf/a%2Fb"
