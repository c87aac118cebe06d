"""The emulator over TCP: the same function behind an ASGI server, on 127.0.0.1 only."""

import asyncio
import socket
import threading
from typing import Any, Self

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_aicore.emulator.emulator import Emulator

HOST = "127.0.0.1"
_ALLOWED_HOSTS = {HOST, "localhost"}
_SECONDS_BETWEEN_TICKS = 1.0
_NOT_COPIED = {"content-length", "content-encoding", "transfer-encoding"}


class AbortableProtocol(H11Protocol):
    """Lets the application hang up, for which ASGI has no word."""

    def connection_made(self, transport: Any) -> None:
        """Remember the connection by its addresses, which ASGI passes on."""
        super().connection_made(transport)
        _TRANSPORTS[self.client, self.server] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        _TRANSPORTS.pop((self.client, self.server), None)
        super().connection_lost(exc)


_TRANSPORTS: dict[tuple[Any, Any], asyncio.Transport] = {}
"""The open connections by the addresses of both their ends."""


class EmulatorServer:
    """An emulator that listens, for as long as the ``with`` block lasts.

    :param port: to listen on; 0 takes a free one.
    :param arguments: of `Emulator`; ``url`` and ``tracking_endpoint`` are set here.
    :raises OSError: the port is taken.
    """

    def __init__(self, port: int = 0, **arguments: Any) -> None:
        # With the protocol named, asyncio turns Nagle's algorithm off; answers would wait 40 ms for it.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
            self._socket.listen(2048)
            self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
            """Of AI Core and of the identity service, without ``/v2``."""
            self.emulator = Emulator(url=self.url, tracking_endpoint=self.url, **arguments)
            """What answers."""
        except BaseException:
            self._socket.close()
            raise
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            http=AbortableProtocol,
            proxy_headers=False,
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._ended = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ticking.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._server.should_exit = True
        self._thread.join()
        self._ticking.join()
        self._socket.close()
        self.emulator.close()

    def _tick(self) -> None:
        # Schedules have to start executions also while nobody asks.
        while not self._ended.wait(_SECONDS_BETWEEN_TICKS):
            self.emulator.tick()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.url.hostname not in _ALLOWED_HOSTS:
            # A web page whose host name points here would send its own name.
            await Response("RBAC: access denied", 403)(scope, receive, send)
            return
        try:
            translated = await self._translate(request)
        except httpx.InvalidURL:
            await Response("Bad Request", 400)(scope, receive, send)
            return
        try:
            answer = self.emulator.handle(translated)
        except httpx.TransportError:
            _TRANSPORTS[scope["client"], scope["server"]].abort()
            while (await receive())["type"] != "http.disconnect":
                pass  # Until the server knows: it would report that nothing was answered.
            return
        await asyncio.sleep(answer.extensions.get("delay", 0))
        response = Response(answer.content, answer.status_code)
        for name, value in answer.headers.items():
            if name not in _NOT_COPIED:
                response.headers[name] = value
        await response(scope, receive, send)

    async def _translate(self, request: Request) -> httpx.Request:
        # The URL is the emulator's own, not what the Host header says: localhost is as good as 127.0.0.1.
        query: bytes = request.scope["query_string"]
        target = request.scope["raw_path"] + (b"?" + query if query else b"")
        url = httpx.URL(self.url).copy_with(raw_path=target)
        headers = [(name, value) for name, value in request.headers.raw if name != b"host"]
        return httpx.Request(request.method, url, headers=headers, content=await request.body())
