"""Lists that are read page by page, as far as somebody wants to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from airflow_provider_aicore.api.call import Call, Flow, once

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.api.retry import RetryPolicy

PAGE = 1000
"""Items of one page: AI Core would give more, but a sister endpoint is known to refuse that with 413."""


class Item(Protocol):
    """What a list is of."""

    @property
    def id(self) -> str:
        """What tells it from all others."""


T = TypeVar("T", bound=Item)


class Walk(Generic[T]):
    """Goes through a list page by page, and gives each item once.

    AI Core has no cursor, only numbers of items to skip, so what comes and goes meanwhile shifts the pages.
    Each page therefore begins with the last item of the one before. If nothing on a page is known, items in
    front of it have gone, and the walk takes a step back. What comes meanwhile may be given or not.

    :param page: makes the call for (`top`, `skip`).
    :param size: items of one page, at least 2.
    """

    def __init__(
        self, page: Callable[[int, int], Call[list[T]]], retry: RetryPolicy, *, size: int = PAGE
    ) -> None:
        self._page = page
        self._retry = retry
        self._size = size
        self._behind = 0
        self._seen: set[str] = set()
        self.is_over = False
        """Whether the end was reached."""

    def turn(self) -> Flow[list[T]]:
        """Read one page, and return what is new on it, which may be nothing."""
        skip = max(0, self._behind - 1)
        found = yield from once(self._page(self._size, skip), self._retry)
        if skip and not any(each.id in self._seen for each in found):
            self._behind = max(0, self._behind - self._size)
            return []
        new = {each.id: each for each in found if each.id not in self._seen}
        self._seen |= new.keys()
        self._behind = skip + len(found)
        self.is_over = len(found) < self._size
        return list(new.values())
