"""A typed client of SAP AI Core; it knows no Airflow.

Calls are made by the modules named after the URL (:mod:`executions`, :mod:`artifacts`, …) and sent by a
client::

    with Client(ServiceKey.parse(text), resource_group="team-a") as client:
        execution = client.send(executions.get("e42493be71676403"))
"""

from airflow_provider_aicore.api import (
    applications,
    artifacts,
    configurations,
    docker_registry_secrets,
    execution_schedules,
    executions,
    meta,
    metrics,
    object_store_secrets,
    resource_groups,
    resource_quota,
    scenarios,
)
from airflow_provider_aicore.api.auth import ServiceKey
from airflow_provider_aicore.api.client import AsyncClient, Client
from airflow_provider_aicore.api.errors import (
    AICoreError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    InvalidServiceKeyError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RateLimitedError,
    ServerError,
    TokenRefusedError,
    UnexpectedResponseError,
)
from airflow_provider_aicore.api.lifecycle import Outcome
from airflow_provider_aicore.api.models import ArtifactKind, Execution, ExecutionSchedule, ExecutionStatus
from airflow_provider_aicore.api.retry import RetryPolicy

__all__ = [
    "AICoreError",
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "ArtifactKind",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "Execution",
    "ExecutionSchedule",
    "ExecutionStatus",
    "InvalidServiceKeyError",
    "NotFoundError",
    "Outcome",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "RateLimitedError",
    "RetryPolicy",
    "ServerError",
    "ServiceKey",
    "TokenRefusedError",
    "UnexpectedResponseError",
    "applications",
    "artifacts",
    "configurations",
    "docker_registry_secrets",
    "execution_schedules",
    "executions",
    "meta",
    "metrics",
    "object_store_secrets",
    "resource_groups",
    "resource_quota",
    "scenarios",
]
