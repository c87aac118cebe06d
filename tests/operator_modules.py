"""The modules that DAG files import, as Airflow is told of them."""

from __future__ import annotations

from airflow_provider_aicore.get_provider_info import get_provider_info

OPERATOR_MODULES: list[str] = [
    module
    for kind in ("operators", "sensors")
    for integration in get_provider_info()[kind]
    for module in integration["python-modules"]
]
