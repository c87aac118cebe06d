"""A program with a folder for its state, clients that write, kills, and what is found after them."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx

from airflow_provider_aicore.emulator import Emulator, Progress
from tests.contract.judged_program import JUDGED_PROGRAM
from tests.emulators import Api

if TYPE_CHECKING:
    from pathlib import Path

CLIENTS = 4
FIRST_WRITES = 5
"""So many are acknowledged in each round before its kill, however slow the machine is."""


class Acknowledged:
    """What the emulator has acknowledged, as its clients noted it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.artifacts: dict[str, str] = {}
        self.configurations: dict[str, str] = {}
        self.executions: dict[str, str] = {}
        """Id to that of the configuration."""
        self.stopped: set[str] = set()
        self.deleted: set[str] = set()
        """Those whose deletion was begun, acknowledged or not."""
        self.metrics: dict[str, set[int]] = {}
        """Id of an execution to the steps that it reported."""
        self.metrics_seen: set[str] = set()
        """The executions whose metrics were there after a restart: looked for once more at the end."""

    def __len__(self) -> int:
        with self.lock:
            metrics = sum(len(each) for each in self.metrics.values())
        parts = (self.artifacts, self.configurations, self.executions, self.stopped)
        return metrics + sum(len(each) for each in parts)


class Soak:
    """Kills the emulator again and again while clients write.

    :param folder: for the state.
    :param seed: of the moments of the kills.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self._folder = folder
        self._violations = folder.with_name("violations")
        self._random = random.Random(seed)
        self.noted = Acknowledged()
        self.start_seconds: list[float] = []
        self._port, self._token = 0, ""
        self._process: subprocess.Popen[str] | None = None
        # The program has it from here: an executable without a template, and how its executions move.
        with Emulator(state=folder) as emulator:
            emulator.add_executable(
                "text-clf",
                "text-clf-train",
                progress=Progress.by_clock(unknown=0.02, pending=0.02, running=5),
            )

    def run(self, kills: int) -> str:
        """Kill so many times, look for everything after each start, and give the figures."""
        begin = time.monotonic()
        try:
            for _ in range(kills):
                self._start()
                self._check(set(self.noted.metrics) - self.noted.metrics_seen)
                self._write(self._random.uniform(0.05, 1.0))
            self._start()
            self._check(set(self.noted.metrics))
            with self._client() as api:
                listed = api.get("/executions", params={"$top": 100_000}).json()["count"]
        finally:
            self.end()
        assert not self._violations.read_text()
        return (
            f"{kills} kills in {time.monotonic() - begin:.0f} s: {len(self.noted)} acknowledged writes "
            f"({len(self.noted.executions)} executions, {listed} found), none lost; ready "
            f"{statistics.median(self.start_seconds):.2f} s after the start (median), "
            f"{max(self.start_seconds):.2f} s at worst"
        )

    def end(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> None:
        command = [
            *(sys.executable, JUDGED_PROGRAM, str(self._violations)),
            *("--state", str(self._folder), "--port", str(self._port)),
        ]
        begin = time.monotonic()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"The emulator did not start again: {self._process.communicate()[1]}"
        self.start_seconds.append(time.monotonic() - begin)
        ready = json.loads(line)
        if not self._port:
            self._port = int(ready["url"].rpartition(":")[2])
            key = ready["service_key"]
            credentials = (key["clientid"], key["clientsecret"])
            form = {"grant_type": "client_credentials"}
            url = f"{ready['url']}/oauth/token"
            answer = httpx.post(url, data=form, auth=credentials, trust_env=False, timeout=60)
            self._token = answer.raise_for_status().json()["access_token"]

    def _client(self) -> Api:
        return Api(
            base_url=f"http://127.0.0.1:{self._port}/v2/lm",
            headers={"Authorization": f"Bearer {self._token}", "AI-Resource-Group": "default"},
            trust_env=False,
            timeout=60,
        )

    def _write(self, seconds: float) -> None:
        """Let the clients write, and kill the emulator so many seconds after the first of it."""
        before = len(self.noted)
        failures: list[BaseException] = []
        clients = [
            threading.Thread(target=self._write_until_the_end, args=(number, failures))
            for number in range(CLIENTS)
        ]
        for each in clients:
            each.start()
        while len(self.noted) < before + FIRST_WRITES and any(each.is_alive() for each in clients):
            time.sleep(0.01)
        time.sleep(seconds)
        self.end()
        for each in clients:
            each.join()
        assert not failures, failures

    def _write_until_the_end(self, number: int, failures: list[BaseException]) -> None:
        noted, mine = self.noted, random.Random(f"{number}{len(self.start_seconds)}")
        try:
            with self._client() as api:
                while True:
                    self._write_once(api, noted, mine)
        except httpx.TransportError:
            pass  # That was the kill.
        except BaseException as failure:  # noqa: BLE001 - a thread has nobody else to tell
            failures.append(failure)

    def _write_once(self, api: Api, noted: Acknowledged, mine: random.Random) -> None:
        name = f"n{mine.getrandbits(60)}"
        artifact_id = api.register(name=name)
        with noted.lock:
            noted.artifacts[artifact_id] = name
        configuration_id = api.configure(name=name)
        with noted.lock:
            noted.configurations[configuration_id] = name
        answer = api.post("/executions", json={"configurationId": configuration_id})
        execution_id = answer.raise_for_status().json()["id"]
        with noted.lock:
            noted.executions[execution_id] = configuration_id
            noted.metrics[execution_id] = set()
        for step in range(mine.randrange(4)):
            metric = {"name": "loss", "value": 0.5, "step": step}
            api.patch("/metrics", json={"executionId": execution_id, "metrics": [metric]}).raise_for_status()
            with noted.lock:
                noted.metrics[execution_id].add(step)
        if mine.random() < 0.5:
            # One that is not PENDING yet, or is DEAD since a restart, refuses: that is no write.
            answer = api.patch(f"/executions/{execution_id}", json={"targetStatus": "STOPPED"})
            if answer.status_code == 202:
                with noted.lock:
                    noted.stopped.add(execution_id)
        elif mine.random() < 0.2:
            with noted.lock:
                noted.deleted.add(execution_id)
            api.delete(f"/executions/{execution_id}")

    def _check(self, tracked: set[str]) -> None:
        """Look for everything that was acknowledged.

        :param tracked: the executions whose metrics are looked for.
        """
        noted = self.noted
        with self._client() as api:
            artifacts = self._listed(api, "/artifacts")
            assert {each: artifacts[each]["name"] for each in noted.artifacts} == noted.artifacts
            configurations = self._listed(api, "/configurations")
            assert {
                each: configurations[each]["name"] for each in noted.configurations
            } == noted.configurations
            executions = self._listed(api, "/executions")
            lost = set(noted.executions) - set(executions) - noted.deleted
            assert not lost, lost
            for execution_id in set(noted.executions) & set(executions):
                read = executions[execution_id]
                assert read["configurationId"] == noted.executions[execution_id]
                if execution_id in noted.stopped:
                    assert read["targetStatus"] == "STOPPED", read
            reported = [each for each in tracked if noted.metrics[each]]
            for begin in range(0, len(reported), 10):
                ids = reported[begin : begin + 10]
                answer = api.get("/metrics", params={"executionIds": ",".join(ids)}).raise_for_status()
                for resource in answer.json()["resources"]:
                    steps = {each["step"] for each in resource["metrics"]}
                    assert steps >= noted.metrics[resource["executionId"]], resource
                assert answer.json()["count"] == len(ids)
        noted.metrics_seen |= tracked

    def _listed(self, api: Api, path: str) -> dict[str, dict[str, Any]]:
        answer = api.get(path, params={"$top": 100_000}).raise_for_status()
        return {each["id"]: each for each in answer.json()["resources"]}
