"""The emulator over TCP: the same function behind an ASGI server, on 127.0.0.1 unless told otherwise."""

import asyncio
import ipaddress
import socket
import threading
from typing import Any, Self

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_aicore.emulator import control
from airflow_provider_aicore.emulator.clock import ManualClock
from airflow_provider_aicore.emulator.emulator import Emulator
from airflow_provider_aicore.emulator.faults import AnswerCutOff, half

HOST = "127.0.0.1"
_NOT_COPIED = {b"content-length", b"content-encoding", b"transfer-encoding"}


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

    Beside AI Core it answers the control path, see `control`; there a `ManualClock` as ``now`` can be turned.

    :param port: to listen on; 0 takes a free one.
    :param host: the address to listen on. Any but 127.0.0.1 and ::1 lets everybody in the network control
        the emulator and what it runs.
    :param options: of `Emulator`; ``url`` and ``tracking_endpoint`` are set here.
    :raises OSError: the port is taken, or the address is not this machine's.
    :raises ValueError: *host* is no address, or an option is wrong.
    """

    def __init__(self, port: int = 0, host: str = HOST, **options: Any) -> None:
        address = _address(host)
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        # With the protocol named, asyncio turns Nagle's algorithm off; answers would wait 40 ms for it.
        self._socket = socket.socket(family, proto=socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(2048)
            self.url = f"http://{_reachable(address)}:{self._socket.getsockname()[1]}"
            """Of AI Core and of the identity service, without ``/v2``."""
            self.emulator = Emulator(url=self.url, tracking_endpoint=self.url, **options)
            """What answers."""
            clock = options.get("now")
            self._control = control.Control(self.emulator, clock if isinstance(clock, ManualClock) else None)
            self.is_local = address.is_loopback
            """Whether only this machine can reach it."""
            self._allowed_hosts = {host, "localhost"} if self.is_local else None
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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.emulator.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if self._allowed_hosts is not None and request.url.hostname not in self._allowed_hosts:
            # A web page whose host name points here would send its own name.
            await Response("RBAC: access denied", 403)(scope, receive, send)
            return
        translated = await self._translate(request)
        is_control = translated.url.path.startswith(f"{control.PATH}/")
        handle = self._control.answer if is_control else self.emulator.handle
        transport = _TRANSPORTS[scope["client"], scope["server"]]
        try:
            answer = handle(translated)
        except httpx.TransportError as error:
            if isinstance(error, AnswerCutOff) and error.whole.content:
                await send(_start(error.whole))
                body = half(error.whole.content)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                transport.close()  # After what was written has been sent, which abort() would drop.
            else:
                transport.abort()
            while (await receive())["type"] != "http.disconnect":
                pass  # Until the server knows: it would report that nothing was answered.
            return
        await asyncio.sleep(answer.extensions.get("delay", 0))
        await send(_start(answer))
        await send({"type": "http.response.body", "body": answer.content})

    async def _translate(self, request: Request) -> httpx.Request:
        # The URL is the emulator's own, not what the Host header says: localhost is as good as 127.0.0.1.
        query: bytes = request.scope["query_string"]
        target = request.scope["raw_path"] + (b"?" + query if query else b"")
        url = httpx.URL(self.url).copy_with(raw_path=target)
        headers = [(name, value) for name, value in request.headers.items() if name != "host"]
        return httpx.Request(request.method, url, headers=headers, content=await request.body())


def _start(answer: httpx.Response) -> dict[str, Any]:
    headers = [(name, value) for name, value in answer.headers.raw if name.lower() not in _NOT_COPIED]
    if answer.status_code != 204:
        headers.append((b"content-length", str(len(answer.content)).encode()))
    return {"type": "http.response.start", "status": answer.status_code, "headers": headers}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError as error:
        raise ValueError(
            f"{host!r} is no address to listen on: give 127.0.0.1, or another IP address of this machine"
        ) from error


def _reachable(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Give the host in URLs; who listens everywhere is reached from this machine by its own address."""
    if address.version == 6:
        return "[::1]" if address.is_unspecified else f"[{address}]"
    return HOST if address.is_unspecified else str(address)
