"""What the asset events of a task's outlets tell."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_aicore.outlets import tell_outlets

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


def test_an_asset_tells_of_the_execution_and_of_its_artifact():
    """The artifact stands with the asset that has its URI, and not with any other."""
    events = OutletEventAccessors()
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
    events, alias = OutletEventAccessors(), AssetAlias("models")

    tell_outlets([alias], events, RESULT)

    (event,) = events[alias].asset_alias_events
    assert event.dest_asset_key.uri == "aicore://default/text-clf/text-model"
    assert (event.extra["artifact_id"], event.extra["execution_id"]) == ("a1", "e123")


def test_without_a_scenario_there_is_no_asset_of_an_artifact():
    """AI Core's description lets it be absent: the task has succeeded all the same."""
    events, alias = OutletEventAccessors(), AssetAlias("models")

    tell_outlets([alias, Asset("other")], events, {**RESULT, "scenario_id": None})

    assert events[alias].asset_alias_events == []
    assert events[Asset("other")].extra["execution_id"] == "e123"
