"""Every answer of an AI Core fits the vendor's description: of the emulator, and of a tenant if one is named.

A test that asks for `emulator` stages something there; all others run on a tenant too, where only
`test_an_execution_s_life_fits_the_description` may create anything.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aicore.emulator import Options, Progress, Step
from airflow_provider_aicore.emulator.routes.table import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.judged import Judged

UNDESCRIBED = {"/meta/versions", "/healthz"}
"""Paths that the vendor's SDK calls and its description leaves out."""

EXECUTION = "e0123456789abcde"
DEPLOYMENT = "d0123456789abcde"
ROUNDS = 120
"""How often a status is asked for; on a tenant that is ten minutes, of which one or two pass in UNKNOWN."""


@pytest.fixture
def configured(judged, emulator) -> str:
    """Return the id of a configuration, which a tenant would never lose again."""
    body = {
        "name": "train",
        "scenarioId": "text-clf",
        "executableId": "text-clf-train",
        "parameterBindings": [{"key": "learning-rate", "value": "0.1"}],
    }
    configuration_id: str = judged("POST", "/configurations", 201, json=body).json()["id"]
    return configuration_id


def _start(judged, configured) -> str:
    answer = judged("POST", "/executions", 202, json={"configurationId": configured})
    execution_id: str = answer.json()["id"]
    return execution_id


@pytest.mark.parametrize(
    "emulator_options",
    [Options(), Options(null_fields=True, extra_field=True, list_order_seed=1)],
    ids=["plain", "varied"],
)
def test_every_operation_s_success_fits_the_description(judged, configured, emulator):
    """One walk visits each route that the description has; a route that is added has to be visited too."""
    artifact = {
        "name": "data",
        "kind": "dataset",
        "url": "ai://default/data",
        "scenarioId": "text-clf",
        "description": "d",
        "labels": [{"key": "ext.ai.sap.com/a", "value": "b"}],
    }
    artifact_id = judged("POST", "/artifacts", 201, json=artifact).json()["id"]
    judged(
        "GET",
        "/artifacts",
        200,
        params={"artifactLabelSelector": "ext.ai.sap.com/a=b", "$expand": "scenario"},
    )
    judged("GET", "/artifacts/$count", 200)
    judged("GET", f"/artifacts/{artifact_id}", 200)
    judged("GET", "/configurations", 200, params={"$search": "train"})
    judged("GET", "/configurations/$count", 200)
    judged("GET", f"/configurations/{configured}", 200)
    emulator.script("text-clf-train", [Progress.by_reads(), Progress.by_reads(), Progress.stuck("RUNNING")])
    execution_id, other, running = (_start(judged, configured) for _ in range(3))
    for _ in range(5):
        judged("GET", f"/executions/{execution_id}", 200)
        judged("GET", f"/executions/{execution_id}", 200, params={"$select": "status"})
        judged("GET", "/executions", 200)
        judged("GET", "/executions", 200, params={"$select": "status"})
    judged("GET", "/executions/$count", 200)
    emulator.write_log(execution_id, "epoch 1")
    judged("GET", f"/executions/{execution_id}/logs", 200)
    points = [{"name": "loss", "value": 0.5, "step": 1, "labels": [{"name": "a", "value": "b"}]}]
    written = {"executionId": execution_id, "metrics": points, "tags": [{"name": "a", "value": "b"}]}
    judged.merge_patch("/metrics", 204, written)
    judged("GET", "/metrics", 200, params={"executionIds": execution_id})
    judged("DELETE", "/metrics", 200, params={"executionId": execution_id})
    judged("GET", f"/executions/{running}", 200)
    judged("PATCH", f"/executions/{running}", 202, json={"targetStatus": "STOPPED"})
    bulk = [{"id": other, "targetStatus": "DELETED"}, {"id": EXECUTION, "targetStatus": "STOPPED"}]
    judged.merge_patch("/executions", 202, {"executions": bulk})
    judged("DELETE", f"/executions/{execution_id}", 202)
    judged("GET", f"/executions/{execution_id}", 200)
    _visit_deployments(judged, emulator)
    file = "/dataset/files/default/airline/flights.csv"
    judged("PUT", file, 201, content=b"a,b", headers={"Content-Type": "application/octet-stream"})
    judged("GET", file, 200)
    judged("DELETE", file, 204)
    schedule = {
        "name": "hourly",
        "cron": "0 * * * *",
        "configurationId": configured,
        "end": "2099-01-01T00:00:00Z",
    }
    schedule_id = judged("POST", "/executionSchedules", 202, json=schedule).json()["id"]
    judged("GET", "/executionSchedules", 200, params={"status": "ACTIVE"})
    judged("GET", "/executionSchedules/$count", 200)
    judged("GET", f"/executionSchedules/{schedule_id}", 200)
    judged("PATCH", f"/executionSchedules/{schedule_id}", 202, json={"status": "INACTIVE"})
    judged("DELETE", f"/executionSchedules/{schedule_id}", 202)
    for path in ("", "/text-clf", "/text-clf/executables", "/text-clf/executables/text-clf-train"):
        judged("GET", f"/scenarios{path}", 200)
    judged("GET", "/scenarios/text-clf/versions", 200)
    judged("GET", "/scenarios/text-clf/models", 200)
    judged("GET", "/meta", 200)

    described = {(route.method, route.path) for route in ROUTES if route.path not in UNDESCRIBED}
    assert judged.succeeded == described


def _visit_deployments(judged, emulator):
    emulator.add_executable("text-clf", "text-clf-serve", deployable=True, progress=Progress.by_reads())
    body = {"name": "serve", "scenarioId": "text-clf", "executableId": "text-clf-serve"}
    served, other = (judged("POST", "/configurations", 201, json=body).json()["id"] for _ in range(2))
    judged("POST", "/deployments", 202, json={"configurationId": served})
    deployment_id = judged("POST", "/deployments", 202, json={"configurationId": served, "ttl": "2h"}).json()[
        "id"
    ]
    for _ in range(3):
        judged("GET", f"/deployments/{deployment_id}", 200)
        judged("GET", f"/deployments/{deployment_id}", 200, params={"$select": "status"})
        judged("GET", "/deployments", 200)
    judged("GET", "/deployments/$count", 200, params={"status": "RUNNING"})
    judged("GET", f"/deployments/{deployment_id}/logs", 200)
    judged("PATCH", f"/deployments/{deployment_id}", 202, json={"configurationId": other})
    judged("GET", f"/deployments/{deployment_id}", 200)
    bulk = [{"id": deployment_id, "targetStatus": "STOPPED"}, {"id": "d000", "targetStatus": "DELETED"}]
    judged.merge_patch("/deployments", 202, {"deployments": bulk})
    judged("GET", f"/deployments/{deployment_id}", 200)
    judged("DELETE", f"/deployments/{deployment_id}", 202)
    judged("GET", f"/deployments/{deployment_id}", 200)


@pytest.mark.parametrize("end", ["COMPLETED", "DEAD", "STOPPED"])
def test_an_execution_fits_the_description_in_every_status(judged, configured, emulator, end):
    """From UNKNOWN to its end, with details, message, times and artifacts."""
    emulator.script("text-clf-train", Progress.by_reads(2, end, message="m" * 256))
    execution_id = _start(judged, configured)

    seen = [judged("GET", f"/executions/{execution_id}", 200).json()["status"] for _ in range(8)]

    assert set(seen) == {"UNKNOWN", "PENDING", "RUNNING", end}


@pytest.mark.parametrize(
    "emulator_options", [Options(refused_transition_status=400), Options(refused_transition_status=412)]
)
def test_a_refused_change_fits_the_description(judged, configured, emulator, emulator_options):
    """Whichever of its two statuses the emulator is told to refuse with."""
    emulator.script("text-clf-train", Progress((Step("RUNNING"),)))
    execution_id = _start(judged, configured)

    judged("GET", f"/executions/{execution_id}", 200)
    refusal = emulator_options.refused_transition_status
    error = judged("DELETE", f"/executions/{execution_id}", refusal).json()["error"]

    assert {"code", "message", "requestId"} <= set(error)


def test_an_execution_s_life_fits_the_description(judged):
    """From its artifact and configuration to its deletion; on a tenant nothing else is created."""
    target = judged.target
    scenario = f"/scenarios/{target.scenario_id}"
    for path in ("/scenarios", scenario, f"{scenario}/versions", f"{scenario}/executables", "/meta"):
        judged("GET", path, 200)
    executable = judged("GET", f"{scenario}/executables/{target.executable_id}", 200).json()
    inputs = executable.get("inputArtifacts") or []
    artifact = {
        "name": "contract test",
        "kind": inputs[0].get("kind", "dataset") if inputs else "dataset",
        "url": "ai://default/contract-test",
        "scenarioId": target.scenario_id,
    }
    artifact_id = judged("POST", "/artifacts", 201, json=artifact).json()["id"]
    judged("GET", f"/artifacts/{artifact_id}", 200)
    judged("GET", "/artifacts", 200, params={"scenarioId": target.scenario_id, "$top": 5})
    parameters = executable.get("parameters") or []
    configuration = {
        "name": "contract test",
        "scenarioId": target.scenario_id,
        "executableId": target.executable_id,
        "parameterBindings": [
            {"key": each["name"], "value": each.get("default") or "1"} for each in parameters
        ],
        "inputArtifactBindings": [{"key": each["name"], "artifactId": artifact_id} for each in inputs],
    }
    configuration_id = judged("POST", "/configurations", 201, json=configuration).json()["id"]
    judged("GET", f"/configurations/{configuration_id}", 200)
    judged("GET", "/configurations", 200, params={"scenarioId": target.scenario_id, "$top": 5})

    with _started(judged, configuration_id) as execution:
        mine = {"configurationId": configuration_id}
        judged("GET", "/executions", 200, params=mine)
        assert judged("GET", "/executions/$count", 200, params=mine).json() == 1
        _wait(judged, execution, {"PENDING", "RUNNING"})
        judged("PATCH", execution, 202, json={"targetStatus": "STOPPED"})
        judged("GET", execution, 200, params={"$select": "status"})
        _wait(judged, execution, {"STOPPED"})
        judged("GET", f"{execution}/logs", (200, 404))
        judged("DELETE", execution, 202)
        judged("GET", execution, (200, 404))


@contextmanager
def _started(judged: Judged, configuration_id: str) -> Iterator[str]:
    """Give the path of an execution that is gone afterwards, however the test ends."""
    execution = f"/executions/{_start(judged, configuration_id)}"
    try:
        yield execution
    finally:
        for _ in range(ROUNDS):
            now = judged.http.get(execution)
            if now.status_code == 404 or now.json().get("targetStatus") == "DELETED":
                break
            if now.json()["status"] in {"PENDING", "RUNNING"}:
                judged.http.patch(execution, json={"targetStatus": "STOPPED"})
            else:
                judged.http.delete(execution)
            judged.target.breathe()


def _wait(judged: Judged, execution: str, statuses: set[str]) -> None:
    for _ in range(ROUNDS):
        status = judged("GET", execution, 200).json()["status"]
        if status in statuses:
            return
        judged.target.breathe()
    raise AssertionError(f"{execution} is {status} and does not become {' or '.join(sorted(statuses))}")


REFUSED = [
    ("POST", "/artifacts", 400, {"json": {"name": "x"}}),
    ("POST", "/artifacts", 400, {"content": b"not json"}),
    (
        "POST",
        "/artifacts",
        400,
        {"json": {"name": "x", "kind": "banana", "url": "ai://a/b", "scenarioId": "text-clf"}},
    ),
    ("GET", "/artifacts/abc", 400, {}),
    ("GET", "/artifacts/abcd", 404, {}),
    ("GET", "/artifacts", 400, {"params": {"kind": "banana"}}),
    ("GET", "/configurations/abcd", 404, {}),
    ("POST", "/executions", 400, {"json": {}}),
    ("GET", f"/executions/{EXECUTION}", 404, {}),
    ("GET", "/executions", 400, {"params": {"status": "SLEEPING"}}),
    ("GET", "/executions", 400, {"params": {"$top": "100001"}}),
    ("PATCH", f"/executions/{EXECUTION}", 404, {"json": {"targetStatus": "STOPPED"}}),
    ("DELETE", f"/executions/{EXECUTION}", 404, {}),
    ("GET", f"/executions/{EXECUTION}/logs", 404, {}),
    ("GET", f"/executions/{EXECUTION}/logs", 400, {"params": {"$top": "5001"}}),
    ("GET", "/executionSchedules", 400, {"params": {"status": "SLEEPING"}}),
    ("GET", "/executionSchedules/none", 404, {}),
    ("PATCH", "/executionSchedules/none", 404, {"json": {"status": "INACTIVE"}}),
    ("PATCH", "/executionSchedules/none", 400, {"json": {}}),
    ("DELETE", "/executionSchedules/none", 404, {}),
    ("GET", f"/deployments/{DEPLOYMENT}", 404, {}),
    ("GET", "/deployments", 400, {"params": {"status": "SLEEPING"}}),
    ("PATCH", f"/deployments/{DEPLOYMENT}", 404, {"json": {"targetStatus": "STOPPED"}}),
    ("PATCH", f"/deployments/{DEPLOYMENT}", 400, {"json": {}}),
    ("DELETE", f"/deployments/{DEPLOYMENT}", 404, {}),
    ("GET", f"/deployments/{DEPLOYMENT}/logs", 404, {}),
    ("GET", "/metrics", 400, {}),
    ("GET", "/metrics", 404, {"params": {"executionIds": EXECUTION}}),
    ("DELETE", "/metrics", 404, {"params": {"executionId": EXECUTION}}),
    ("GET", "/scenarios/none", 404, {}),
    ("GET", "/scenarios/text-clf/executables/none", 404, {}),
]
"""What any target is asked for: were it let in, nothing could come of it, as something is missing."""

REFUSED_WHEN_STAGED = [
    (
        "POST",
        "/configurations",
        400,
        {"json": {"name": "x", "scenarioId": "text-clf", "executableId": "none"}},
    ),
    ("POST", "/executions", 400, {"json": {"configurationId": "none"}}),
    (
        "POST",
        "/executionSchedules",
        400,
        {"json": {"name": "x", "cron": "* * * * *", "configurationId": "none"}},
    ),
    ("POST", "/deployments", 400, {"json": {"configurationId": "none"}}),
    ("PUT", "/dataset/files/default/a.exe", 400, {"content": b"x"}),
    ("GET", "/dataset/files/default", 400, {}),
    ("GET", "/dataset/files/default/a.csv", 404, {}),
    ("DELETE", "/dataset/files/default/a.csv", 404, {}),
]
"""What would create, overwrite or delete something in a tenant that is not as strict as the emulator."""


def _rows(table):
    """Parametrize with the table of refusals."""
    names = [f"{number} {row[0]} {row[1]} {row[2]}" for number, row in enumerate(table)]
    return pytest.mark.parametrize(("method", "path", "status", "options"), table, ids=names)


@_rows(REFUSED)
def test_every_refusal_fits_the_description(judged, method, path, status, options):
    """A refusal has its declared status and AI Core's error body, which names code, message and request."""
    error = judged(method, path, status, **options).json()["error"]

    assert error["code"]
    assert error["message"]


@_rows(REFUSED_WHEN_STAGED)
def test_every_staged_refusal_fits_the_description(judged, emulator, method, path, status, options):
    """So does one that only the emulator is asked for."""
    error = judged(method, path, status, **options).json()["error"]

    assert error["code"]
    assert error["message"]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"Authorization": ""}),
        (401, {"Authorization": "Bearer no.real.token"}),
        (403, {"AI-Resource-Group": "there-is-no-such-group"}),
    ],
    ids=["no token", "a bad token", "an unknown resource group"],
)
def test_the_gateway_refuses_in_plain_text(judged, status, headers):
    """What stands before AI Core refuses token and resource group, and knows nothing of its error body."""
    answer = judged("GET", "/executions", status, headers=headers)

    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text
    assert not answer.text.startswith("{")


def test_metrics_beyond_the_limit_are_refused_as_described(judged, configured):
    """Too much at once is a 413."""
    execution_id = _start(judged, configured)
    big = [{"name": f"n{number}", "value": "x" * 600_000} for number in range(10)]

    judged.merge_patch("/metrics", 413, {"executionId": execution_id, "customInfo": big})


def test_logs_fit_the_description_with_times_of_nine_digits(judged, configured, emulator):
    """Lines carry AI Core's nanoseconds."""
    execution_id = _start(judged, configured)
    judged("GET", f"/executions/{execution_id}", 200)
    emulator.write_log(execution_id, "epoch 1\n")

    start = datetime.fromtimestamp(emulator.state.now() - 60, UTC).isoformat()
    for params in ({}, {"start": start, "$order": "desc", "$top": "1"}):
        answer = judged("GET", f"/executions/{execution_id}/logs", 200, params=params).json()
        assert answer["data"]["result"]
