"""What the contract tests share."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from airflow_provider_aicore.emulator import Emulator, Options, Progress
from airflow_provider_aicore.emulator.server import EmulatorServer
from tests.conftest import Clock
from tests.contract.judged import Judged
from tests.contract.openapi import Description
from tests.contract.targets import Target, tenant, tenant_is_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def description() -> Description:
    """Give the vendor's OpenAPI description; it is no part of this repository."""
    path = os.environ.get("AICORE_OPENAPI")
    if not path or not Path(path).is_file():
        pytest.skip(
            "AICORE_OPENAPI names no file: set it to version 2.42.0 of the vendor's OpenAPI description of "
            "AI Core, published in the public repository SAP/ai-sdk-js under packages/ai-api/src/spec"
        )
    return Description(path)


@pytest.fixture(scope="session")
def serve(service_key) -> Iterator[Callable[[Options], Target]]:
    """Give a function that gives the emulator with these options that listens: one for all tests.

    Their things pile up in it, as they would in a tenant; and ending one takes long.
    """
    served: dict[Options, Target] = {}
    with ExitStack() as stack:

        def serve(options: Options) -> Target:
            if options not in served:
                server = stack.enter_context(
                    EmulatorServer(now=Clock().now, service_key=service_key, options=options)
                )
                served[options] = Target.of(
                    server.emulator, lambda: httpx.Client(trust_env=False, verify=False, timeout=90)
                )
            return served[options]

        yield serve


@pytest.fixture(scope="session")
def named_tenant() -> Target:
    """Give the tenant that the environment names."""
    return tenant()


@pytest.fixture(params=["in process", "over TCP", *(["tenant"] if tenant_is_named() else [])])
def target(request, clock, service_key, serve, emulator_options) -> Iterator[Target]:
    """Give each target in turn, so that one suite holds for all of them."""
    if request.param == "in process":
        with Emulator(now=clock.now, service_key=service_key, options=emulator_options) as emulator:
            yield Target.of(emulator, lambda: httpx.Client(transport=emulator.transport()))
    elif request.param == "over TCP":
        yield serve(emulator_options)
    else:
        yield request.getfixturevalue("named_tenant")


@pytest.fixture
def emulator(target: Target) -> Emulator:
    """Give the emulator behind the target, for what can only be staged there, or would stay in a tenant.

    Scripts, the clock, lines of a log; and things that are created. A test that asks for it spares a tenant.
    """
    if target.emulator is None:
        pytest.skip("it is staged in the emulator, or would leave things behind in a tenant")
    target.emulator.script(target.executable_id, Progress.by_reads())
    return target.emulator


@pytest.fixture
def area() -> str:
    """Give what the paths of `judged` are below, after ``/v2``."""
    return "/lm"


@pytest.fixture
def judged(description, target, area) -> Iterator[Judged]:
    """Give a client of the target whose answers are judged."""
    with target.connect() as http:
        yield Judged(target, http, description, area)
