"""The judge itself is judged: it lets pass what fits, and names each kind of violation."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.openapi import UNDECLARED

HOST = "http://127.0.0.1:8080"
GROUP = {"AI-Resource-Group": "default"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
ERROR = {"error": {"code": "01010020", "message": "Execution not found", "requestId": "r-1"}}
EXECUTION = {
    "id": "e42493be71676403",
    "configurationId": "35b60591-5cf3-4ef8-9c5d-f7b6c4b4e0a5",
    "status": "RUNNING",
    "createdAt": "2026-01-01T00:00:00Z",
    "modifiedAt": "2026-01-01T00:00:00Z",
}


def request(method, path, *, headers=GROUP, **rest):
    """Make a request of the client, to some host."""
    return httpx.Request(method, HOST + path, headers=headers, **rest)


def cases(table):
    """Parametrize with the arguments in the table, each called by its key."""
    return {"argvalues": list(table.values()), "ids": list(table)}


STOP = {"executions": [{"id": "e42493be71676403", "targetStatus": "STOPPED"}]}
FIT_REQUESTS = {
    "list": request("GET", "/v2/lm/executions?$top=5&$skip=10&status=RUNNING&executableIds=train,batch"),
    "further headers": request("GET", "/v2/lm/executions", headers=GROUP | {"Authorization": "Bearer x"}),
    "count": request("GET", "/v2/lm/executions/$count"),
    "one": request("GET", "/v2/lm/executions/e42493be71676403?$select=status"),
    "no group where none is declared": request("GET", "/v2/lm/meta", headers={}),
    "metrics": request("GET", "/v2/lm/metrics?executionIds=e42493be71676403,e42493be71676404"),
    "create": request("POST", "/v2/lm/executions", json={"configurationId": "35b60591-5cf3"}),
    "delete": request("DELETE", "/v2/lm/executions/e42493be71676403"),
    "merge patch": request("PATCH", "/v2/lm/executions", headers=GROUP | MERGE_PATCH, json=STOP),
}


@pytest.mark.parametrize("fit", **cases(FIT_REQUESTS))
def test_described_request_passes(description, fit):
    """A request as the description has it passes, whatever its host and its further headers."""
    description.check_request(fit)


KILL = {"executions": [{"id": "e42493be71676403", "targetStatus": "DEAD"}]}
UNFIT_REQUESTS = {
    "unknown path": (request("GET", "/v2/lm/jobs"), "no such operation"),
    "unknown method": (request("PUT", "/v2/lm/executions"), "no such operation"),
    "no base path": (request("GET", "/lm/executions"), "no such operation"),
    "another base path": (request("GET", "/v1/lm/executions"), "no such operation"),
    "no group": (
        request("GET", "/v2/lm/executions", headers={}),
        "Missing required header parameter: AI-Resource-Group",
    ),
    "unknown query parameter": (request("GET", "/v2/lm/executions?top=5"), "unknown query parameter top"),
    "query parameter of another": (request("GET", "/v2/lm/meta?$top=5"), r"unknown query parameter \$top"),
    "query type": (request("GET", "/v2/lm/executions?$top=few"), r"\$top: .*few"),
    "query value": (request("GET", "/v2/lm/executions?status=DONE"), "status: 'DONE' is not one of"),
    "query list": (
        request("GET", "/v2/lm/executions?executableIds=train,x"),
        r"executableIds\[1\]: 'x' does not match",
    ),
    "id": (request("GET", "/v2/lm/executions/e"), "executionId: 'e' does not match"),
    "undeclared body": (request("GET", "/v2/lm/executions", json={}), "a body where none is declared"),
    "no body": (request("POST", "/v2/lm/executions"), "Missing required request body"),
    "missing property": (
        request("POST", "/v2/lm/executions", json={}),
        "body: 'configurationId' is a required",
    ),
    "unknown property": (
        request("POST", "/v2/lm/executions", json={"configurationId": "35b60591-5cf3", "ttl": "2h"}),
        "body: .*'ttl' was unexpected",
    ),
    "property type": (
        request("POST", "/v2/lm/executions", json={"configurationId": 7000}),
        r"body\['configurationId'\]: 7000 is not of type 'string'",
    ),
    "nested property": (
        request("PATCH", "/v2/lm/executions", headers=GROUP | MERGE_PATCH, json=KILL),
        r"body\['executions'\]\[0\]\['targetStatus'\]: 'DEAD' is not one of",
    ),
    "no JSON": (
        request(
            "POST", "/v2/lm/executions", headers=GROUP | {"Content-Type": "application/json"}, content=b"{"
        ),
        "Failed to deserialize",
    ),
    "no content type": (request("POST", "/v2/lm/executions", content=b"{}"), "mimetype not found"),
    "content type": (
        request("PATCH", "/v2/lm/executions", json=STOP),
        "mimetype not found: application/json",
    ),
}


@pytest.mark.parametrize(("unfit", "violation"), **cases(UNFIT_REQUESTS))
def test_unfit_request_is_refused(description, unfit, violation):
    """A request that the description does not allow is refused, with the violation."""
    with pytest.raises(AssertionError, match=violation):
        description.check_request(unfit)


def test_all_violations_are_named_at_once(description):
    """The message names method, path and operation, and has a line for each violation."""
    with pytest.raises(AssertionError) as refusal:
        description.check_request(request("GET", "/v2/lm/executions?top=5&status=DONE", headers={}))
    title, *violations = str(refusal.value).split("\n- ")
    assert title == "request of GET /v2/lm/executions (execution.query) does not fit the description:"
    assert len(violations) == 3


CREATE = request("POST", "/v2/lm/executions", json={"configurationId": "35b60591-5cf3"})
GET_ONE = request("GET", "/v2/lm/executions/e42493be71676403")
COUNT = request("GET", "/v2/lm/executions/$count")
METRICS = request("GET", "/v2/lm/metrics?executionIds=e42493be71676403")
SAVE_METRICS = request(
    "PATCH", "/v2/lm/metrics", headers=GROUP | MERGE_PATCH, json={"executionId": "e42493be"}
)
LOGS = request("GET", "/v2/lm/executions/e42493be71676403/logs")
SCHEDULED = {"id": "e42493be71676403", "message": "Execution scheduled", "status": "UNKNOWN"}

FIT_RESPONSES = {
    "created": (CREATE, httpx.Response(202, json=SCHEDULED)),
    "undeclared property": (CREATE, httpx.Response(202, json=SCHEDULED | {"targetStatus": "COMPLETED"})),
    "one": (GET_ONE, httpx.Response(200, json=EXECUTION)),
    "not found": (GET_ONE, httpx.Response(404, json=ERROR)),
    "refusal of an unfit request": (
        request("GET", "/v2/lm/executions?$top=all"),
        httpx.Response(400, json=ERROR),
    ),
    "count": (COUNT, httpx.Response(200, text="3")),
    "nothing": (SAVE_METRICS, httpx.Response(204)),
    "no metrics": (METRICS, httpx.Response(404, json=ERROR)),
    "refused token": (GET_ONE, httpx.Response(401, text="Jwt is expired")),
    "refused token where declared": (LOGS, httpx.Response(401, text="Jwt is expired")),
    "refused group": (GET_ONE, httpx.Response(403, text="RBAC: access denied")),
    "rate limit": (GET_ONE, httpx.Response(429, headers={"Retry-After": "3"})),
    "trouble": (GET_ONE, httpx.Response(503, text="upstream connect error")),
}


@pytest.mark.parametrize(("asked", "fit"), **cases(FIT_RESPONSES))
def test_described_or_known_response_passes(description, asked, fit):
    """An answer passes as described, with further properties, or as one of the known exceptions."""
    description.check_response(asked, fit)


UNFIT_RESPONSES = {
    "unknown path": (request("GET", "/v2/lm/jobs"), httpx.Response(404, json=ERROR), "no such operation"),
    "another success": (CREATE, httpx.Response(200, json=SCHEDULED), "Unknown response http status: 200"),
    "undeclared error": (CREATE, httpx.Response(404, json=ERROR), "Unknown response http status: 404"),
    "missing property": (
        CREATE,
        httpx.Response(202, json={"message": "scheduled"}),
        "body: 'id' is a required",
    ),
    "no body": (CREATE, httpx.Response(202), "Missing response data"),
    "property value": (
        GET_ONE,
        httpx.Response(200, json=EXECUTION | {"status": "DONE"}),
        r"body\['status'\]: 'DONE' is not one of",
    ),
    "property format": (
        GET_ONE,
        httpx.Response(200, json=EXECUTION | {"createdAt": "today"}),
        r"body\['createdAt'\]: 'today' is not a 'date-time'",
    ),
    "error body": (
        GET_ONE,
        httpx.Response(404, json={"error": {"message": "none"}}),
        r"body\['error'\]: 'code' is a required",
    ),
    "content type": (GET_ONE, httpx.Response(404, text="none"), "mimetype not found: text/plain"),
    "count": (COUNT, httpx.Response(200, text="many"), "Failed to deserialize"),
    "undeclared body": (SAVE_METRICS, httpx.Response(204, json={}), "a body where none is declared"),
}


@pytest.mark.parametrize(("asked", "unfit", "violation"), **cases(UNFIT_RESPONSES))
def test_unfit_response_is_refused(description, asked, unfit, violation):
    """An answer that the description does not allow is refused, with the violation."""
    with pytest.raises(AssertionError, match=violation):
        description.check_response(asked, unfit)


def test_exceptions_have_reasons_and_stay_few():
    """Only what stands before AI Core may answer anywhere; each exception says why it is one."""
    assert all(rule.reason for rule in UNDECLARED)
    anywhere = {status for rule in UNDECLARED if rule.operation_id is None for status in rule.statuses}
    assert anywhere == {401, 403, 429, *range(500, 600)}
