"""A program: the emulator on loopback, with executions that end when they are told to.

A line of JSON in, a line of JSON out: ``{"number": …, "ending": …, "first": …, "last": …}`` starts so many
executions, of which some end one after the other, between so many seconds from now; the others never do.
``{"history": n}`` leaves so many that have ended behind.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import httpx

from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.emulator.server import EmulatorServer

AGE = 7200.0
"""Seconds for which they seem to have been running: nothing is looked at early because it is young."""


def configuration(server: EmulatorServer) -> Any:
    """Make a configuration, and give it as the emulator has it."""
    server.emulator.add_executable("text-clf", "text-clf-train")
    key = server.emulator.service_key
    with httpx.Client(trust_env=False) as http:
        token = http.post(
            f"{key['url']}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(key["clientid"], key["clientsecret"]),
        ).json()["access_token"]
        body = {"name": "train", "executableId": "text-clf-train", "scenarioId": "text-clf"}
        headers = {"Authorization": f"Bearer {token}", "AI-Resource-Group": "default"}
        http.post(f"{server.url}/v2/lm/configurations", json=body, headers=headers).raise_for_status()
    return next(iter(server.emulator.state.groups["default"].configurations.values()))


def start(server: EmulatorServer, made: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Start what is ordered; give ids, and when each one ends."""
    emulator, now = server.emulator, time.time()
    group = emulator.state.groups["default"]
    if "history" in order:
        emulator.script("text-clf-train", Progress.at_once())
        for _ in range(0, order["history"], 1000):
            with emulator.state.lock:
                for _ in range(1000):
                    emulator.state.start(group, made)
            emulator.statuses()
        return {}
    step = (order["last"] - order["first"]) / order["ending"]
    ends = [now + order["first"] + step * each for each in range(order["ending"])]
    ids = []
    for end in [*ends, *[math.inf] * (order["number"] - order["ending"])]:
        running = min(AGE + end - now, 1e9)
        with emulator.state.lock:
            emulator.script("text-clf-train", Progress.by_clock(unknown=0.0, pending=0.0, running=running))
            ids.append(emulator.state.start(group, made, at=now - AGE).id)
    emulator.statuses()
    return {"ids": ids, "ends": ends}


def main() -> None:
    """Serve until the input ends."""
    with EmulatorServer(kept_requests=0) as server:
        made = configuration(server)
        print(json.dumps({"url": server.url, "service_key": server.emulator.service_key}), flush=True)
        for line in sys.stdin:
            print(json.dumps(start(server, made, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
