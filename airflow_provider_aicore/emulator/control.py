"""The control path ``/emulator``: trouble, scripts, the clock and what was asked, changed at run time.

No part of AI Core. It asks for no token, so it must be out of reach of web pages: the server refuses host
names that are not its own, and whatever changes something needs a JSON body or a method that no form has. A
browser asks about those first (``OPTIONS``), and is refused.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import Field, TypeAdapter

from airflow_provider_aicore.emulator import fault_rules, scripts
from airflow_provider_aicore.emulator.clock import ManualClock
from airflow_provider_aicore.emulator.emulator import Emulator
from airflow_provider_aicore.emulator.entries import Entry, EntryError, parse

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/emulator"
_JSON = "application/json"


class Turn(Entry):
    """How far the clock is turned on.

    :param seconds: forward only.
    """

    seconds: float = Field(ge=0, le=1e9)


_TURN = TypeAdapter(Turn)


class Control:
    """Answers the requests below `PATH`.

    :param emulator: what they are about.
    :param clock: the emulator's clock, if it can be turned.
    """

    def __init__(self, emulator: Emulator, clock: ManualClock | None = None) -> None:
        self._emulator = emulator
        self._clock = clock
        self._operations: dict[tuple[str, str], Callable[[Any], tuple[int, Any]]] = {
            ("GET", "faults"): lambda _: (200, self._faults()),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "scripts"): self._add_scripts,
            ("GET", "requests"): lambda _: (200, {"requests": [asdict(each) for each in emulator.requests]}),
            ("DELETE", "requests"): self._forget_requests,
            ("GET", "statuses"): lambda _: (200, self._statuses()),
            ("GET", "clock"): lambda _: (200, self._time()),
            ("POST", "clock"): self._turn,
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; a refusal is ``{"error": <one line>}``."""
        name = request.url.path.removeprefix(f"{PATH}/")
        operation = self._operations.get((request.method, name))
        if operation is None:
            there = ", ".join(f"{method} {PATH}/{name}" for method, name in self._operations)
            return _refusal(404, f"{request.method} {request.url.path} is not there; there is {there}")
        if request.method == "POST" and request.headers.get("content-type", "").split(";")[0] != _JSON:
            return _refusal(415, f"Content-Type: {_JSON} is required, so that no web page can post here")
        try:
            body = json.loads(request.content) if request.method == "POST" else None
        except (ValueError, RecursionError):
            return _refusal(400, "The body is not JSON")
        try:
            status, answer = operation(body)
        except EntryError as error:
            return _refusal(400, str(error))
        return httpx.Response(status) if answer is None else httpx.Response(status, json=answer)

    def _faults(self) -> dict[str, Any]:
        return {
            "faults": [
                {
                    "fault": repr(rule.fault),
                    "method": rule.method,
                    "path": rule.path.pattern,
                    "nth": rule.nth,
                    "times": rule.times,
                    "matched": rule.matched,
                }
                for rule in self._emulator.faults.rules
            ]
        }

    def _add_faults(self, body: Any) -> tuple[int, Any]:
        rules = parse(fault_rules.RULE, body, "faults")
        fault_rules.add(rules, self._emulator.faults, self._emulator.state.now)
        return 201, self._faults()

    def _clear_faults(self, _body: Any) -> tuple[int, Any]:
        self._emulator.faults.clear()
        return 204, None

    def _forget_requests(self, _body: Any) -> tuple[int, Any]:
        self._emulator.requests.clear()
        return 204, None

    def _add_scripts(self, body: Any) -> tuple[int, Any]:
        told = parse(scripts.SCRIPT, body, "scripts")
        with self._emulator.state.lock:
            scripts.follow(told, self._emulator)
        return 204, None

    def _statuses(self) -> dict[str, dict[str, str]]:
        with self._emulator.state.lock:
            return {group: self._emulator.statuses(group) for group in self._emulator.state.groups}

    def _time(self) -> dict[str, Any]:
        return {"seconds": self._emulator.state.now(), "manual": self._clock is not None}

    def _turn(self, body: Any) -> tuple[int, Any]:
        if self._clock is None:
            raise EntryError("The clock is the real one; start the emulator with --clock manual to turn it")
        for turn in parse(_TURN, body, "clock"):
            self._clock.move(turn.seconds)
        return 200, self._time()


def _refusal(status: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"error": message})
