"""An event loop that is watched, as Airflow's triggerer watches its own."""

from __future__ import annotations

import asyncio
import builtins
import gc
import io
import json
import re
import socket
import time
import timeit

import airflow.sdk.execution_time.supervisor  # noqa: F401  # Every triggerer has it.
import httpx
import pytest

from tests import turned_loop

_TIMES = 3
_SLOW = 0.05
"""Seconds that a step may take on a machine that needs _QUICK for the fixed work of :func:`_slowness`."""
_QUICK = 0.005
_NAME = re.compile(r"coro=<[^ >]+|<\w+ (?!.*coro=)[^ >]+")
"""What asyncio's words on a step have that is the same in each run: of a task the coroutine's name."""


def _slowness() -> float:
    """Say how many times longer all takes than where the bound holds."""
    text = json.dumps([{"msg": f"line {number}", "pod": "e1"} for number in range(3000)])
    needed = min(timeit.repeat(lambda: json.loads(text), time.thread_time, number=1, repeat=5))
    return max(1.0, needed / _QUICK)


class _WorkingLoop(turned_loop.TurnedLoop):
    """Its time also passes while it works: as CPU time, which a busy machine does not stretch."""

    def time(self):
        return super().time() + time.thread_time()


@pytest.fixture
def _no_garbage():
    """Leave out the garbage collector's rounds, which take long for what other tests have left."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def waits_outside(monkeypatch):
    """Return the calls within an event loop that wait for a clock, a disk or a network, at no CPU."""
    seen = []

    def watch(owner, name):
        call = getattr(owner, name)

        def watched(*arguments, **options):
            if asyncio._get_running_loop() is not None:
                seen.append(f"{name}{arguments[:2]}")
            return call(*arguments, **options)

        monkeypatch.setattr(owner, name, watched)

    watch(time, "sleep")
    watch(builtins, "open")
    watch(io, "open")
    watch(socket, "getaddrinfo")
    watch(socket.socket, "connect")
    return seen


@pytest.fixture
def run_watched(clock, caplog, network, monkeypatch, waits_outside, _no_garbage):
    """Return what runs a coroutine, and gives its result, its calls that block, its steps of over 0.05 s.

    It is given what makes the coroutine. Where there was such a step it is run again, twice at most: the CPU
    clock counts what a virtual machine waits for its host, too, for memory above all; that hits any step, and
    a slow one is slow each time. On a machine that is slow on the whole a step may take longer.
    """

    async def answer(_transport, request):
        await request.aread()
        # The emulator's work is none of the triggers': elsewhere it is another process.
        return await asyncio.to_thread(network.handle, request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer)

    def run_watched(make):
        slow: dict[str, str] = {}
        for run in range(_TIMES):
            caplog.clear()
            main = make()
            with asyncio.Runner(debug=True, loop_factory=lambda: _WorkingLoop(clock)) as runner:
                runner.get_loop().slow_callback_duration = _SLOW * _slowness()
                result = runner.run(main)
            told = [record.getMessage() for record in caplog.records if record.name == "asyncio"]
            steps = {name[0] if (name := _NAME.search(text)) else text: text for text in told}
            slow = steps if run == 0 else {name: steps[name] for name in slow.keys() & steps.keys()}
            if waits_outside or not slow:
                break
        return result, [*waits_outside, *slow.values()]

    return run_watched
