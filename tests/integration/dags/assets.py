"""What a task writes, as assets: by an alias, by its URI, and under another name."""

from __future__ import annotations

from airflow.sdk import DAG, Asset, AssetAlias

from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator

with DAG("assets", schedule=None) as dag:
    AICoreRunExecutableOperator(
        task_id="run",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        deferrable=True,
        poll_interval=1,
        outlets=[
            AssetAlias("what was written"),
            Asset("aicore://default/text-clf/text-model"),
            Asset("models"),
        ],
    )
