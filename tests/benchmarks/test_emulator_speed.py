"""What the emulator's answers cost over TCP, with many executions and with a folder for its state."""

from __future__ import annotations

import statistics
import time

import httpx
import pytest

from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.emulator.server import EmulatorServer

LIST_BUDGET = 1.0
"""Seconds for a list of ten thousand executions, each in full."""
OPERATION_BUDGET = 0.003
"""CPU seconds that an operation on one execution may cost more because of all the others."""
STARTS_PER_SECOND = 50
START_SECONDS = 60
LATENESS_BUDGET = 1.0
"""Seconds by which a start may be late at that rate."""

RUNNING = Progress.by_clock(unknown=0.0, pending=0.0, running=1e6)


class Place:
    """An emulator that listens, and a client of it with a configuration."""

    def __init__(self, server: EmulatorServer) -> None:
        self.server = server
        server.emulator.add_executable("text-clf", "text-clf-train")
        key = server.emulator.service_key
        form = {"grant_type": "client_credentials"}
        credentials = (key["clientid"], key["clientsecret"])
        token = httpx.post(f"{key['url']}/oauth/token", data=form, auth=credentials, trust_env=False).json()
        self.api = httpx.Client(
            base_url=f"{server.url}/v2/lm",
            headers={"Authorization": f"Bearer {token['access_token']}", "AI-Resource-Group": "default"},
            trust_env=False,
            timeout=60,
        )
        body = {"name": "train", "executableId": "text-clf-train", "scenarioId": "text-clf"}
        self.configuration_id = self.api.post("/configurations", json=body).json()["id"]

    def start(self) -> str:
        """Start an execution with a request."""
        answer = self.api.post("/executions", json={"configurationId": self.configuration_id})
        return str(answer.raise_for_status().json()["id"])

    def fill(self, amount: int) -> None:
        """Start many executions without requests, and bring them to where they stay."""
        emulator = self.server.emulator
        group = emulator.state.groups["default"]
        for _ in range(0, amount, 1000):
            with emulator.state.lock:
                for _ in range(1000):
                    emulator.state.start(group, group.configurations[self.configuration_id])
            emulator.statuses()


@pytest.fixture
def place(tmp_path):
    """Give a function that opens an emulator, with or without a folder."""
    places: list[Place] = []

    def place(*, kept: bool, progress: Progress = RUNNING) -> Place:
        state = tmp_path / f"state-{len(places)}" if kept else None
        server = EmulatorServer(progress=progress, kept_requests=0, state=state)
        places.append(Place(server.__enter__()))
        return places[-1]

    yield place
    for each in places:
        each.api.close()
        each.server.__exit__(None, None, None)


def seconds(action, clock=time.perf_counter):
    """Give what *action* takes."""
    begin = clock()
    action()
    return clock() - begin


def operations(here, others):
    """Give operations on one execution among *others*."""
    here.fill(others)
    here.server.emulator.script("text-clf-train", RUNNING)
    one, *rest = [here.start() for _ in range(26)]
    ids = iter(rest)
    here.server.emulator.write_log(one, "line")
    tags = {"executionId": one, "tags": [{"name": "a", "value": "b"}]}
    stop = {"targetStatus": "STOPPED"}
    return {
        "start": here.start,
        "get": lambda: here.api.get(f"/executions/{one}").raise_for_status(),
        "stop": lambda: here.api.patch(f"/executions/{next(ids)}", json=stop).raise_for_status(),
        "logs": lambda: here.api.get(f"/executions/{one}/logs").raise_for_status(),
        "track": lambda: here.api.patch("/metrics", json=tags).raise_for_status(),
        "metrics": lambda: here.api.get(f"/metrics?executionIds={one}").raise_for_status(),
        "artifacts": lambda: here.api.get(f"/artifacts?executionId={one}").raise_for_status(),
    }


def show(capsys, text):
    """Print figures."""
    with capsys.disabled():
        print(f"\n{text}", end="")


@pytest.mark.parametrize("kept", [False, True], ids=["in-memory", "with-state"])
def test_list_of_ten_thousand(place, capsys, kept):
    """Ten thousand running executions are listed within a second, in full, by status and status only."""
    here = place(kept=kept)
    here.fill(10_000)
    for query in ("$top=10000", "status=RUNNING", "$select=status", "$top=100", "status=DEAD"):
        answer = here.api.get(f"/executions?{query}")
        taken = statistics.median(seconds(lambda: here.api.get(f"/executions?{query}")) for _ in range(5))  # noqa: B023
        show(
            capsys,
            f"{query}: {taken:.3f} s for {answer.json()['count']} of 10000, {len(answer.content)} bytes",
        )
        assert taken < LIST_BUDGET


@pytest.mark.parametrize(
    ("amount", "progress", "kept"),
    [(10_000, RUNNING, True), (100_000, Progress.at_once(), False)],
    ids=["10000-running-with-state", "100000-completed"],
)
def test_operation_on_one_among_many(place, capsys, amount, progress, kept):
    """Reading, starting, stopping, logs and metrics of one cost with many others what they cost alone."""
    alone, among = (operations(place(kept=kept, progress=progress), others) for others in (0, amount))
    for name in alone:
        # CPU time of client and emulator, and by turns, as others use the machine as well.
        pairs = [[seconds(each[name], time.process_time) for each in (alone, among)] for _ in range(25)]
        least, taken = (statistics.median(figures) for figures in zip(*pairs, strict=True))
        show(capsys, f"{name}: {taken * 1e3:.1f} CPU ms, {taken / least:.2f} of what it takes alone")
        assert taken - least < OPERATION_BUDGET, name


@pytest.mark.parametrize("kept", [False, True], ids=["in-memory", "with-state"])
def test_fifty_starts_per_second(place, capsys, kept):
    """Fifty executions per second are started for a minute, none of them late, while a client lists."""
    here = place(kept=kept)
    begin = time.perf_counter()
    late = []
    for number in range(STARTS_PER_SECOND * START_SECONDS):
        due = begin + number / STARTS_PER_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        here.start()
        late.append(time.perf_counter() - due)
        if number % (5 * STARTS_PER_SECOND) == 0:
            here.api.get("/executions?$select=status")
    worst, usual = max(late), statistics.median(late)
    show(
        capsys,
        f"{len(late)} starts in {time.perf_counter() - begin:.1f} s, done {usual * 1e3:.1f} ms after "
        f"they were due (median), {worst * 1e3:.0f} ms at worst",
    )
    assert worst < LATENESS_BUDGET
    assert here.api.get("/executions/$count").text == str(len(late))
