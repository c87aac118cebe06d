"""What is shown of a log while it grows, and when it is looked at."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import pytest

from airflow_provider_aicore.api.call import Sleep
from airflow_provider_aicore.api.log_following import (
    FIRST_AFTER,
    INTERVAL,
    LATE,
    SLOWEST,
    Limits,
    LogFollower,
)
from airflow_provider_aicore.emulator import Progress, unavailable
from airflow_provider_aicore.emulator.logbook import LogLine


@pytest.fixture
def job(emulator, client, api, clock):
    """Return an execution that runs for long, and prints what a test lets it print."""
    emulator.script("text-clf-train", Progress.by_clock(unknown=10, pending=0, running=1e6))
    execution_id = api.start()
    workload = emulator.state.groups["default"].executions[execution_id]

    def add(text, container="main", ago=0.0):
        at = int((clock.now() - ago) * 1_000_000_000)
        workload.logs.add(LogLine(at, container, execution_id, text))

    return SimpleNamespace(id=execution_id, print=add)


LIMITS = Limits(lines=10, characters=20_000, in_all=25, page=50, largest_page=60)


@pytest.fixture
def follower(job, clock):
    """Return a follower of its log with narrow limits."""
    return LogFollower(job.id, now=clock.now, limits=LIMITS)


@pytest.fixture
def look(client, clock):
    """Return a function that looks when it is time, and gives what is shown: of the execution, or of ours."""

    def look(follower):
        clock.move(max(0.0, follower.due_at - clock.now()))
        return [text.partition(" | ")[2] or text for _, text in client.run(follower.read())]

    return look


def _said(shown):
    return [text.partition(" | ")[2] or text for _, text in shown]


def test_lines_are_shown_as_they_come(job, follower, look, clock):
    """After five seconds, and then each twenty."""
    begin = clock.now()
    assert (look(follower), clock.now() - begin) == ([], FIRST_AFTER)
    clock.move(10)
    job.print("a")
    assert look(follower) == ["a"]
    job.print("b")
    assert look(follower) == ["b"]
    assert follower.due_at - clock.now() == INTERVAL


def test_a_quiet_log_is_looked_at_more_seldom(job, follower, look, clock):
    """Until it says something."""
    for _ in range(5):
        look(follower)
    assert follower.due_at - clock.now() == SLOWEST
    job.print("a")
    look(follower)
    assert follower.due_at - clock.now() == INTERVAL


def test_what_the_runtime_does_not_know_yet_has_no_lines(job, follower, look, emulator):
    """AI Core answers 404 then, which is no trouble."""
    assert look(follower) == []
    assert emulator.requests[-1].path.endswith("/logs")
    assert follower.stored is None


def test_lines_have_their_level_but_none_is_hidden_by_it(job, follower, client, clock):
    """Airflow's logs begin at INFO."""
    clock.move(20)
    for text in ("DEBUG a", "b", "WARNING c", "ERROR d"):
        job.print(text)
    levels = [level for level, _ in client.run(follower.read())]
    assert levels == [logging.INFO, logging.INFO, logging.WARNING, logging.ERROR]


def test_what_is_too_much_is_counted(job, follower, look, clock):
    """So many lines of an interval are shown, and the next interval has as many."""
    clock.move(20)
    for _ in range(2):
        for number in range(21):
            job.print(str(number))
        first, *rest, last = look(follower)
        assert (first, len(rest), last[:22]) == ("0", 9, "11 lines left out here")


def test_long_lines_count_by_their_length(job, follower, look, clock):
    """So many characters of an interval are shown, of each line the first 8192."""
    clock.move(20)
    for _ in range(4):
        job.print("x" * 100_000)
    *shown, last = look(follower)
    assert (len(shown), last[:22]) == (2, "2 lines left out here,")
    assert len(shown[0]) < 8300


def test_a_page_that_is_cut_is_followed_at_once_by_the_next(job, follower, look, clock):
    """What is left out is told where it is missing, not after each page."""
    clock.move(20)
    for number in range(70):
        clock.move(0.001)
        job.print(str(number))
    begin = clock.now()
    pages = [look(follower), look(follower)]
    assert clock.now() == begin
    assert [len(page) for page in pages] == [10, 1]
    assert pages[1][0].startswith("60 lines left out here")


def test_in_all_there_is_an_end_to_what_is_shown(job, follower, look, clock):
    """Then lines are only counted, and the number is told in the end."""
    clock.move(20)
    for _ in range(3):
        for number in range(9):
            job.print(str(number))
        shown = look(follower)
    assert shown == [*map(str, range(7)), "25 lines were shown; from here on they are only counted."]
    job.print("e")
    assert look(follower) == []
    assert _said(follower.rest())[0].startswith("3 lines left out here")


def test_argo_s_own_containers_are_left_out(job, follower, look, clock):
    """Their lines say nothing about what the user lets run."""
    clock.move(20)
    job.print("fetching", container="init")
    assert look(follower) == []
    job.print("epoch 1")
    job.print("uploading", container="wait")
    assert look(follower) == ["epoch 1"]
    follower.end()
    assert look(follower) == []
    assert _said(follower.rest()) == []


def test_argo_s_own_containers_are_shown_if_nobody_else_says_anything(job, follower, look, clock):
    """In the end: they may say why."""
    clock.move(20)
    job.print("no such bucket", container="init")
    look(follower)
    assert follower.stored is None
    follower.end()
    look(follower)
    assert _said(follower.rest()) == ["no such bucket"]


def test_trouble_is_told_once_until_it_is_over(job, follower, look, emulator, clock):
    """And never raised."""
    clock.move(20)
    look(follower)
    emulator.faults.add(unavailable(), path=f"/lm/executions/{job.id}/logs", times=3)
    first = look(follower)
    assert len(first) == 1
    assert "503" in first[0]
    assert follower.due_at - clock.now() == SLOWEST
    assert look(follower) == look(follower) == []
    job.print("a")
    healed, line = look(follower)
    assert "can be read again" in healed
    assert line == "a"


def test_after_the_end_it_looks_once_more(job, follower, look, clock):
    """Some seconds later, for lines come late."""
    clock.move(20)
    look(follower)
    follower.end()
    job.print("bye", ago=3.0)
    begin = clock.now()
    assert look(follower) == ["bye"]
    assert (clock.now() - begin, follower.is_done) == (LATE, True)
    assert _said(follower.rest()) == []


def test_what_was_under_way_at_the_end_is_not_the_last_look(job, follower, client, clock):
    """It may have come too early for the last lines."""
    clock.move(20)
    flow = follower.read()
    step = next(flow)
    follower.end()
    due_at = follower.due_at
    while True:
        try:
            step = flow.send(None if isinstance(step, Sleep) else client._perform(step))
        except StopIteration:
            break
    assert (follower.is_done, follower.due_at) == (False, due_at)


def test_after_an_end_in_a_hurry_it_looks_back_once(job, look, clock):
    """For lines that came late while it was behind, as it does while a log grows."""
    follower = LogFollower(job.id, now=clock.now, limits=Limits(page=50, largest_page=60))
    clock.move(20)
    for number in range(200):
        job.print(str(number), ago=20 - number / 10)
    seen = look(follower)
    job.print("late", ago=19)
    follower.end()
    while not follower.is_done:
        seen += look(follower)

    assert sorted(seen) == sorted([*map(str, range(200)), "late"])


def test_a_log_that_is_not_read_to_its_end_says_so(job, follower, look, emulator, clock):
    """And since when."""
    clock.move(20)
    look(follower)
    emulator.faults.add(unavailable(), path=f"/lm/executions/{job.id}/logs", times=9)
    follower.end()
    look(follower)
    assert "was not read to its end" in _said(follower.rest())[-1]


def test_another_one_goes_on_where_this_one_was(job, follower, look, clock):
    """With what it knew, as JSON."""
    clock.move(20)
    job.print("a")
    look(follower)
    later = LogFollower(job.id, now=clock.now, stored=json.loads(json.dumps(follower.stored)))
    job.print("b")
    assert look(later) == ["b"]


def test_where_lines_cannot_be_had_a_gap_is_told(job, follower, look, clock):
    """More than AI Core gives at once share one time stamp."""
    clock.move(20)
    for number in range(61):
        job.print(str(number))
    shown = [text for _ in range(4) for text in look(follower)]
    assert any(text.startswith("Lines are missing here") for text in shown)


def test_what_there_is_no_time_to_show_is_counted(job, follower, client, clock):
    """And told with the rest, without what is ours."""
    clock.move(20)
    for number in range(12):
        job.print(str(number))
    lines = client.run(follower.read())
    next(lines)
    assert follower.leave_out(lines) == 9
    assert _said(follower.rest())[0].startswith("9 lines left out here")
