"""What a task tells those who wait for its outlets: the execution, and the artifacts that it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.assets.aicore import artifact_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OF_EXECUTION = ("configuration_id", "scenario_id", "executable_id", "resource_group", "metrics")


def tell_outlets(outlets: Iterable[object], events: Any, result: Mapping[str, Any]) -> None:
    """Put a task's result into the asset events of its outlets.

    :param events: the context's ``outlet_events``.
    :param result: the task's XCom value.
    """
    from airflow.sdk import Asset, AssetAlias

    execution = {"execution_id": result["id"], **{key: result[key] for key in _OF_EXECUTION}}
    artifacts = {
        artifact_uri(result["resource_group"], result["scenario_id"], name): {
            f"artifact_{key}": artifact[key] for key in ("id", "name", "kind", "url")
        }
        for name, artifact in result["output_artifacts"].items()
        if result["scenario_id"]  # AI Core's description lets it be absent; without it there is no URI.
    }
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            for uri, artifact in artifacts.items():
                events[outlet].add(Asset(uri), extra={**execution, **artifact})
        elif isinstance(outlet, Asset):
            events[outlet].extra.update({**execution, **artifacts.get(outlet.uri, {})})
