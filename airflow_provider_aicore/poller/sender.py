"""Sends the requests of a group: when it may, and with credentials that are good."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, TypeVar

import httpx

from airflow_provider_aicore.api.call import Call, once
from airflow_provider_aicore.api.errors import (
    AICoreError,
    AuthenticationError,
    RateLimitedError,
    TokenRefusedError,
)
from airflow_provider_aicore.api.retry import NO_RETRY, retry_after
from airflow_provider_aicore.poller.pace import Budget, Rate
from airflow_provider_aicore.poller.wait import LOOKING_FAILED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from airflow_provider_aicore.api.auth import ServiceKey
    from airflow_provider_aicore.api.call import Answer, Step
    from airflow_provider_aicore.api.client import AsyncClient

    Connect = Callable[[], Awaitable[AsyncClient]]

T = TypeVar("T")

_REMEMBERED = 30.0
"""Seconds after which refused credentials may have been changed in the connection."""


class Sender:
    """One client for all requests of a group.

    :param client: closed with this.
    :param reconnect: gives the ways to look the connection up again, once its credentials were refused.
    :param jitter: draws from 0 up to 1.
    """

    def __init__(
        self,
        client: AsyncClient,
        reconnect: Callable[[], Iterable[Connect]],
        requests_per_minute: float,
        jitter: Callable[[], float],
    ) -> None:
        self._time = asyncio.get_running_loop().time
        self.rate = Rate(self._time())
        self.budget = Budget(requests_per_minute, self._time())
        self.client = client
        """The one with the credentials that are good, as far as is known."""
        self._made = [client]
        self._refused_keys: list[ServiceKey] = []
        self._forget_refusals_at = math.inf
        self._reconnect, self._renewal = reconnect, asyncio.Lock()
        self._one_at_a_time = asyncio.Lock()
        self._jitter = jitter

    async def send(self, call: Call[T]) -> T:
        """Send a call as soon as the group may; after trouble one at a time, until an answer comes.

        Nothing is repeated here: whoever looks looks again, and AI Core's refusals are to be felt.
        """
        if not self.rate.failures:
            return await self._send_in_turn(call)
        async with self._one_at_a_time:
            return await self._send_in_turn(call)

    async def perform(self, client: AsyncClient, step: Step) -> Answer:
        """Perform a step of somebody's flow as soon as the group may; what comes of it counts for all."""
        if not isinstance(step, Call):
            return await client.perform(step)
        sent_at = await self._turn()
        answer = await client.perform(step)
        if isinstance(answer, httpx.Response) and answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self.rate.refused(sent_at, self._time(), retry_after(answer))
            self.rate.bad(sent_at, self._time(), self._jitter())
        elif not isinstance(answer, httpx.Response) or answer.is_server_error:
            self.rate.bad(sent_at, self._time(), self._jitter())
        else:
            self.rate.good()
        return answer

    async def close_unless_used(self, client: AsyncClient) -> None:
        """Close a client that somebody made, unless it is the one of this group."""
        if client not in self._made:
            await client.close()

    async def close(self) -> None:
        """Close the connections."""
        for client in self._made:
            await client.close()

    async def _turn(self) -> float:
        """Wait until the group may ask, and say when that is."""
        while (pause := self.rate.pause(self._time())) > 0:  # noqa: ASYNC110 - time has to pass, nothing else
            await asyncio.sleep(pause)
        now = self._time()
        self.rate.sent(now)
        self.budget.spend(now)
        return now

    async def _send_in_turn(self, call: Call[T]) -> T:
        sent_at = await self._turn()
        try:
            answer = await self._send_with_good_credentials(call)
        except RateLimitedError as error:
            self.rate.refused(sent_at, self._time(), error.retry_after)
            self.rate.bad(sent_at, self._time(), self._jitter())
            raise
        except Exception as error:
            # AI Core's refusals are answers.
            if isinstance(error, LOOKING_FAILED) or not isinstance(error, AICoreError):
                self.rate.bad(sent_at, self._time(), self._jitter())
            else:
                self.rate.good()
            raise
        self.rate.good()
        self._refused_keys.clear()
        return answer

    async def _send_with_good_credentials(self, call: Call[T]) -> T:
        while True:
            client = self.client
            try:
                return await client.run(once(call, NO_RETRY))
            except AuthenticationError as error:
                if not await self.renewed(client):
                    if isinstance(error, TokenRefusedError):
                        self._refused_keys.clear()  # That may heal: it is looked up again next time.
                    raise

    async def renewed(self, refused: AsyncClient) -> bool:
        """Look the connection up again, once for all, and tell whether it has other credentials."""
        async with self._renewal:
            if self.client is not refused:
                return True
            if self._time() >= self._forget_refusals_at:
                self._refused_keys.clear()
            if refused.service_key in self._refused_keys:
                return False
            other = await self._other_than(refused)
            # Only now: if the connection could not be had, nothing is known of its credentials.
            self._refused_keys.append(refused.service_key)
            self._forget_refusals_at = self._time() + _REMEMBERED
            if other is None:
                return False
            self._made.append(other)
            self.client = other
            return True

    async def _other_than(self, refused: AsyncClient) -> AsyncClient | None:
        """Look the connection up for a client with other credentials for the same resource group."""
        for connect in self._reconnect():
            try:
                client = await connect()
            except (AICoreError, ValueError):
                continue  # That connection is of no use; the refusal says more.
            if client.service_key not in [*self._refused_keys, refused.service_key] and _whom(
                client
            ) == _whom(refused):
                return client
            await self.close_unless_used(client)
        return None


def _whom(client: AsyncClient) -> tuple[str, str]:
    """Tell whom a client asks: elsewhere nobody knows the executions."""
    return client.service_key.api_url, client.resource_group
