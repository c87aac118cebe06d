"""Whatever the description lets in or keeps out, the emulator answers as the description says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from airflow_provider_aicore.emulator.routes.admin import table as admin
from airflow_provider_aicore.emulator.routes.table import ROUTES
from tests.contract.openapi import OF_OPERATIONS
from tests.fuzz.world import World

if TYPE_CHECKING:
    from schemathesis import Case

EXAMPLES = int(os.environ.get("AICORE_FUZZ_EXAMPLES", "6"))
"""Requests for each operation, of data that fits the description and as many of data that does not."""

NOT_THERE = ("/analytics/",)
"""Where the paths of those operations begin that the emulator does not have."""


def _is_there(operation) -> bool:
    return not operation.path.startswith(NOT_THERE)


def test_each_operation_of_the_description_is_there_or_known_to_be_missing(operation):
    """A list names what is missing, and it shrinks when something is added."""
    there = (operation.method.upper(), operation.path) in {
        (route.method, f"{route.area}{route.path}") for route in (*ROUTES, *admin.ROUTES)
    }
    assert there == _is_there(operation)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_answers_fit_the_description(operation, mode):
    """Status, headers and body are described, and what the description does not let in is refused."""
    if not _is_there(operation):
        return
    world = World()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(case=operation.as_strategy(mode), data=st.data())
    def probe(case: Case[Any], data: st.DataObject) -> None:
        _lead_somewhere(case, world.ids, data)
        answer = world.send(case)
        checks: list[Any] = [not_a_server_error]
        operation_id = operation.definition.raw["operationId"]
        if not any(rule.covers(answer.status_code, operation_id) for rule in OF_OPERATIONS):
            # SAP's clients send null for what is optional, which the description does not let in.
            checks += [] if _has_null(case.body) else [negative_data_rejection]
            checks += [
                status_code_conformance,
                content_type_conformance,
                response_headers_conformance,
                response_schema_conformance,
            ]
        case.validate_response(answer, checks=checks)

    try:
        probe()
    except Unsatisfiable:
        if mode.is_positive:
            raise  # An operation that takes no input has none that is bad.


def _has_null(body: Any) -> bool:
    if isinstance(body, dict):
        return any(_has_null(each) for each in body.values())
    return any(_has_null(each) for each in body) if isinstance(body, list) else body is None


def _lead_somewhere(case: Case[Any], ids: dict[str, list[str]], data: st.DataObject) -> None:
    """Put ids in that exist, three times out of four, where the data are as the description wants them."""
    assert case.meta is not None
    parts: dict[ParameterLocation, Any] = {
        ParameterLocation.PATH: case.path_parameters,
        ParameterLocation.QUERY: case.query,
        ParameterLocation.BODY: case.body,
    }
    for location, part in parts.items():
        made = case.meta.components.get(location)
        if made is None or made.mode.is_negative or not isinstance(part, dict):
            continue
        for name in set(part) & set(ids):
            if isinstance(part[name], str) and data.draw(st.integers(0, 3)):
                part[name] = data.draw(st.sampled_from(ids[name]))
