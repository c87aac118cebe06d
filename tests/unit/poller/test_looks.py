"""How the shared poll looks: singly or by lists, whichever is cheaper."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.poller.roll import PAGE, lists_are_cheaper, requests_of_lists
from tests.together import kind

TEN_MINUTES = Progress.by_clock(unknown=10, pending=10, running=600)
LISTS = 4


@pytest.mark.parametrize("end", ["COMPLETED", "DEAD", "STOPPED"])
def test_a_wait_ends_with_each_terminal_status(together, end):
    """The execution comes back as it ended, and in full."""
    (execution_id,) = together.start(Progress.by_clock(outcome=end, message="so it is"))

    (execution,) = together.wait_for_all([execution_id])

    assert (execution.id, execution.status.value) == (execution_id, end)
    assert execution.status_message == "so it is"
    assert execution.completion_time is not None


def test_few_are_read_singly(together):
    """Up to as many waits as there are lists are looked at with a request each."""
    together.wait_for_all(together.start(Progress.by_clock(), LISTS))

    assert together.requests()["list"] == 0


def test_many_are_listed(together):
    """Many are looked at with one list per status that is not terminal, and one read each at the end."""
    together.wait_for_all(together.start(TEN_MINUTES, 20))

    assert together.requests()["read"] == 20
    lists = [request.url.params for _, request in together.asked if kind(request) == "list"]
    assert [each["status"] for each in lists[:LISTS]] == ["UNKNOWN", "PENDING", "RUNNING", "STOPPING"]
    assert {(each["$select"], each["$top"]) for each in lists} == {("status", "2500")}
    # Ten minutes have 20 intervals; some lists come early, while they are young.
    assert 20 * LISTS <= len(lists) <= 35 * LISTS


@pytest.mark.parametrize(
    ("looks", "listed", "strays", "listing"),
    [
        (4, 0, 0, False),
        (5, 0, 0, True),
        (5, 500, 0, False),
        (10_000, 10_000, 0, True),
        (10, 10_000, 0, False),
        (30, 30, 26, False),
        (90, 40_000, 0, False),
        (200, 40_000, 0, True),
    ],
)
def test_the_cost_model(looks, listed, strays, listing):
    """Lists cost a request each and for each full page, their items, and what they do not show."""
    assert lists_are_cheaper(looks, statuses=4, listed=listed, strays=strays, page=2500) is listing


def test_ten_thousand_take_ten_requests_at_most():
    """However they are spread over the statuses."""
    assert requests_of_lists(LISTS, 10_000, PAGE) <= 10
