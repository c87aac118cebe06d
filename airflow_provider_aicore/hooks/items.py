"""Lists of AI Core as Python goes through them, blocking or in an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from airflow_provider_aicore.api import ExecutionStatus
    from airflow_provider_aicore.api.call import Call
    from airflow_provider_aicore.api.paging import Item
    from airflow_provider_aicore.hooks.aicore import AICoreHook

T = TypeVar("T", bound="Item")


class ExecutionFilters(TypedDict, total=False):
    """What chooses executions."""

    configuration_id: str
    scenario_id: str
    executable_ids: Sequence[str]
    execution_schedule_id: str
    status: ExecutionStatus


class ConfigurationFilters(TypedDict, total=False):
    """What chooses configurations."""

    scenario_id: str
    executable_ids: Sequence[str]
    search: str


class ArtifactFilters(TypedDict, total=False):
    """What chooses artifacts."""

    scenario_id: str
    execution_id: str
    name: str
    kind: str
    search: str


class Items(Generic[T]):
    """What a filter chooses, for ``for`` and for ``async for``; read page by page, when it is wanted.

    Each item comes once, in no promised order. What comes while one reads may be among them or not. Each loop
    over it begins anew, with a client of its own.

    :param page: makes the call for (`top`, `skip`).
    :raises AICoreError: AI Core refused, or gave no answer; see :func:`.api.call.once`.
    """

    def __init__(self, hook: AICoreHook, page: Callable[[int, int], Call[list[T]]]) -> None:
        page(1, 0)  # Bad filters are refused here, where they are given.
        self._hook = hook
        self._page = page

    def __iter__(self) -> Iterator[T]:
        from airflow_provider_aicore.api.paging import Walk

        with self._hook.get_conn() as client:
            walk = Walk(self._page, client.retry)
            while not walk.is_over:
                yield from client.run(walk.turn())

    async def __aiter__(self) -> AsyncIterator[T]:
        from airflow_provider_aicore.api.paging import Walk

        async with await self._hook.aget_conn() as client:
            walk = Walk(self._page, client.retry)
            while not walk.is_over:
                for each in await client.run(walk.turn()):
                    yield each
