"""A place to wait in together: an event loop with a turned clock, and the emulator in process."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx

from airflow_provider_aicore.api import AsyncClient, RetryPolicy, ServiceKey
from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.poller import Wait, wait_for
from tests import turned_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RUNNING = Progress.by_clock(unknown=1e9)
"""Stays where it is."""


class Together:
    """Waits that share an event loop, and what they ask for."""

    def __init__(self, emulator: Any, clock: Any, service_key: dict[str, Any]) -> None:
        self.emulator, self.clock, self.service_key = emulator, clock, service_key
        self.asked: list[tuple[float, httpx.Request]] = []
        self.instead: Callable[[httpx.Request], Awaitable[httpx.Response | None]] | None = None
        self.clients: list[AsyncClient] = []
        self.log = logging.getLogger("wait")
        self._configurations: dict[str, Any] = {}

    def start(
        self, progress: Progress, number: int = 1, *, group: str = "default", ago: float = 0
    ) -> list[str]:
        """Start executions without requests."""
        self.emulator.script("text-clf-train", progress)
        state = self.emulator.state
        with state.lock:
            configuration = self._configuration(state.groups[group])
            at = self.clock.now() - ago
            return [state.start(state.groups[group], configuration, at=at).id for _ in range(number)]

    def _configuration(self, group: Any) -> Any:
        if not group.configurations:
            body = {"name": "train", "executableId": "text-clf-train", "scenarioId": "text-clf"}
            headers = {"AI-Resource-Group": group.id, "Authorization": f"Bearer {self._token()}"}
            url = f"{self.emulator.url}/v2/lm/configurations"
            self.emulator.handle(httpx.Request("POST", url, json=body, headers=headers))
            self.emulator.requests.clear()
        return next(iter(group.configurations.values()))

    def _token(self) -> str:
        key = self.emulator.service_key
        credentials = httpx.BasicAuth(key["clientid"], key["clientsecret"])
        request = httpx.Request(
            "POST", f"{key['url']}/oauth/token", data={"grant_type": "client_credentials"}
        )
        request = next(credentials.auth_flow(request))
        return str(self.emulator.handle(request).json()["access_token"])

    async def connect(self, group: str = "default", key: dict[str, Any] | None = None) -> AsyncClient:
        """Make a client, as a trigger's hook does."""
        client = AsyncClient(
            ServiceKey.parse(key or self.service_key),
            resource_group=group,
            transport=httpx.MockTransport(self._answer),
            now=self.clock.now,
            retry=RetryPolicy(jitter=lambda: 0.0),
        )
        self.clients.append(client)
        return client

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((self.clock.now(), request))
        answer = await self.instead(request) if self.instead else None
        return answer or self.emulator.handle(request)

    def wait(
        self,
        execution_id: str,
        *,
        connection: Any = "default",
        connect: Any = None,
        requests_per_minute: float = 20.0,
        jitter: Callable[[], float] = lambda: 0.0,
        log: Any = None,
        **how: Any,
    ) -> Any:
        """Give the coroutine of a wait; as default in the resource group that is its connection."""
        return wait_for(
            Wait(execution_id, **how),
            log=log or self.log,
            connection=connection,
            connect=connect or (lambda: self.connect(connection)),
            requests_per_minute=requests_per_minute,
            wall=self.clock.now,
            jitter=jitter,
        )

    def wait_for_all(self, ids: list[str], **how: Any) -> list[Any]:
        """Wait for executions at the same time; give what each wait gave, or its error."""

        async def main() -> list[Any]:
            return await asyncio.gather(*(self.wait(each, **how) for each in ids), return_exceptions=True)

        given: list[Any] = self.run(main())
        return given

    def run(self, main: Any) -> Any:
        """Run in a loop whose clock is turned; nothing may be left behind."""

        async def checked() -> Any:
            result = await main
            for _ in range(5):
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert all(client._http.is_closed for client in self.clients)
            return result

        return turned_loop.run(checked(), self.clock)

    def requests(self, path: str = "") -> Counter[str]:
        """Count what was asked: `token`, `list` and `read`; or only in a path."""
        kinds = Counter[str]()
        for _, request in self.asked:
            if path in request.url.path:
                kinds[kind(request)] += 1
        return kinds

    def times(self, what: str) -> list[float]:
        """Give when such requests came, in seconds since the first request."""
        begin = self.asked[0][0]
        return [round(at - begin, 1) for at, request in self.asked if kind(request) == what]


def kind(request: httpx.Request) -> str:
    """Tell what is asked for."""
    if request.url.path.endswith("/token"):
        return "token"
    return "list" if request.url.path.endswith("/executions") else "read"
