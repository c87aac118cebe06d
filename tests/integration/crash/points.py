"""The points at which a process may be killed: around everything that others can see of it.

Of each request there is the point before it is sent. Of one that changes something there are two more: *on
its way*, where it is sent, the process dies and AI Core acts on it some seconds later; and when AI Core has
acted and the answer is not read yet. Of what is written to Airflow there are the points before and after, and
there is one before each sleep and before the end. Between an answer and the next of these points nothing
happens that outlives the process: "after the answer" is the point that comes next.
"""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.crash.clock import SharedClock

SENT_BY = "x-sent-by"
"""The header in which a request names the process that sent it."""

DELIVERED_AFTER = 5.0
"""Seconds that a request was on its way when its sender died."""


@dataclass(frozen=True)
class Point:
    """One of them.

    :param at: seconds since the cell began.
    :param process: which part of which try reached it.
    :param part: the how-manieth process of its try that was.
    :param index: the how-manieth point of that process it is.
    """

    at: float
    process: str
    part: int
    index: int
    what: str

    def leaves_the_world_as(self, previous: Point) -> bool:
        """Tell whether a kill here leaves nothing else behind than at the point before, at the same time."""
        is_later = self.process != previous.process or self.at > previous.at + 1.0
        return self.what.startswith("before") and not is_later


@dataclass(frozen=True)
class Kill:
    """At which point of a try a process is killed.

    :param point: its index, or what it is, the first time.
    """

    part: int
    point: int | str

    def strikes(self, point: Point) -> bool:
        """Tell whether this is the point."""
        return point.part == self.part and self.point in {point.index, point.what}


class Letter:
    """A request whose sender died when it was on its way; at most one at a time.

    :param path: where it is kept, for whoever turns the clock.
    """

    def __init__(self, path: Path, clock: SharedClock) -> None:
        self._path = path
        self._clock = clock

    def post(self, request: httpx.Request) -> None:
        """Put a request on its way."""
        letter = {
            "due": self._clock() + DELIVERED_AFTER,
            "method": request.method,
            "url": str(request.url),
            "headers": {name: value for name, value in request.headers.items() if name != "content-length"},
            "body": request.content.decode(),
        }
        self._path.write_text(json.dumps(letter))

    def deliver_if_due(self, until: float) -> None:
        """Deliver it at its time, if that comes before *until*."""
        if not self._path.exists():
            return
        letter = json.loads(self._path.read_text())
        if letter["due"] > until:
            return
        self._path.unlink()
        self._clock.turn_quietly(letter["due"] - self._clock())
        request = urllib.request.Request(
            letter["url"], letter["body"].encode() or None, letter["headers"], method=letter["method"]
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()


class Points:
    """The points of one process, which is killed at one of them or none.

    :param trace: each point is written there, whatever happens then.
    """

    def __init__(
        self, process: str, part: int, trace: Path, clock: SharedClock, letter: Letter, kill: Kill | None
    ) -> None:
        self._process, self._part = process, part
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._clock, self._letter, self._kill = clock, letter, kill
        self._reached = 0
        self.requests_under_way = 0

    def reach(self, what: str, *, sending: httpx.Request | None = None) -> None:
        """Be killed here, if this is the point.

        :param sending: goes on its way then.
        """
        at = self._clock.passed
        point = Point(at, self._process, self._part, self._reached, what)
        self._reached += 1
        os.write(self._trace, (json.dumps(asdict(point)) + "\n").encode())
        if self._kill is not None and self._kill.strikes(point):
            if sending is not None:
                self._letter.post(sending)
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        """Have a point before and one after something that is written."""
        self.reach(f"before {what}")
        yield
        self.reach(f"after {what}")

    def watch_the_network(self) -> None:
        """Have points around each request of this process, under way until its answer is there whole."""
        send, asend = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

        def handle_request(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            with self._around(request):
                response = send(transport, request)
                response.read()
                return response

        async def handle_async_request(
            transport: httpx.AsyncHTTPTransport, request: httpx.Request
        ) -> httpx.Response:
            with self._around(request):
                response = await asend(transport, request)
                await response.aread()
                return response

        httpx.HTTPTransport.handle_request = handle_request  # type: ignore[assignment,method-assign]
        httpx.AsyncHTTPTransport.handle_async_request = handle_async_request  # type: ignore[assignment,method-assign]

    def _around(self, request: httpx.Request) -> AbstractContextManager[None]:
        what = f"{request.method} {request.url.path}"
        changes_something = request.method != "GET" and request.url.path.startswith("/v2/")
        request.headers[SENT_BY] = self._process

        @contextmanager
        def points() -> Iterator[None]:
            self.reach(f"before {what}")
            if changes_something:
                self.reach(f"on its way: {what}", sending=request)
            self.requests_under_way += 1
            try:
                yield
            finally:
                self.requests_under_way -= 1
            if changes_something:
                self.reach(f"answer unread: {what}")

        return points()


def read_trace(trace: Path) -> list[Point]:
    """Give the points that were reached, in order."""
    if not trace.exists():
        return []
    lines: list[dict[str, Any]] = [json.loads(line) for line in trace.read_text().splitlines()]
    return [Point(**line) for line in lines]
