"""Scripted trouble: what goes wrong, and at which request.

In process a broken connection is the exception that httpx would raise; over TCP the server closes the
connection.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime, formatdate, parsedate_to_datetime
from typing import Any, Protocol

import httpx

Proceed = Callable[[httpx.Request], httpx.Response]


class Fault(Protocol):
    """One kind of trouble."""

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Answer in place of the emulator, or raise what the client shall see.

        :param proceed: the emulator's own handling, for trouble that comes after the request took effect.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """Another answer than the right one.

    :param status: HTTP status.
    :param text: a plain body; AI Core's gateway speaks plain text.
    :param json: a JSON body instead.
    :param headers: on top of the content type.
    :param takes_effect: True: the request is carried out first, and only its answer is lost.
    """

    status: int
    text: str = ""
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    takes_effect: bool = False

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Answer with what was scripted."""
        if self.takes_effect:
            proceed(request)
        if self.json is not None:
            return httpx.Response(self.status, json=self.json, headers=dict(self.headers))
        headers = {"content-type": "text/plain", **self.headers}
        return httpx.Response(self.status, content=self.text.encode(), headers=headers)


@dataclass(frozen=True, slots=True)
class MalformedJson:
    """The right status with a body that ends too early; the request took effect."""

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Cut the answer's body in half."""
        whole = proceed(request)
        content = half(whole.content) or b"{"
        return httpx.Response(
            whole.status_code, content=content, headers={"content-type": "application/json"}
        )


@dataclass(frozen=True, slots=True)
class NoConnection:
    """Nobody listens: the request does not arrive. Over TCP the connection is there, and is closed unused.

    :param timeout: True: the connection attempt times out instead of being refused.
    """

    timeout: bool = False

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Raise what httpx raises without a connection."""
        if self.timeout:
            raise httpx.ConnectTimeout("timed out (emulator)", request=request)
        raise httpx.ConnectError("connection refused (emulator)", request=request)


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection breaks instead of an answer.

    :param takes_effect: True: after the request was carried out; False: before. The client cannot tell.
    """

    takes_effect: bool = True

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Raise what httpx raises when the server hangs up."""
        if self.takes_effect:
            proceed(request)
        raise httpx.ReadError("connection lost (emulator)", request=request)


class AnswerCutOff(httpx.RemoteProtocolError):
    """What a client sees of an answer whose body ends too early; a server can send the half it has seen.

    :param whole: the answer as it should have been.
    """

    def __init__(self, whole: httpx.Response, request: httpx.Request) -> None:
        sent, size = len(half(whole.content)), len(whole.content)
        super().__init__(
            "peer closed connection without sending complete message body "
            f"(received {sent} bytes, expected {size}) (emulator)",
            request=request,
        )
        self.whole = whole


@dataclass(frozen=True, slots=True)
class BodyCut:
    """The connection breaks in the middle of the answer's body; the request took effect.

    Over TCP the headers and half of the bytes arrive, with the ``Content-Length`` of the whole. An answer
    without a body breaks as with `ConnectionLost`.
    """

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Raise what httpx raises when the server hangs up half way."""
        raise AnswerCutOff(proceed(request), request)


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """The right answer with a wrong ``Date``.

    :param seconds: how far the header is ahead of the emulator's clock; negative: behind.
    """

    seconds: float

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Move the header ``Date``."""
        response = proceed(request)
        right = parsedate_to_datetime(response.headers["date"])
        response.headers["date"] = format_datetime(right + timedelta(seconds=self.seconds), usegmt=True)
        return response


@dataclass(frozen=True, slots=True)
class RetryAfterDate:
    """A 429 whose ``Retry-After`` is a date, reckoned when the fault strikes.

    :param seconds: from then on.
    :param now: the clock, seconds since the epoch.
    """

    seconds: float
    now: Callable[[], float] = field(repr=False)

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Answer 429."""
        date = formatdate(self.now() + self.seconds, usegmt=True)
        return httpx.Response(429, text="Too Many Requests", headers={"Retry-After": date})


@dataclass(frozen=True, slots=True)
class SlowAnswer:
    """The right answer, late; the request took effect.

    In process nobody waits: a client with more patience gets its answer at once, any other its timeout.

    :param seconds: how late.
    """

    seconds: float

    def answer(self, request: httpx.Request, proceed: Proceed) -> httpx.Response:
        """Answer, or raise the read timeout that the client would run into."""
        response = proceed(request)
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and patience <= self.seconds:
            raise httpx.ReadTimeout("timed out (emulator)", request=request)
        response.extensions["delay"] = self.seconds
        return response


def too_many_requests(retry_after: float | datetime | None = None) -> Answer:
    """Make a 429 as a gateway sends it.

    :param retry_after: seconds, or an aware instant for the header's date form; None leaves the header out.
    """
    if retry_after is None:
        return Answer(429, "Too Many Requests")
    if isinstance(retry_after, datetime):
        value = format_datetime(retry_after, usegmt=True)
    else:
        value = f"{retry_after:g}"
    return Answer(429, "Too Many Requests", headers={"Retry-After": value})


def server_error(status: int = 500, *, takes_effect: bool = False) -> Answer:
    """Make a 5xx with AI Core's error body.

    :param takes_effect: True: the request is carried out first, and only its answer is lost.
    """
    error = {"code": str(status), "message": "Internal Server Error (emulator)"}
    return Answer(status, json={"error": error}, takes_effect=takes_effect)


def unavailable(text: str = "upstream connect error or disconnect/reset before headers") -> Answer:
    """Make a 503 in plain text, as it comes from the gateway while AI Core itself is away."""
    return Answer(503, text)


def token_refused(text: str = "Jwt is expired") -> Answer:
    """Make the gateway's 401 for a token that was good a moment ago."""
    return Answer(401, text)


def credentials_refused() -> Answer:
    """Make the identity service's answer to a wrong secret; for the path ``/oauth/token``."""
    return Answer(401, json={"error": "unauthorized", "error_description": "Bad credentials"})


def half(content: bytes) -> bytes:
    """Give the first half of a body."""
    return content[: len(content) // 2]


@dataclass(slots=True)
class Rule:
    """A fault and the requests that it strikes, as in `Faults.add`.

    :param matched: how many requests have fitted so far.
    """

    fault: Fault
    method: str | None
    path: re.Pattern[str]
    nth: int
    times: int | None
    matched: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Count a request, and say whether it is struck."""
        if (self.method not in (None, method)) or not self.path.search(path):
            return False
        self.matched += 1
        return self.matched >= self.nth and (self.times is None or self.matched < self.nth + self.times)


class Faults:
    """The trouble that is in store, in the order in which it was added."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(
        self,
        fault: Fault,
        *,
        method: str | None = None,
        path: str = "",
        nth: int = 1,
        times: int | None = 1,
    ) -> None:
        """Let *fault* strike the *nth* matching request from now on, and those after it.

        A request that one fault strikes is not counted by the faults added later, so two that were added for
        the same path strike one after the other.

        :param method: ``GET``, ``POST``, ...; default: any.
        :param path: regular expression, searched for in the path (``/v2/lm/executions$``); default: any path,
            also that of the token.
        :param nth: 1 is the next matching request.
        :param times: how many requests in a row are struck; None: all from there on.
        """
        with self._lock:
            self._rules.append(Rule(fault, method, re.compile(path), nth, times))

    @property
    def rules(self) -> list[Rule]:
        """All that was added, in order, also what has struck for the last time."""
        with self._lock:
            return list(self._rules)

    def clear(self) -> None:
        """Forget all trouble."""
        with self._lock:
            self._rules.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """Give the fault for a request, None for none."""
        with self._lock:
            return next((rule.fault for rule in self._rules if rule.strikes(method, path)), None)
