"""The emulator over TCP: the same function behind an ASGI server, on 127.0.0.1 unless told otherwise."""

import asyncio
import ipaddress
import logging
import tempfile
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_aicore.emulator import control
from airflow_provider_aicore.emulator.clock import ManualClock
from airflow_provider_aicore.emulator.emulator import Emulator
from airflow_provider_aicore.emulator.faults import AnswerCutOff, half
from airflow_provider_aicore.emulator.identity import TOKEN_PATH
from airflow_provider_aicore.emulator.listener import Listener, transport_of
from airflow_provider_aicore.emulator.routes.table import TRACKING

HOST = "127.0.0.1"
_LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_TICKS = 1.0
_NOT_COPIED = {b"content-length", b"content-encoding", b"transfer-encoding"}


class EmulatorServer:
    """An emulator that listens, for as long as the ``with`` block lasts.

    Beside AI Core it answers the control path, see `control`; there a `ManualClock` as ``now`` can be turned.

    :param port: to listen on; 0 takes a free one.
    :param host: the address to listen on. Any but 127.0.0.1 and ::1 lets everybody in the network control
        the emulator and what it runs.
    :param tls: True: HTTPS, with certificates of its own; and the identity service on another port as well,
        which asks for the client certificate of `x509_service_key`. The tracking endpoint stays HTTP, as in
        a pod.
    :param certificate_days: how long the certificate of `x509_service_key` is good from now on; a negative
        number for one that has expired.
    :param arguments: of `Emulator`; ``url``, ``cert_url`` and ``tracking_endpoint`` are set here.
    :raises OSError: the port is taken, or the address is not this machine's.
    :raises ValueError: *host* is no address, or an argument is wrong.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = HOST,
        *,
        tls: bool = False,
        certificate_days: float = 7.0,
        **arguments: Any,
    ) -> None:
        address = _address(host)
        self.is_local = address.is_loopback
        """Whether only this machine can reach it."""
        self._allowed_hosts = {host, HOST, "localhost"} if self.is_local else None
        self._resources = ExitStack()
        self._listeners: list[Listener] = []
        self._ended = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)
        try:
            main = self._listen(host, port)
            scheme = "https" if tls else "http"
            self.url = f"{scheme}://{_reachable(address)}:{main.port}"
            """Of AI Core and of the identity service, without ``/v2``."""
            cert_url, tracking_endpoint = None, self.url
            if tls:
                with_certificate, tracking = self._listen(host, 0), self._listen(HOST, 0)
                cert_url = f"https://{_reachable(address)}:{with_certificate.port}"
                tracking_endpoint = f"http://{HOST}:{tracking.port}"
            self.emulator = Emulator(
                url=self.url, cert_url=cert_url, tracking_endpoint=tracking_endpoint, **arguments
            )
            """What answers."""
            self._resources.callback(self.emulator.close)
            clock = arguments.get("now")
            self._control = control.Control(self.emulator, clock if isinstance(clock, ManualClock) else None)
            self.authority_file: Path | None = None
            """PEM of the authority that clients have to trust, if it speaks TLS."""
            self._x509_service_key: dict[str, Any] | None = None
            if cert_url is None:
                main.serve(self._app(self.url))
                return
            # What makes certificates takes long to load.
            from airflow_provider_aicore.emulator import certificates

            folder = tempfile.TemporaryDirectory(prefix="aicore-emulator-")
            made = certificates.make(
                Path(self._resources.enter_context(folder)),
                str(httpx.URL(self.url).host),
                self.emulator.service_key["clientid"],
                timedelta(days=certificate_days),
            )
            self.authority_file = made.authority_file
            self._x509_service_key = self.emulator.x509_service_key(made.client, made.client_key)
            main.serve(self._app(self.url), made.server_file)
            with_certificate.serve(self._app(cert_url, TOKEN_PATH), made.server_file, made.authority_file)
            tracking.serve(self._app(tracking_endpoint, TRACKING.path))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        for each in self._listeners:
            each.start()
        self._ticking.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        for each in self._listeners:
            each.stop()
        self._ticking.join()
        self.close()

    def close(self) -> None:
        """Give back ports and files, and end everything that runs; for one that no ``with`` block has had."""
        self._resources.close()

    def _tick(self) -> None:
        # Schedules have to start executions also while nobody asks.
        while not self._ended.wait(_SECONDS_BETWEEN_TICKS):
            try:
                self.emulator.tick()
            except Exception:  # noqa: BLE001 - the next one may succeed, once the disk is no longer full
                _LOG.exception("The emulator failed to do what is due")

    @property
    def x509_service_key(self) -> dict[str, Any]:
        """The service key in its X.509 flavour.

        :raises ValueError: it does not speak TLS, without which nobody can show a certificate.
        """
        if self._x509_service_key is None:
            raise ValueError("A service key with a certificate needs TLS: EmulatorServer(tls=True)")
        return dict(self._x509_service_key)

    def _listen(self, host: str, port: int) -> Listener:
        listener = Listener(host, port)
        self._resources.callback(listener.close)
        self._listeners.append(listener)
        return listener

    def _app(self, url: str, only: str | None = None) -> ASGIApp:
        """Give what answers on one port.

        :param url: of the port.
        :param only: the one path that is there; default: all of them.
        """

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if only is None or scope["path"] == only:
                await self._answer(url, scope, receive, send)
            else:
                await Response("Not Found", 404)(scope, receive, send)

        return app

    async def _answer(self, url: str, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if self._allowed_hosts is not None and _host_of(request) not in self._allowed_hosts:
            # A web page whose host name points here would send its own name.
            await Response("RBAC: access denied", 403)(scope, receive, send)
            return
        try:
            translated = await _translate(request, url)
        except httpx.InvalidURL:
            await Response("Bad Request", 400)(scope, receive, send)
            return
        is_control = translated.url.path.startswith(f"{control.PATH}/")
        handle = self._control.answer if is_control else self.emulator.handle
        transport = transport_of(scope)
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


def _host_of(request: Request) -> str | None:
    # Not of the request's URL: what is made of an odd target depends on the version of starlette.
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return None


async def _translate(request: Request, base_url: str) -> httpx.Request:
    # The URL is the emulator's own, not what the Host header says: localhost is as good as 127.0.0.1.
    query: bytes = request.scope["query_string"]
    target = request.scope["raw_path"] + (b"?" + query if query else b"")
    url = httpx.URL(base_url).copy_with(raw_path=target)
    headers = [(name, value) for name, value in request.headers.raw if name != b"host"]
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
