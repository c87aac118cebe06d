"""An AI Core whose clock is turned by hand, so that days of an execution schedule pass within seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from demo.emulator_process import EmulatorProcess

HOUR = 3600
OPTIONS = ("--clock", "manual", "--option", "schedule_jitter=0")


def write_scripts(file: Path, outcomes: dict[str, Sequence[str]]) -> None:
    """Say how the executions of each executable end, one after the other."""
    scripts = [
        {
            "executable_id": executable_id,
            "scenario_id": "scheduled",
            "output_artifacts": {"model": "model"},
            "progress": [
                {"way": "by_clock", "unknown": 5, "pending": 5, "running": 300, "outcome": outcome}
                for outcome in ends
            ],
        }
        for executable_id, ends in outcomes.items()
    ]
    file.write_text(json.dumps(scripts))


@dataclass(frozen=True)
class Scheduled:
    """An execution schedule that starts an execution every hour.

    :param name: the schedule's.
    :param executable_id: what it starts.
    """

    emulator: EmulatorProcess
    name: str
    executable_id: str

    def create(self) -> None:
        """Make the schedule and what it starts."""
        names = {"name": self.name, "executableId": self.executable_id, "scenarioId": "scheduled"}
        configuration_id = self._send("POST", "/lm/configurations", names)["id"]
        schedule = {"name": self.name, "cron": "0 * * * *", "configurationId": configuration_id}
        self._send("POST", "/lm/executionSchedules", schedule)

    def let_pass(self, hours: int) -> None:
        """Let hours pass: in each an execution starts, measures how good its model is, and ends.

        :param hours: less than half a day, which is how long a token lasts.
        """
        self.emulator.http.headers["Authorization"] = f"Bearer {self.emulator.token()}"
        for _ in range(hours):
            now = self._control("GET", "clock")["seconds"]
            self._control("POST", "clock", {"seconds": HOUR - now % HOUR + 60})
            executions = self.emulator.executions(self.executable_id)
            running = [each["id"] for each in executions if each["status"] == "RUNNING"]
            for execution_id in running:
                self._measure(execution_id, len(executions))
            self._control("POST", "clock", {"seconds": 600})

    def completed(self) -> dict[str, dict[str, Any]]:
        """Read what AI Core has of the executions that have COMPLETED, by id."""
        executions = self.emulator.executions(self.executable_id)
        ids = [each["id"] for each in executions if each["status"] == "COMPLETED"]
        return {each: self.emulator.execution(each) for each in ids}

    def looks(self) -> int:
        """Count how often somebody has listed what this or another schedule has completed."""
        requests = self._control("GET", "requests")["requests"]
        return sum(each["query"].get("status") == "COMPLETED" for each in requests)

    def _measure(self, execution_id: str, count: int) -> None:
        points = [
            {"name": "accuracy", "value": value, "step": step, "timestamp": f"2027-01-15T08:00:0{step}Z"}
            for step, value in enumerate((0.1, count / 100))
        ]
        self._send("PATCH", "/lm/metrics", {"executionId": execution_id, "metrics": points})

    def _send(self, method: str, path: str, body: Any) -> Any:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        content = json.dumps(body)
        headers = {"Content-Type": kind}
        answer = self.emulator.http.request(method, path, content=content, headers=headers)
        return answer.raise_for_status().json() if answer.content else None

    def _control(self, method: str, name: str, body: Any = None) -> Any:
        url = f"{self.emulator.url}/emulator/{name}"
        answer = httpx.request(method, url, json=body, trust_env=False, timeout=90)
        return answer.raise_for_status().json()
