"""Every request that the client can send fits the vendor's description."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from airflow_provider_aicore import api
from airflow_provider_aicore.api import (
    Client,
    ExecutionStatus,
    RetryPolicy,
    ServerError,
    ServiceKey,
    applications,
    artifacts,
    configurations,
    deployments,
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

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES_OF_THE_CLIENT = [
    importlib.import_module(f"{api.__name__}.{each.name}") for each in pkgutil.iter_modules(api.__path__)
]
ID = "e42493be71676403"
NAME = "!?.,;:[](){}<>\"'=+*/\\^&%@~$#|- name"

SAMPLES: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (applications.get_all, {}),
    (applications.get_status, {"name": "my-app"}),
    (artifacts.create, {"name": "n", "kind": "model", "url": "ai://default/x", "scenario_id": ID}),
    (
        artifacts.create,
        {
            "name": NAME,
            "kind": "resultset",
            "url": "gs://bucket/x y?z=%20",
            "scenario_id": ID,
            "description": "déjà vu",
            "labels": {"ext.ai.sap.com/a.b-c_d": "any ~ value"},
        },
    ),
    (artifacts.get, {"artifact_id": ID}),
    (artifacts.query, {}),
    (
        artifacts.query,
        {
            "scenario_id": ID,
            "execution_id": ID,
            "name": NAME,
            "kind": "dataset",
            "search": "a b+c&d=e%",
            "top": 100_000,
            "skip": 7,
        },
    ),
    (artifacts.count, {}),
    (
        artifacts.count,
        {"scenario_id": ID, "execution_id": ID, "name": NAME, "kind": "other", "search": "x" * 80},
    ),
    (configurations.create, {"name": "n", "scenario_id": ID, "executable_id": ID}),
    (
        configurations.create,
        {
            "name": NAME,
            "scenario_id": ID,
            "executable_id": ID,
            "parameters": {"text": "", "number": 0.1, "bool": True, "json": {"a": [1]}},
            "input_artifacts": {"data": ID},
        },
    ),
    (configurations.get, {"configuration_id": ID}),
    (configurations.query, {}),
    (
        configurations.query,
        {
            "scenario_id": ID,
            "executable_ids": [ID, "text-clf-train"],
            "search": "af-0123",
            "top": 1,
            "skip": 1,
        },
    ),
    (configurations.count, {"scenario_id": ID, "executable_ids": [ID], "search": "?"}),
    (deployments.get, {"deployment_id": ID}),
    *((deployments.query_statuses, {"status": status, "top": 2500}) for status in ExecutionStatus),
    (deployments.query_statuses, {"status": "RUNNING", "top": 1, "skip": 1, "status_only": False}),
    (
        execution_schedules.create,
        {"name": "déjà vu, hourly", "cron": "0 * * * *", "configuration_id": ID},
    ),
    (
        execution_schedules.create,
        {
            "name": NAME,
            "cron": "0 3 1-7 1,6 *",
            "configuration_id": ID,
            "start": datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC),
            "end": "2026-12-31T23:59:59.5+02:00",
        },
    ),
    (execution_schedules.get, {"execution_schedule_id": ID}),
    (execution_schedules.query, {}),
    (execution_schedules.query, {"configuration_id": ID, "status": "ACTIVE", "top": 1, "skip": 1}),
    (execution_schedules.count, {"configuration_id": ID, "status": "INACTIVE"}),
    (execution_schedules.modify, {"execution_schedule_id": ID, "status": "INACTIVE"}),
    (
        execution_schedules.modify,
        {
            "execution_schedule_id": ID,
            "cron": "0 3 * * 1",
            "configuration_id": ID,
            "start": datetime(2026, 1, 1, tzinfo=UTC),
            "end": datetime(2027, 1, 1, tzinfo=UTC),
            "status": "ACTIVE",
        },
    ),
    (execution_schedules.delete, {"execution_schedule_id": ID}),
    (docker_registry_secrets.query, {}),
    (executions.create, {"configuration_id": ID}),
    (executions.get, {"execution_id": ID, "status_only": True}),
    (executions.get, {"execution_id": ID}),
    (executions.query, {}),
    *(
        (
            executions.query,
            {
                "configuration_id": ID,
                "scenario_id": ID,
                "executable_ids": [ID],
                "execution_schedule_id": ID,
                "status": status,
                "top": 1000,
                "skip": 1000,
            },
        )
        for status in ExecutionStatus
    ),
    *((executions.query_statuses, {"status": status, "top": 2500}) for status in ExecutionStatus),
    (executions.query_statuses, {"status": "RUNNING", "top": 1, "skip": 1, "status_only": False}),
    (
        executions.count,
        {
            "configuration_id": ID,
            "scenario_id": ID,
            "executable_ids": [ID],
            "execution_schedule_id": ID,
            "status": ExecutionStatus.RUNNING,
        },
    ),
    (executions.stop, {"execution_id": ID}),
    (executions.batch_modify, {"targets": {ID: "STOPPED", "e000": "DELETED"}}),
    (executions.delete, {"execution_id": ID}),
    (
        executions.logs,
        {
            "execution_id": ID,
            "start": datetime(2026, 1, 1, tzinfo=UTC),
            "end": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
            "top": 5000,
            "order": "desc",
        },
    ),
    (meta.get, {}),
    (metrics.query, {"execution_ids": [ID] * 10}),
    (
        metrics.query,
        {
            "tags": {"airflow-run": "manual__2026-01-01T00:00:00+00:00", "a=b,c": None},
            "tags_not": {"stage": "déjà vu"},
            "select": ["metrics", "customInfo"],
            "top": 10_000,
            "skip": 1,
        },
    ),
    (
        metrics.modify,
        {
            "execution_id": ID,
            "metrics": [
                {
                    "name": "Error Rate",
                    "value": 0.25,
                    "timestamp": datetime(2026, 1, 1, tzinfo=UTC),
                    "step": 3,
                    "labels": [{"name": "group", "value": "test"}],
                }
            ],
            "tags": {"airflow-run": "manual__2026"},
            "custom_info": {"confusion-matrix": "[]"},
        },
    ),
    (metrics.delete, {"execution_id": ID}),
    (object_store_secrets.query, {}),
    (resource_groups.get_all, {}),
    *((resource_quota.get, {"kind": kind}) for kind in resource_quota.KINDS),
    (scenarios.query, {}),
    (scenarios.get, {"scenario_id": ID}),
    (scenarios.query_executables, {"scenario_id": ID, "version_id": "1.0.0"}),
    (scenarios.get_executable, {"scenario_id": ID, "executable_id": ID}),
]


def _makers_of_calls():
    for module in MODULES_OF_THE_CLIENT:
        for name, function in vars(module).items():
            is_own = inspect.isfunction(function) and function.__module__ == module.__name__
            if is_own and str(inspect.signature(function).return_annotation).startswith("Call["):
                yield module, name, function


def _sent(call) -> httpx.Request:
    """Return the request as it leaves the client."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 43199})
        return httpx.Response(500)

    key = ServiceKey.parse(
        {
            "serviceurls": {"AI_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"},
            "clientid": "sb-1",
            "clientsecret": "s",
            "url": "https://auth.example",
        }
    )
    with (
        Client(key, transport=httpx.MockTransport(answer), retry=RetryPolicy(repeats=0)) as client,
        contextlib.suppress(ServerError),
    ):
        client.send(call)
    return requests[-1]


@pytest.mark.parametrize(
    "sample",
    SAMPLES,
    ids=[f"{number} {one[0].__module__}.{one[0].__name__}" for number, one in enumerate(SAMPLES)],
)
def test_every_request_fits_the_description(description, sample):
    """Path, query, headers, content type and body are as described, at the edges of what the client takes."""
    function, arguments = sample

    description.check_request(_sent(function(**arguments)))


@pytest.mark.parametrize(
    ("module", "name", "function"),
    [pytest.param(*one, id=f"{one[0].__name__}.{one[1]}") for one in _makers_of_calls()],
)
def test_every_argument_of_every_call_is_judged(module, name, function):
    """A call or an argument that is added is judged as well: the samples above have to use it."""
    used = {argument for maker, arguments in SAMPLES if maker is function for argument in arguments}

    assert used == set(inspect.signature(function).parameters)
