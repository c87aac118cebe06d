"""Reading the logs of executions."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Progress


@pytest.fixture
def running(emulator, api):
    """Start an execution that runs, and give its id."""
    emulator.script("text-clf-train", Progress.stuck("RUNNING"))
    execution_id = api.start()
    api.status(execution_id)
    return execution_id


def messages(api, execution_id, **parameters):
    """Give the texts of the lines that a query has."""
    answer = api.get(f"/executions/{execution_id}/logs", params=parameters).raise_for_status()
    return [line["msg"] for line in answer.json()["data"]["result"]]


def test_unknown_execution_has_no_logs_yet(emulator, api):
    """Before the runtime knows the execution the answer is 404 with its own code."""
    emulator.script("text-clf-train", Progress.stuck("UNKNOWN"))
    answer = api.get(f"/executions/{api.start()}/logs")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "05011000")


def test_line_has_nanoseconds_container_and_pod(emulator, api, running):
    """A line carries nine digits and the numeric zone, the container and the pod."""
    emulator.write_log(running, "epoch 1")
    (line,) = api.get(f"/executions/{running}/logs").json()["data"]["result"]
    assert line == {
        "timestamp": "2027-01-15T08:00:00.000000000+00:00",
        "container": "main",
        "pod": running,
        "msg": "epoch 1",
    }


def test_window_is_the_last_hour_unless_asked_otherwise(emulator, api, clock, running):
    """Without ``start`` lines older than an hour are not shown, the most reported trouble with logs."""
    emulator.write_log(running, "old")
    clock.move(3601)
    emulator.write_log(running, "new")
    assert messages(api, running) == ["new"]
    assert messages(api, running, start="2027-01-15T08:00:00Z") == ["old", "new"]
    assert messages(api, running, start="2027-01-15T10:00:00+02:00", end="2027-01-15T08:59:59Z") == ["old"]


def test_window_includes_both_ends_to_the_nanosecond(emulator, api, clock, running):
    """A line exactly at an end of the window is inside."""
    emulator.write_log(running, "here", at=clock.now() + 0.5)
    clock.move(10)
    assert messages(api, running, start="2027-01-15T08:00:00.500000000Z") == ["here"]
    assert messages(api, running, start="2027-01-15T08:00:00.500000001Z") == []
    assert messages(api, running, end="2027-01-15T08:00:00.500Z") == ["here"]
    assert messages(api, running, end="2027-01-15T08:00:00.499999999Z") == []


def test_page_is_cut_without_a_sign(emulator, api, clock, running):
    """Of too many lines the first ``$top`` come, the last ones when newest are asked for first."""
    for number in range(4):
        emulator.write_log(running, str(number), at=clock.now() + number)
    clock.move(10)
    assert messages(api, running, **{"$top": 2}) == ["0", "1"]
    assert messages(api, running, **{"$top": 2, "$order": "desc"}) == ["3", "2"]


def test_default_page_has_a_thousand_lines(emulator, api, running):
    """A thousand lines come unless more are asked for."""
    for number in range(1001):
        emulator.write_log(running, str(number))
    assert len(messages(api, running)) == 1000
    assert len(messages(api, running, **{"$top": 5000})) == 1001


def test_late_line_appears_where_it_belongs(emulator, api, clock, running):
    """A line may arrive later than its time says; lines of the same time keep their order."""
    clock.move(10)
    emulator.write_log(running, "second")
    emulator.write_log(running, "third")
    emulator.write_log(running, "first", at=clock.now() - 5)
    assert messages(api, running) == ["first", "second", "third"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"$top": 0},
        {"$top": 5001},
        {"$order": "newest"},
        {"start": "yesterday"},
        {"start": "2027-01-15T08:00:00"},
        {"start": "2027-01-15T10:00:00 02:00"},
    ],
)
def test_bad_parameters_are_refused(api, running, parameters):
    """Limits, and instants without a zone or with a ``+`` that was not encoded, are 400."""
    assert api.get(f"/executions/{running}/logs", params=parameters).status_code == 400
