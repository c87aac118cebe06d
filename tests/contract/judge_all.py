"""A pytest plugin that has each answer of each emulator in this process judged.

Use it with ``python -m pytest -p tests.contract.judge_all``. What a fault spoils on purpose is judged
before that. An answer that does not fit fails its test when that ends: raised on the spot, it could pass for
something that the tested code has to cope with.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from airflow_provider_aicore.emulator.gateway import Gateway
from tests.contract.openapi import Description

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aicore.emulator import Options

OTHER_PATHS = {"/oauth/token", "/api/v1/metrics", "/v2/lm/meta/versions", "/v2/lm/healthz"}
"""The identity service, what pods call, and what the vendor's SDK calls and its description leaves out."""
REFUSALS_OF_WHAT_IS_NOT_THERE = {401, 403, 404, 405}
LONG = {"resources", "result"}
"""What holds the items of a list, and the lines of a log."""
MOST_ITEMS = 250
"""Of a longer one at most so many are judged, spread over it: to judge one takes longer than to answer it."""
_SHORT = 10_000
"""Bytes of a body in which no list is that long."""


class Judge:
    """Stands between the gateways of all emulators and whoever asks them."""

    def __init__(self, description: Description, tell: Callable[[str], object] | None = None) -> None:
        self._description = description
        self.violations: list[str] = []
        self._tell = tell or self._keep
        self._judged = 0
        self._fitting: set[int] = set()
        """Answers that fit; most looks at AI Core bring the same as the look before."""

    def judge(self, request: httpx.Request, response: httpx.Response, options: Options) -> None:
        """Keep in mind what does not fit.

        :param options: of the emulator that answers.
        """
        self._judged += 1
        answer = _identity(request, response, options)
        if answer in self._fitting:
            return
        what = f"{request.method} {request.url.path} was answered with {response.status_code}"
        try:
            # Later a fault may make it one; of itself an emulator is never in trouble.
            assert response.status_code < 500, f"{what}: {response.text}"
            if self._description.has(request):
                nulls = options.null_fields
                self._description.check_response(request, _thinned(response), nulls_count_as_absent=nulls)
            elif request.url.path not in OTHER_PATHS:
                assert response.status_code in REFUSALS_OF_WHAT_IS_NOT_THERE, f"{what}: it is not described"
        except AssertionError as violation:
            self._tell(str(violation))
        else:
            self._fitting.add(answer)

    def _keep(self, violation: str) -> None:
        self.violations.append(violation)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Fail the test with what does not fit, unless it says that this is what it is about."""
        yield
        violations, self.violations = self.violations, []
        assert not violations or item.get_closest_marker("not_as_described"), "\n".join(violations)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how much has been judged."""
        terminalreporter.write_line(f"{self._judged} answers of emulators were judged by the description")


def _identity(request: httpx.Request, response: httpx.Response, options: Options) -> int:
    """Tell answers apart by all that is judged, which the time of day is not."""
    headers = [header for header in response.headers.items() if header[0] != "date"]
    return hash((request.method, request.url, response.status_code, *headers, response.content, options))


def _thinned(response: httpx.Response) -> httpx.Response:
    """Leave out what is too much of long lists."""
    if len(response.content) < _SHORT or response.headers.get("Content-Type") != "application/json":
        return response
    try:
        thin = json.dumps(_some(response.json()))
    except ValueError:  # Whoever judges it will say so.
        return response
    return httpx.Response(response.status_code, headers=response.headers, content=thin)


def _some(value: Any) -> Any:
    """Thin the lists that are long by their nature; how long others may be is described."""
    if not isinstance(value, dict):
        return value
    return {
        name: each[:: -(-len(each) // MOST_ITEMS) or 1]
        if name in LONG and isinstance(each, list)
        else _some(each)
        for name, each in value.items()
    }


def hear_all(judge: Judge) -> None:
    """Bring each answer of each emulator in this process before the judge, from now on."""
    answer = Gateway.answer

    def judged(gateway: Gateway, request: httpx.Request) -> httpx.Response:
        response = answer(gateway, request)
        judge.judge(request, response, gateway._tenant.options)
        return response

    Gateway.answer = judged  # type: ignore[assignment, method-assign]


def pytest_configure(config: pytest.Config) -> None:
    """Judge from now on if there is the description, which is no part of this repository."""
    description = the_description()
    if description is not None:
        judge = Judge(description)
        hear_all(judge)
        config.pluginmanager.register(judge)


def the_description() -> Description | None:
    """Read the description, if there is one."""
    path = os.environ.get("AICORE_OPENAPI")
    return Description(path) if path and Path(path).is_file() else None
