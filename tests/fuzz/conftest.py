"""A test that asks for an `operation` gets each operation of the vendor's description."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemathesis
from schemathesis.core.result import Ok

from tests.contract.openapi import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from schemathesis.schemas import APIOperation


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test for each operation; without the description it is skipped, `tests/contract` says why."""
    if "operation" in metafunc.fixturenames:
        found = {operation.label: operation for operation in _operations()}
        metafunc.parametrize("operation", found.values(), ids=found.keys())


def _operations() -> Iterator[APIOperation[Any, Any, Any, Any]]:
    path = os.environ.get("AICORE_OPENAPI")
    if path and Path(path).is_file():
        for found in schemathesis.openapi.from_dict(_without_headers(load(path))).get_all_operations():
            assert isinstance(found, Ok)
            yield found.ok()


def _without_headers(description: dict[str, Any]) -> dict[str, Any]:
    """Leave out the headers: token, resource group and scope have tests in tests/contract/emulator."""
    shared = description["components"]["parameters"]

    def in_header(parameter: dict[str, str]) -> bool:
        return bool(shared.get(parameter.get("$ref", "").rpartition("/")[2], parameter)["in"] == "header")

    for path in description["paths"].values():
        for holder in (path, *(each for each in path.values() if isinstance(each, dict))):
            parameters = holder.get("parameters", [])
            holder["parameters"] = [each for each in parameters if not in_header(each)]
    return description
