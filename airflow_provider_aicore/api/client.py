"""The two drivers: they send what flows ask for, and nothing else differs between them but ``await``."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar, Unpack, cast

import httpx

from airflow_provider_aicore.api.auth import ServiceKey, Token, fetch_token
from airflow_provider_aicore.api.call import Answer, Call, DropToken, Flow, Sleep, Step, once
from airflow_provider_aicore.api.errors import AICoreError
from airflow_provider_aicore.api.retry import RetryPolicy
from airflow_provider_aicore.api.validation import check_resource_group

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

T = TypeVar("T")

CONNECT_TIMEOUT = 10.0
ANSWER_TIMEOUT = 60.0
CLIENT_TYPE = "airflow-provider-aicore"
"""Sent as `AI-Client-Type`, by which AI Core's metering tells clients apart."""


class ClientOptions(TypedDict, total=False):
    """What both clients take by keyword."""

    resource_group: str
    """Sent with every request, `default` unless given; AI Core keeps everything apart by it."""
    retry: RetryPolicy
    """When requests are repeated."""
    timeout: float
    """Seconds to wait for an answer, 60 unless given; a connection has to stand within ten."""
    transport: httpx.MockTransport
    """Replaces the network, in tests."""
    now: Callable[[], float]
    """The clock, in seconds since the epoch."""
    on_answer: Callable[[Call[Any], Answer], None]
    """Told of each request to AI Core, not to its identity service, and what came of it; must not raise."""


class _Session:
    """What both drivers have: whom to ask, with which headers, and the token in hand."""

    def __init__(self, service_key: ServiceKey, options: ClientOptions) -> None:
        unknown = options.keys() - ClientOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"A client has no option {', '.join(sorted(unknown))}.")
        self.service_key = service_key
        self.resource_group = check_resource_group(options.get("resource_group", "default"))
        self.retry = options.get("retry", RetryPolicy())
        self.now = options.get("now", time.time)
        self._on_answer = options.get("on_answer")
        self._token: Token | None = None
        timeout = options.get("timeout", ANSWER_TIMEOUT)
        self._api_url = f"{service_key.api_url}/v2"
        self._http_options: dict[str, Any] = {
            "timeout": httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
            "transport": options.get("transport"),
            # Only the identity service asks for the client certificate that an X.509 key puts in here.
            "verify": service_key.ssl_context(),
        }

    def _request(
        self, http: httpx.Client | httpx.AsyncClient, call: Call[Any], token: Token | None
    ) -> httpx.Request:
        headers = {"Accept": "application/json"}
        if token:
            headers |= {
                "Authorization": f"Bearer {token.value}",
                "AI-Resource-Group": self.resource_group,
                "AI-Client-Type": CLIENT_TYPE,
            }
        if call.json is not None:
            headers["Content-Type"] = call.content_type
        return http.build_request(
            call.method,
            # Whole: httpx would parse what it puts together from a base URL once more, for each request.
            f"{self._api_url}{call.path}" if call.path.startswith("/") else call.path,
            params=call.params or None,
            json=call.json,
            data=call.form,
            headers=headers,
        )

    def _told(self, call: Call[Any], answer: Answer) -> Answer:
        if self._on_answer is not None and call.authorized:
            self._on_answer(call, answer)
        return answer

    def _usable_token(self) -> Token | None:
        return self._token if self._token and self.now() < self._token.renew_at else None

    def _drop_token(self, refused: httpx.Request) -> None:
        """Forget the token, unless another call has renewed it since."""
        if self._token and refused.headers.get("Authorization") == f"Bearer {self._token.value}":
            self._token = None


class Client(_Session):
    """Sends calls and runs flows, blocking. Safe to share between threads.

    :param service_key: who we are.
    :param sleep: how to wait, in seconds.
    :param options: see :class:`ClientOptions`.
    """

    def __init__(
        self,
        service_key: ServiceKey,
        *,
        sleep: Callable[[float], None] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(service_key, options)
        self._http = httpx.Client(**self._http_options)
        self._sleep = sleep or time.sleep
        self._token_lock = threading.Lock()

    def send(self, call: Call[T]) -> T:
        """Send one call and return its result; for the errors see :func:`~.call.once`."""
        return self.run(once(call, self.retry))

    def run(self, flow: Flow[T]) -> T:
        """Perform a flow's steps until it returns."""
        with closing(flow):
            go_on = partial(flow.send, None)
            while True:
                try:
                    step = go_on()
                except StopIteration as done:
                    return cast("T", done.value)
                try:
                    go_on = partial(flow.send, self._perform(step))
                except AICoreError as error:  # No token was to be had: the flow may wait that out.
                    go_on = partial(flow.throw, error)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _perform(self, step: Step) -> Answer:
        if isinstance(step, Sleep):
            self._sleep(step.seconds)
            return None
        if isinstance(step, DropToken):
            self._drop_token(step.refused)
            return None
        token = self._current_token() if step.authorized else None
        answer: Answer
        try:
            answer = self._http.send(self._request(self._http, step, token))
        except httpx.RequestError as error:
            answer = error
        return self._told(step, answer)

    def _current_token(self) -> Token:
        with self._token_lock:
            token = self._usable_token()
            if token is None:
                token = self._token = self.run(fetch_token(self.service_key, self.retry, self.now))
            return token


class AsyncClient(_Session):
    """Sends calls and runs flows on the event loop in which it is first used.

    :param service_key: who we are.
    :param sleep: how to wait, in seconds.
    :param options: see :class:`ClientOptions`.
    """

    def __init__(
        self,
        service_key: ServiceKey,
        *,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(service_key, options)
        self._http = httpx.AsyncClient(**self._http_options)
        self._sleep = sleep or asyncio.sleep
        self._token_lock = asyncio.Lock()

    async def send(self, call: Call[T]) -> T:
        """Send one call and return its result; for the errors see :func:`~.call.once`."""
        return await self.run(once(call, self.retry))

    async def run(self, flow: Flow[T], *, perform: Callable[[Step], Awaitable[Answer]] | None = None) -> T:
        """Perform a flow's steps until it returns; cancelling closes the flow.

        :param perform: performs a step in place of :meth:`perform`, for whoever has the answer already.
        """
        perform = perform or self.perform
        with closing(flow):
            go_on = partial(flow.send, None)
            while True:
                try:
                    step = go_on()
                except StopIteration as done:
                    return cast("T", done.value)
                try:
                    go_on = partial(flow.send, await perform(step))
                except AICoreError as error:  # No token was to be had: the flow may wait that out.
                    go_on = partial(flow.throw, error)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def perform(self, step: Step) -> Answer:
        """Perform one step of a flow."""
        if isinstance(step, Sleep):
            await self._sleep(step.seconds)
            return None
        if isinstance(step, DropToken):
            self._drop_token(step.refused)
            return None
        token = await self._current_token() if step.authorized else None
        answer: Answer
        try:
            answer = await self._http.send(self._request(self._http, step, token))
        except httpx.RequestError as error:
            answer = error
        return self._told(step, answer)

    async def _current_token(self) -> Token:
        async with self._token_lock:
            token = self._usable_token()
            if token is None:
                token = self._token = await self.run(fetch_token(self.service_key, self.retry, self.now))
            return token
