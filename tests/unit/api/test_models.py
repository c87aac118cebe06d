"""How answers are read, and how errors survive."""

from __future__ import annotations

import pickle
import unittest

import httpx
import pytest

from airflow_provider_aicore.api import errors, executions, lifecycle, metrics
from airflow_provider_aicore.api.models import ExecutionMetrics, ExecutionSchedule, ExecutionStatus, Meta

EXECUTION = {
    "id": "e3bd55ad2c1a3f62",
    "configurationId": "47b3eed9-0000",
    "status": "RUNNING",
    "createdAt": "2024-09-09T19:09:57Z",
    "modifiedAt": "2024-09-09T19:11:17Z",
}


def _read(body, **headers):
    request = httpx.Request("GET", "https://api.example/v2/lm/executions/e3bd")
    answer = httpx.Response(200, json=body, headers=headers, request=request)
    return executions.get("e3bd").parse(answer)


@pytest.mark.parametrize(
    "optional",
    ["statusMessage", "outputArtifacts", "startTime", "statusDetails", "targetStatus", "executionScheduleId"],
)
def test_an_optional_field_may_be_missing_or_null(optional):
    """AI Core leaves optional fields out, or sends null."""
    assert _read(EXECUTION) == _read({**EXECUTION, optional: None})


def test_an_execution_names_the_request_that_told_it():
    """It says the same as another in which nothing but that differs."""
    first, second = (_read(EXECUTION, **{"X-Request-Id": name}) for name in ("r1", "r2"))

    assert (first.request_id, second.request_id, _read(EXECUTION).request_id) == ("r1", "r2", None)
    assert first == second != _read({**EXECUTION, "status": "DEAD"}, **{"X-Request-Id": "r2"})


def test_unknown_fields_are_kept():
    """What AI Core adds between releases can be read by whoever knows it."""
    assert _read({**EXECUTION, "progress": {"percent": 40}}).model_extra == {"progress": {"percent": 40}}


@pytest.mark.parametrize(
    ("ai_api", "hours"),
    [
        ({"limits": {"minimumFrequencyHour": 2}}, 2.0),
        ({"limits": {"minimumFrequencyHour": 0.5}}, 0.5),
        ({"limits": {"minimumFrequencyHour": -1}}, 0.0),
        ({"limits": {"minimumFrequencyHour": "often"}}, 1.0),
        ({"limits": None}, 1.0),
        ({}, 1.0),
    ],
    ids=repr,
)
def test_the_minimum_between_scheduled_executions_is_an_hour_unless_told(ai_api, hours):
    """The description lacks the field, so that it may be missing; -1 is no limit, as elsewhere in it."""
    assert Meta.model_validate({"aiApi": ai_api}).minimum_schedule_hours == hours


def test_a_schedule_may_lack_all_but_what_is_required():
    """Even its id and status are optional in the description."""
    body = {
        "configurationId": "47b3eed9-0000",
        "cron": "0 * * * *",
        "name": "hourly",
        "createdAt": "2024-09-09T19:09:57Z",
        "modifiedAt": "2024-09-09T19:11:17Z",
    }
    schedule = ExecutionSchedule.model_validate(body)

    assert schedule == ExecutionSchedule.model_validate(
        {**body, "id": None, "status": None, "start": None, "end": None}
    )
    assert schedule.id == ""


def test_an_unknown_status_counts_as_unknown():
    """A status that AI Core adds one day does not end a wait, and is told: once, so no other test has it."""
    with unittest.TestCase().assertLogs("airflow_provider_aicore", "WARNING") as told:
        execution = _read({**EXECUTION, "status": "DREAMING"})

    assert execution.status is ExecutionStatus.UNKNOWN
    assert lifecycle.outcome(execution.status) is None
    assert "DREAMING" in told.output[0]


def test_only_three_statuses_end_a_wait():
    """COMPLETED, DEAD and STOPPED are the ends; each has its own outcome."""
    ends = {status.value: lifecycle.outcome(status) for status in ExecutionStatus}

    assert {status: end.value for status, end in ends.items() if end} == {
        "COMPLETED": "succeeded",
        "DEAD": "failed",
        "STOPPED": "stopped",
    }


def test_what_has_not_begun_or_has_ended_can_be_deleted():
    """AI Core refuses to delete what is under way."""
    deletable = {status.value for status in ExecutionStatus if lifecycle.can_be_deleted(status)}

    assert deletable == {"UNKNOWN", "COMPLETED", "DEAD", "STOPPED"}


def test_the_last_value_of_a_metric_is_that_of_the_highest_step():
    """Metrics may come in any order; among equal steps the later one counts."""
    written = ExecutionMetrics.model_validate(
        {
            "executionId": "e123",
            "metrics": [
                {"name": "loss", "value": 0.2, "step": 2},
                {"name": "loss", "value": 0.9, "step": 1},
                {"name": "accuracy", "value": 0.5},
                {"name": "accuracy", "value": 0.6},
            ],
        }
    )

    assert metrics.last_values(written) == {"loss": 0.2, "accuracy": 0.6}
    assert metrics.last_values(None) == {}


def _all_errors():
    request = httpx.Request(
        "POST", "https://api.example/v2/lm/executions", headers={"AI-Resource-Group": "team-a"}
    )
    body = {
        "error": {"code": "01010076", "message": "no", "requestId": "r-1", "target": "t", "details": {"a": 1}}
    }
    for status in (400, 403, 404, 409, 412, 429, 503):
        yield errors.status_error(httpx.Response(status, json=body, request=request))
    lost = httpx.ReadTimeout("slow", request=request)
    yield errors.connection_error(lost, may_have_taken_effect=True)
    yield errors.unexpected_response(httpx.Response(200, text="<html>", request=request), "it is not JSON")
    yield errors.InvalidServiceKeyError("bad")
    yield errors.AuthenticationError("bad")
    yield errors.TokenRefusedError("bad")
    yield errors.APIConnectionError("lost")


@pytest.mark.parametrize("error", list(_all_errors()), ids=lambda error: type(error).__name__)
def test_every_error_survives_pickling(error):
    """Airflow sends exceptions between processes, with all that they carry."""
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def _tree(cls):
    yield from (cls, *(each for child in cls.__subclasses__() for each in _tree(child)))


def test_each_error_is_pickled_and_judged():
    """An error that is added is among those above, too."""
    assert {type(error) for error in _all_errors()} == set(_tree(errors.AICoreError)) - {errors.AICoreError}


def test_only_what_someone_has_to_mend_does_not_heal():
    """Bad input and refused credentials stay as they are; trouble, also with a token, passes."""
    final = {type(error).__name__ for error in _all_errors() if not errors.may_heal(error)}

    assert final == {
        "InvalidServiceKeyError",
        "AuthenticationError",
        "BadRequestError",
        "PermissionDeniedError",
        "NotFoundError",
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"json": {"error": {"code": "05011000", "message": "gone", "request_id": "r-2"}}},
            "code 05011000: gone",
        ),
        (
            {"json": {"error": {"code": "1", "message": "m", "details": [{"code": "2", "message": "x"}]}}},
            'code 1: m. Details: [{"code": "2", "message": "x"}].',
        ),
        (
            {"json": {"error": "unauthorized", "error_description": "Bad credentials"}},
            "unauthorized: Bad credentials",
        ),
        ({"text": "RBAC: access denied"}, "RBAC: access denied"),
        ({"text": ""}, "400 Bad Request."),
    ],
)
def test_a_refusal_is_read_from_every_known_body(body, said):
    """AI Core's object, the identity service's string and the gateway's text all reach the message."""
    request = httpx.Request("GET", "https://api.example/v2/lm/executions")
    response = httpx.Response(400, request=request, headers={"x-request-id": "r-2"}, **body)

    assert said in str(errors.status_error(response))
    assert errors.status_error(response).request_id == "r-2"
