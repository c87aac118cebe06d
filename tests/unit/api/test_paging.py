"""Going through a list while it changes."""

from __future__ import annotations

import httpx
import pytest

from airflow_provider_aicore.api import artifacts
from airflow_provider_aicore.api.paging import Walk


class Shelf:
    """A list of artifacts behind AI Core's paging, which can change between two requests."""

    def __init__(self, count: int) -> None:
        self.ids = [f"artifact-{number:03}" for number in range(count)]
        self.asked: list[tuple[int, int]] = []
        self.changes: list[object] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Give a page, and change then."""
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 43199})
        top, skip = int(request.url.params["$top"]), int(request.url.params.get("$skip", 0))
        self.asked.append((top, skip))
        page = [self._artifact(each) for each in self.ids[skip : skip + top]]
        if self.changes:
            self.changes.pop(0)()  # type: ignore[operator]
        return httpx.Response(200, json={"count": len(page), "resources": page})

    @staticmethod
    def _artifact(name: str) -> dict[str, str]:
        times = {"createdAt": "2027-01-15T08:00:00Z", "modifiedAt": "2027-01-15T08:00:00Z"}
        return {"id": name, "name": "n", "kind": "model", "url": "ai://x/y", "scenarioId": "s", **times}


@pytest.fixture
def walk_through(make_client, retry):
    """Return a function that goes through a shelf by pages of five, and gives the ids as they came."""

    def walk_through(shelf):
        client = make_client(transport=httpx.MockTransport(shelf.answer))
        walk = Walk(lambda top, skip: artifacts.query(top=top, skip=skip), retry, size=5)
        came = []
        while not walk.is_over:
            came += [each.id for each in client.run(walk.turn())]
        return came

    return walk_through


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 9, 10, 13])
def test_each_item_comes_once(walk_through, count):
    """Whether the last page is full or not."""
    shelf = Shelf(count)

    assert walk_through(shelf) == shelf.ids


def test_what_comes_in_front_is_not_given_twice(walk_through):
    """What was there already is shifted onto the next page."""
    shelf = Shelf(12)
    before = list(shelf.ids)
    shelf.changes = [lambda: shelf.ids.insert(0, "new-1"), lambda: shelf.ids.insert(0, "new-2")]

    assert walk_through(shelf) == before


@pytest.mark.parametrize("gone", [1, 3, 5, 9])
def test_what_goes_in_front_hides_nothing(walk_through, gone):
    """What was to come is shifted onto a page that was read, so the walk steps back."""
    shelf = Shelf(23)
    before = list(shelf.ids)
    shelf.changes = [lambda: None, lambda: shelf.ids.__delitem__(slice(gone))]

    came = walk_through(shelf)

    assert came == before


def test_a_list_that_is_emptied_meanwhile_ends(walk_through):
    """There is nothing to step back to."""
    shelf = Shelf(12)
    shelf.changes = [shelf.ids.clear]

    assert len(walk_through(shelf)) == 5
