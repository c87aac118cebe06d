"""What a trigger does beside its wait, for as long as that lasts."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger


class Alongside(ABC):
    """Follows something in a task of its own for as long as the block lasts."""

    def __init__(self, trigger: AICoreExecutionTrigger) -> None:
        self._trigger = trigger

    async def __aenter__(self) -> Self:
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end_following()

    async def _end_following(self) -> None:
        self._following.cancel()
        await asyncio.wait([self._following])

    @abstractmethod
    async def _follow(self) -> None:
        """Follow it until cancelled, and raise nothing."""
