"""The fakes of all tiers: the network, which is the emulator, and the clock."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx
import pytest

from airflow_provider_aicore.api import AsyncClient, Client, RetryPolicy, ServiceKey, configurations
from airflow_provider_aicore.emulator import Emulator, Options
from tests import turned_loop
from tests.emulators import Api, connect, with_text_clf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    from airflow_provider_aicore.api.call import Call, Flow

    T = TypeVar("T")


_HOME = tempfile.TemporaryDirectory(prefix="airflow-home-")


def pytest_configure() -> None:
    """Set the environment, which Airflow reads when the first test imports it.

    Nothing of an Airflow that is set up on this machine may be seen, let alone its database migrated.
    """
    gc.disable()  # Nothing of what is imported becomes garbage.
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    os.environ["AIRFLOW_HOME"] = _HOME.name
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(Path(__file__).parent / "integration" / "dags")


class Clock:
    """A clock that moves when someone sleeps on it."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0  # 2027-01-15T08:00:00Z
        self.slept: list[float] = []

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.move(seconds)

    def move(self, seconds: float) -> None:
        """Move on while nobody sleeps."""
        self.time += seconds

    async def asleep(self, seconds: float) -> None:
        """Move on, letting others have their turn."""
        self.sleep(seconds)
        await asyncio.sleep(0)


class OnALoop:
    """The async client with the blocking client's face, so that one test holds for both."""

    def __init__(self, make: Callable[[], AsyncClient]) -> None:
        self._runner = asyncio.Runner()
        self._make = make
        self.client: AsyncClient = self._runner.run(self._made())

    async def _made(self) -> AsyncClient:
        return self._make()

    def send(self, call: Call[T]) -> T:
        """Send a call."""
        return self._runner.run(self.client.send(call))

    def run(self, flow: Flow[T]) -> T:
        """Run a flow."""
        return self._runner.run(self.client.run(flow))

    def close(self) -> None:
        """Close the client and its loop."""
        self._runner.run(self.client.close())
        self._runner.close()


@pytest.fixture
def clock() -> Clock:
    """Return the clock that client and emulator share."""
    return Clock()


@pytest.fixture(scope="session")
def pem():
    """Return a certificate and its private key, and the key of another.

    The unit tier's tests all depend on it, and pytest goes through what a fixture asks for with each test.
    """
    from tests.certificates import self_signed

    now = time.time()
    texts = {}
    for owner in ("own", "other"):
        texts[f"{owner}.crt"], texts[f"{owner}.key"] = self_signed(now - 60, now + 86_400)
    return texts


@pytest.fixture(autouse=True)
def _own_secrets() -> Iterator[None]:
    """Let Airflow forget the secrets of each test: none hides what another leaks, and masking stays quick."""
    yield
    masker = sys.modules.get("airflow.sdk._shared.secrets_masker")
    if masker is not None:  # A test that needs no Airflow does not load it.
        masker.reset_secrets_masker()


@pytest.fixture(scope="session")
def service_key() -> dict[str, Any]:
    """Return the key of every emulator: Airflow's masker gets slower with each secret that it learns."""
    return Emulator().service_key


@pytest.fixture(scope="session")
def emulator_options() -> Options:
    """Return how `emulator` behaves where AI Core's documentation is silent; parametrize a test by it."""
    return Options()


@pytest.fixture(scope="session")
def declared_inputs() -> dict[str, str]:
    """Return the input artifacts of ``text-clf-train``, which a task that runs it would have to bind."""
    return {}


@pytest.fixture
def make_emulator(clock: Clock, declared_inputs: dict[str, str]) -> Iterator[Callable[..., Emulator]]:
    """Return a maker of emulators in process with the executable ``text-clf-train``."""
    with ExitStack() as stack:

        def make(**options: Any) -> Emulator:
            emulator = stack.enter_context(Emulator(**{"now": clock.now, **options}))
            return with_text_clf(emulator, declared_inputs)

        yield make


@pytest.fixture
def emulator(
    make_emulator: Callable[..., Emulator], service_key: dict[str, Any], emulator_options: Options
) -> Emulator:
    """Return a local AI Core with two resource groups."""
    groups = ("default", "team-a")
    return make_emulator(resource_groups=groups, service_key=service_key, options=emulator_options)


@pytest.fixture
def api(emulator: Emulator) -> Api:
    """Return a plain HTTP client of the resource group ``default``, with a token."""
    return connect(emulator)


@pytest.fixture
def network(emulator: Emulator, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Lead all of httpx to the emulator, and turn the clock by which our code waits.

    For what makes its own client from an Airflow connection: hook, operators, sensors, triggers. Airflow
    makes those by itself, a trigger out of JSON, so that neither transport nor clock can be handed to them;
    what can take them as arguments, the client and its flows, is tested with :func:`make_client`.
    """

    async def answer(_transport: Any, request: httpx.Request) -> httpx.Response:
        await request.aread()
        await asyncio.sleep(0)  # Others have their turn before any answer comes.
        return emulator.handle(request)

    async def asleep(seconds: float) -> None:
        if isinstance(asyncio.get_running_loop(), turned_loop.TurnedLoop):
            await asyncio.sleep(seconds)
        else:
            await clock.asleep(seconds)

    monkeypatch.setattr(
        httpx.HTTPTransport, "handle_request", lambda _transport, request: emulator.handle(request)
    )
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer)
    fake_time = SimpleNamespace(sleep=clock.sleep, time=clock.now, monotonic=clock.now)
    monkeypatch.setattr("airflow_provider_aicore.api.client.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.api.log_following.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.api.log_tail.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.api.schedule_changes.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.api.termination.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.poller.alone.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.poller.shared.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.poller.wait.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.scheduled_execution.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.triggers.execution_event.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.base.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.interruption.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.triggers.killed.time", fake_time)
    monkeypatch.setattr("airflow_provider_aicore.triggers.killed.sleep", asleep)
    monkeypatch.setattr("tests.turned_loop.the_clock", clock)
    fake_asyncio = SimpleNamespace(sleep=asleep, Lock=asyncio.Lock)
    monkeypatch.setattr("airflow_provider_aicore.api.client.asyncio", fake_asyncio)
    return emulator


@pytest.fixture
def connection(network, monkeypatch) -> str:
    """Return the id of an Airflow connection to the emulator, with its service key."""
    extra = {"secret_service_key": json.dumps(network.service_key)}
    monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps({"conn_type": "aicore", "extra": extra}))
    return "aicore_default"


@pytest.fixture
def client_for_looking(network) -> Iterator[Client]:
    """Return a client with which a test looks at what AI Core has."""
    with Client(ServiceKey.parse(network.service_key)) as client:
        yield client


@pytest.fixture
def configuration_id(connection, client_for_looking) -> str:
    """Return a configuration of ``text-clf-train`` that tasks can start."""
    call = configurations.create(
        name="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    return str(client_for_looking.send(call).id)


@pytest.fixture
def context() -> dict[str, Any]:
    """Return the part of a task's context that our code uses; XComs that are pushed land in `ti.xcoms`."""

    class TaskInstance:
        dag_id, run_id, task_id, map_index = "training", "manual__2026", "train", -1
        max_tries = 2
        try_number = 1
        start_date = datetime.now(UTC)

        def __init__(self) -> None:
            self.xcoms: dict[str, Any] = {}

        def xcom_push(self, key: str, value: Any) -> None:
            self.xcoms[key] = value

        def xcom_pull(self, *, task_ids: str, key: str, map_indexes: int) -> Any:
            assert (task_ids, map_indexes) == (self.task_id, self.map_index)
            return self.xcoms.get(key)

    return {"ti": TaskInstance(), "dag_run": SimpleNamespace(start_date=TaskInstance.start_date)}


@pytest.fixture(params=[False, True], ids=["blocking", "deferrable"])
def mode(request: pytest.FixtureRequest) -> bool:
    """Return whether to defer."""
    return bool(request.param)


@pytest.fixture(scope="session")
def retry() -> RetryPolicy:
    """Return the default policy without its jitter."""
    return RetryPolicy(jitter=lambda: 0.0)


@pytest.fixture(scope="session")
def driver() -> str:
    """Return the driver that a test gets: a flow is the same under both, which tests of their own compare."""
    return "blocking"


@pytest.fixture
def make_client(driver, emulator, clock, retry) -> Iterator[Any]:
    """Return a maker of clients."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        key = options.pop("service_key", None) or ServiceKey.parse(emulator.service_key)
        options = {"transport": emulator.transport(), "now": clock.now, "retry": retry, **options}
        if driver == "blocking":
            made.append(Client(key, sleep=clock.sleep, **options))
        else:
            made.append(OnALoop(lambda: AsyncClient(key, sleep=clock.asleep, **options)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client) -> Any:
    """Return a client."""
    return make_client()


def pytest_collection_finish() -> None:
    """Leave what was imported out of the garbage collector's rounds, which would take a third of the time."""
    gc.freeze()
    gc.set_threshold(400_000)  # A few rounds in a whole tier.
    gc.enable()
