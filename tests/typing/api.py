"""What users see has these types; this file is only checked, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from airflow_provider_aicore.api import AsyncClient, Client, Execution, ExecutionStatus, executions, metrics
from airflow_provider_aicore.api.models import Configuration, ExecutionCreated, ExecutionMetrics, LogLine

if TYPE_CHECKING:
    from airflow_provider_aicore.hooks.aicore import AICoreHook


def blocking(client: Client) -> None:
    """A call's result has its type without a cast."""
    assert_type(client.send(executions.get("e123")), Execution)
    assert_type(client.send(executions.get("e123")).status, ExecutionStatus)
    assert_type(client.send(executions.create("c123")), ExecutionCreated)
    assert_type(client.send(executions.query()), list[Execution])
    assert_type(client.send(executions.count()), int)
    assert_type(client.run(metrics.find("e123", client.retry)), ExecutionMetrics | None)


async def asynchronous(client: AsyncClient) -> None:
    """The other colour has the same types."""
    assert_type(await client.send(executions.get("e123")), Execution)
    assert_type(await client.run(metrics.find("e123", client.retry)), ExecutionMetrics | None)


async def from_a_connection(hook: AICoreHook) -> list[LogLine]:
    """The hook gives each client."""
    assert_type(hook.get_conn(), Client)
    assert_type(await hook.aget_conn(), AsyncClient)
    assert_type(list(hook.iterate_executions(status=ExecutionStatus.DEAD)), list[Execution])
    assert_type([each async for each in hook.iterate_configurations(search="train")], list[Configuration])
    return []
