"""What waiting costs: the shared poll beside the patterns of other providers, against the same emulator.

Each pattern waits in a process of its own, the emulator listens in another one, on loopback without TLS. The
figures of the others are kind to them: they have a token, set TLS up once, and read no more than the status.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent / "waits"
INTERVALS = {100: 6.0, 1000: 6.0, 10_000: 20.0}
"""Seconds between two looks, by the number of waits: the others could not look ten thousand times in six."""
ENDINGS = 200
OTHERS = ("one session", "client per wait", "client per poll")

REQUESTS_BUDGET = 10
"""Requests for ten thousand waits in an interval."""
MEMORY_BUDGET = 20e6
"""Bytes that ten thousand waits may take more than as many tasks that sleep: a trigger is one anyway."""
STEP_BUDGET = 0.1
"""CPU seconds of the longest step of the event loop."""
CPU_RATIO = 50
"""Times the CPU of ours that the best of the others needs for ten thousand."""
LATE_BUDGET = 2.0
"""Seconds over an interval."""

figures: dict[tuple[str, int, int], dict[str, float]] = {}


class Place:
    """The emulator as a process, and its executions."""

    def __init__(self, history: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ready = self._read()
        if history:
            self.tell({"history": history})

    def tell(self, order):
        """Have something done."""
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return self._read()

    def _read(self):
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def order(self, pattern, number):
        """Start executions, and say how to wait for them: nothing ends while it is measured."""
        begin, interval = time.time(), INTERVALS[number]
        setting_up = 5 + number / 500
        first = setting_up + 4.2 * interval
        ending = min(number - 1, ENDINGS)
        started = self.tell(
            {"number": number, "ending": ending, "first": first, "last": first + 2 * interval}
        )
        key = self.ready["service_key"]
        credentials = (key["clientid"], key["clientsecret"])
        form = {"grant_type": "client_credentials"}
        token = httpx.post(f"{key['url']}/oauth/token", data=form, auth=credentials, trust_env=False).json()
        headers = {"Authorization": f"Bearer {token['access_token']}", "AI-Resource-Group": "default"}
        return {
            **self.ready,
            **started,
            "headers": headers,
            "pattern": pattern,
            "interval": interval,
            "setting_up": interval + number / 1000,
            "from": begin + setting_up + 2 * interval,
            "until": begin + setting_up + 4 * interval,
        }

    def close(self):
        """End it."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def measured(pattern, number, history=0):
    """Give the figures of a pattern; measured once."""
    key = (pattern, number, history)
    if key not in figures:
        place = Place(history)
        try:
            done = subprocess.run(
                [sys.executable, HERE / "client.py"],
                input=json.dumps(place.order(pattern, number)) + "\n",
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        finally:
            place.close()
        figure = json.loads(done.stdout)
        if pattern in OTHERS and figure["requests"]:
            # One that cannot keep up looks less often; what counts is what it takes to look at each one.
            figure["cpu"] *= number / figure["requests"]
        figures[key] = figure
    return figures[key]


def row(name, number, figure, than):
    """Write figures as ratios to another's, and what is counted as it is."""
    interval = INTERVALS[number]
    return (
        f"{name:16} {figure['requests']:8.0f} {figure['cpu'] / than['cpu']:9.1f} x "
        f"{figure['memory'] / 1e6:7.1f} MB {figure['sockets']:6} "
        f"{figure['late_p50'] / interval:7.2f} {figure['late_p99'] / interval:7.2f} "
        f"{figure['longest_step'] * 1e3:8.0f} ms"
    )


@pytest.mark.parametrize("number", INTERVALS)
def test_cost_beside_the_others(number, capsys):
    """Requests, CPU, memory, sockets, lateness and the longest step, for each pattern that can do it."""
    by_pattern = {each: measured(each, number) for each in ("ours", *OTHERS, "asleep")}
    with capsys.disabled():
        print(
            f"\n{number} waits   requests per interval, CPU, memory, sockets, "
            "ends seen late (intervals: median, 99 %), longest step"
        )
        for name, figure in by_pattern.items():
            print(row(name, number, figure, by_pattern["ours"]))
    for figure in by_pattern.values():
        assert figure["woken"] == min(number - 1, ENDINGS)


def test_ten_thousand_are_cheap():
    """Ten requests per interval, a fiftieth of the best other's CPU, 20 MB, a loop that is never blocked."""
    ours = measured("ours", 10_000)

    assert ours["requests"] <= REQUESTS_BUDGET
    assert ours["cpu"] <= min(measured(each, 10_000)["cpu"] for each in OTHERS) / CPU_RATIO
    assert ours["memory"] - measured("asleep", 10_000)["memory"] <= MEMORY_BUDGET
    assert ours["longest_step"] <= STEP_BUDGET
    assert ours["tokens"] == 1


@pytest.mark.parametrize("number", INTERVALS)
def test_each_end_is_seen_in_time(number):
    """Within an interval and two seconds, each once."""
    ours = measured("ours", number)

    assert ours["late_worst"] <= INTERVALS[number] + LATE_BUDGET
    assert ours["woken"] == min(number - 1, ENDINGS)
    assert ours["lost"] == ours["woken_in_vain"] == 0


def test_ten_times_the_waits_are_not_ten_times_the_cost():
    """From a thousand to ten thousand: twice the requests, twelve times the CPU."""
    few, many = measured("ours", 1000), measured("ours", 10_000)

    assert many["requests"] <= 2 * few["requests"]
    assert many["cpu"] <= 12 * few["cpu"]


@pytest.mark.parametrize("number", [1000, 10_000])
def test_history_does_not_matter(number, capsys):
    """A hundred thousand executions that have ended cost a factor of two at most."""
    without, with_history = measured("ours", number), measured("ours", number, 100_000)
    with capsys.disabled():
        print(f"\n{number} waits, beside 100 000 that have ended")
        print(row("ours", number, with_history, without))

    assert with_history["requests"] <= 2 * without["requests"]
    assert with_history["cpu"] <= 2 * without["cpu"]
    assert with_history["memory"] <= 2 * without["memory"]
    assert with_history["late_worst"] <= INTERVALS[number] + LATE_BUDGET
