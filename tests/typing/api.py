"""What users see has these types; this file is only checked, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from airflow_provider_aicore.api import (
    AsyncClient,
    Client,
    Execution,
    ExecutionStatus,
    executions,
    metrics,
    preflight,
)
from airflow_provider_aicore.api.models import Configuration, ExecutionCreated, ExecutionMetrics, LogLine
from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from airflow_provider_aicore.signature import Problem
from airflow_provider_aicore.workflow_template import WorkflowTemplate

if TYPE_CHECKING:
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.ensure import Bindings
    from airflow_provider_aicore.hooks.aicore import AICoreHook


def blocking(client: Client) -> None:
    """A call's result has its type without a cast."""
    assert_type(client.send(executions.get("e123")), Execution)
    assert_type(client.send(executions.get("e123")).status, ExecutionStatus)
    assert_type(client.send(executions.create("c123")), ExecutionCreated)
    assert_type(client.send(executions.query()), list[Execution])
    assert_type(client.send(executions.count()), int)
    assert_type(client.run(metrics.find("e123", client.retry)), ExecutionMetrics | None)
    assert_type(client.run(metrics.find_many(["e123"], client.retry)), dict[str, ExecutionMetrics])
    assert_type(client.run(metrics.find_tagged({"run": None}, client.retry)), list[ExecutionMetrics])


def preflight_of(client: Client, bindings: Bindings) -> None:
    """What is found before anything is created."""
    check: Flow[list[Problem]] = preflight.check(bindings, client.retry)
    assert_type(client.run(check), list[Problem])


def from_a_file() -> None:
    """A template stands for the ids of an operator."""
    template = WorkflowTemplate.from_file("train.yaml")
    assert_type(template, WorkflowTemplate)
    assert_type(template.check({"epochs": 1}, None), list[Problem])
    AICoreRunExecutableOperator(task_id="t", template=template, preflight="warn", validate_only=True)
    AICoreCreateConfigurationOperator(task_id="t", name="n", template=template, preflight="off")
    AICoreRunExecutableOperator(task_id="t", scenario_id="s123", executable_id="e123")


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
