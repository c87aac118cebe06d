"""A port on which an ASGI application is served, by a thread, over plain TCP or TLS."""

import asyncio
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol


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


def transport_of(scope: Scope) -> asyncio.Transport:
    """Give the connection on which a request came."""
    return _TRANSPORTS[scope["client"], scope["server"]]


class Listener:
    """Takes a port at once, so that its number is known, and answers on it once it is started.

    :param host: an IP address of this machine.
    :param port: 0 takes a free one.
    :raises OSError: the port is taken, or the address is not this machine's.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # With the protocol named, asyncio turns Nagle's algorithm off; answers would wait 40 ms for it.
        self._socket = socket.socket(family, proto=socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(2048)
        except OSError as error:
            self._socket.close()
            raise OSError(
                error.errno,
                f"Cannot listen on {host} port {port}: {error.strerror}. Give another port, or 0 for any",
            ) from error
        self.port: int = self._socket.getsockname()[1]

    def serve(self, app: ASGIApp, certificate: Path | None = None, clients: Path | None = None) -> None:
        """Say what answers.

        :param certificate: PEM of the server's certificate and private key; None for plain TCP.
        :param clients: PEM of the authority whose certificate every client has to show.
        """
        config = uvicorn.Config(
            app,
            interface="asgi3",
            http=AbortableProtocol,
            proxy_headers=False,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
            ssl_cert_reqs=ssl.CERT_NONE if clients is None else ssl.CERT_REQUIRED,
            ssl_ca_certs=None if clients is None else str(clients),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what is under way, and no more."""
        self._server.should_exit = True
        self._thread.join()

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()
