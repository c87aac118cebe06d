"""The log of an execution in that of its task, while the task is deferred."""

from __future__ import annotations

import asyncio
import json
import re
from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aicore.api import executions
from airflow_provider_aicore.api.log_following import INTERVAL, PATIENCE, Limits
from airflow_provider_aicore.emulator import Progress, unavailable
from airflow_provider_aicore.emulator.logbook import LogLine
from airflow_provider_aicore.triggers import live_log
from airflow_provider_aicore.triggers.aicore import AICoreExecutionTrigger
from tests import turned_loop

LEFT_OUT = re.compile(r"(\d+) lines? left out here")


class TaskLog:
    """The log of one trigger, with the time of each line."""

    def __init__(self, clock):
        self._clock = clock
        self.records: list[tuple[float, int, str]] = []

    def log(self, level, message, *args):
        self.records.append((self._clock.now(), level, message % args if args else message))

    def info(self, message, *args):
        self.log(20, message, *args)

    def warning(self, message, *args):
        self.log(30, message, *args)

    debug = info

    @property
    def said(self):
        """What the execution itself said."""
        return [text.partition(" | ")[2] for _, _, text in self.records if " | " in text]

    @property
    def left_out(self):
        return sum(int(found[1]) for _, _, text in self.records if (found := LEFT_OUT.match(text)))

    def split(self, moment):
        """Return what was shown before then, and what later."""
        before, after = TaskLog(self._clock), TaskLog(self._clock)
        for record in self.records:
            (before if record[0] < moment else after).records.append(record)
        return before, after


class XComs:
    """Stands in for Airflow's server, which keeps XComs; triggers reach it through their supervisor."""

    def __init__(self, clock):
        self._clock = clock
        self._kept: dict[str, str] = {}
        self.kept_at: list[float] = []
        self.sizes: list[int] = []

    def push(self, *, key, value, **whose):
        self._kept[json.dumps([key, whose], sort_keys=True)] = json.dumps(value)
        self.kept_at.append(self._clock.now())
        self.sizes.append(len(json.dumps(value)))

    def get_one(self, *, key, **whose):
        return json.loads(self._kept.get(json.dumps([key, whose], sort_keys=True), "null"))

    async def next_kept(self, moment):
        """Wait until something was kept later than that."""
        while not self.kept_at or self.kept_at[-1] <= moment:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)


@pytest.fixture
def xcoms(monkeypatch, clock):
    """Return what Airflow keeps."""
    kept = XComs(clock)
    monkeypatch.setattr("airflow.sdk.execution_time.xcom.XCom.set", kept.push)
    monkeypatch.setattr("airflow.sdk.execution_time.xcom.XCom.get_one", kept.get_one)
    return kept


@pytest.fixture
def make_job(configuration_id, network, client_for_looking, clock):
    """Return a maker of executions that run for 1000 s, and print what a test lets them print."""
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=1000))

    def make():
        execution_id = client_for_looking.send(executions.create(configuration_id)).id
        begin = int(clock.now()) * 1_000_000_000
        workload = network.state.groups["default"].executions[execution_id]

        def add(seconds, text, container="main"):
            workload.logs.add(LogLine(begin + int(seconds * 1000) * 1_000_000, container, execution_id, text))

        return SimpleNamespace(id=execution_id, print=add, begin=clock.now())

    return make


@pytest.fixture
def job(make_job):
    """Return such an execution."""
    return make_job()


@pytest.fixture
def make_trigger(job, clock, xcoms):
    """Return a maker of triggers of the same task, each with a log of its own."""

    def make(**change):
        trigger = AICoreExecutionTrigger(
            **{"execution_id": job.id, "logs": "live", "poll_interval": 30.0} | change
        )
        task: Any = SimpleNamespace(
            dag_id="training", run_id="manual__2026", task_id="train", map_index=-1, try_number=1
        )
        trigger.task_instance = task
        trigger._log = TaskLog(clock)  # type: ignore[assignment]  # As much of one as is used.
        return trigger

    return make


async def _event(trigger):
    return await anext(event.payload async for event in trigger.run())


async def _at(job, clock, seconds):
    await asyncio.sleep(job.begin + seconds - clock.now())


async def _lose(trigger, moment):
    """Run a trigger until the moment at which its triggerer is lost."""
    running = asyncio.create_task(_event(trigger))
    await moment
    running.cancel()
    await asyncio.wait([running])


async def _print_bursts(job, clock, bursts, *, late_after):
    """Print 10 000 lines within a second, again and again: a hundred share a time stamp, some come late."""
    for burst in range(bursts):
        begin = 45.0 * burst
        more = " and more" * 50 if burst % 5 == 4 else ""
        for number in range(10_000):
            if number % 200 != 199:
                job.print(begin + number // 100 / 100, f"{burst}-{number}{more}")
        await _at(job, clock, begin + 1 + late_after)
        for number in range(199, 10_000, 200):
            job.print(begin + number // 100 / 100, f"{burst}-{number} late")
        await _at(job, clock, begin + 45)


def test_two_hundred_thousand_lines_in_bursts(job, make_trigger, clock):
    """Each is shown once or counted, in order, and within the budget; late ones when they come."""

    async def main():
        printing = asyncio.create_task(_print_bursts(job, clock, 20, late_after=10))
        event = await _event(trigger)
        await printing
        return event

    trigger = make_trigger()
    event = turned_loop.run(main())

    said, log = trigger.log.said, trigger.log
    assert (event["outcome"], event["status"], event["log_shown"]) == ("ended", "COMPLETED", True)
    assert len(said) == len(set(said))
    assert len(said) + log.left_out == 200_000
    in_time = [tuple(map(int, each.partition(" ")[0].split("-"))) for each in said if "late" not in each]
    assert in_time == sorted(in_time)
    intervals, limits = _by_intervals(log), Limits()
    assert max(len(each) for each in intervals) == limits.lines
    longest = max(len(text) for text in said)
    assert limits.characters - longest < max(len("".join(each)) for each in intervals) <= limits.characters
    assert any("late" in each for each in said)


def _by_intervals(log):
    """Return what was shown in each interval of the budget, which begins with the first line shown."""
    intervals: list[list[str]] = []
    until = 0.0
    for at, _, text in log.records:
        if " | " not in text:
            continue
        if at >= until:
            until = at + INTERVAL - 1e-3
            intervals.append([])
        intervals[-1].append(text.partition(" | ")[2])
    return intervals


def test_bursts_lose_nothing_over_restarts(job, make_trigger, clock, xcoms, monkeypatch):
    """In the middle of one and right after one: each line is shown or counted, and few are shown twice."""
    *lost, last = [make_trigger() for _ in range(4)]

    async def amid_a_burst_of_which_a_part_was_kept():
        await xcoms.next_kept(job.begin + 60)
        await asyncio.sleep(1)

    async def while_lines_are_shown_of_which_none_was_kept():
        await _at(job, clock, 86)

    async def before_the_late_lines_of_a_burst():
        await xcoms.next_kept(job.begin + 95)
        assert clock.now() - job.begin < 90 + 26

    async def print_it():
        await _print_bursts(job, clock, 3, late_after=25)
        job.print(135, "bye")  # What is that much older is not read with each look any more.

    async def main():
        printing = asyncio.create_task(print_it())
        kept_at = []
        moments = (
            amid_a_burst_of_which_a_part_was_kept,
            while_lines_are_shown_of_which_none_was_kept,
            before_the_late_lines_of_a_burst,
        )
        for trigger, moment in zip(lost, moments, strict=True):
            monkeypatch.setattr(live_log, "_PROCESS", moment.__name__)
            await _lose(trigger, moment())
            kept_at.append(xcoms.kept_at[-1])
        monkeypatch.setattr(live_log, "_PROCESS", "the last triggerer")
        event = await _event(last)
        await printing
        return event, kept_at

    event, kept_at = turned_loop.run(main())
    assert event["log_shown"]

    # What was shown later than what was kept is what comes twice; all else comes once.
    halves = [each.log.split(at - live_log.SETTLE / 2) for each, at in zip(lost, kept_at, strict=True)]
    once = [*(before for before, _ in halves), last.log]
    said = [text for each in once for text in each.said]
    assert len(said) == len(set(said))
    assert len(said) + sum(each.left_out for each in once) == 30_001
    again = [len(after.said) for _, after in halves]
    assert 0 < max(again) <= 2 * Limits().lines
    assert any("late" in each for each in last.log.said)
    assert all(size <= 64 * 1024 for size in xcoms.sizes)


async def _print_steadily(job, clock, until, per_second=5):
    for number in range(until * per_second):
        await _at(job, clock, number / per_second)
        job.print(number / per_second, str(number))


@pytest.mark.parametrize("lost_after", [4.0, 6.0, 8.0, 24.9, 25.1, 27.5, 61.0, 400.0])
def test_the_next_triggerer_goes_on_where_this_one_was_lost(
    job, make_trigger, clock, monkeypatch, lost_after
):
    """Whenever that is: no line is lost, and of one look at most they come twice."""

    async def main():
        printing = asyncio.create_task(_print_steadily(job, clock, 900))
        await _lose(lost, _at(job, clock, lost_after))
        monkeypatch.setattr(live_log, "_PROCESS", "the next triggerer's")
        await asyncio.sleep(45)
        event = await _event(later)
        await printing
        return event

    lost, later = make_trigger(), make_trigger()
    assert turned_loop.run(main())["log_shown"]

    said = Counter([*lost.log.said, *later.log.said])
    assert set(said) == {*map(str, range(900 * 5))}
    assert lost.log.left_out + later.log.left_out == 0
    assert sum(said.values()) - len(said) <= 5 * (INTERVAL + 1)
    assert max(said.values()) <= 2


def test_how_far_the_log_was_shown_is_kept_once_it_has_reached_its_file(job, make_trigger, xcoms, clock):
    """Lines that are on their way to Airflow's supervisor are lost with the triggerer."""
    job.print(1, "a")
    trigger = make_trigger()

    async def main():
        await _lose(trigger, xcoms.next_kept(job.begin))

    turned_loop.run(main())
    (shown_at,) = (at for at, _, text in trigger.log.records if " | " in text)
    assert clock.now() - shown_at >= live_log.SETTLE


def test_late_lines_are_not_lost_over_a_restart(job, make_trigger, clock, monkeypatch):
    """One that came while no triggerer was there, and is older than what was shown before."""

    async def main():
        job.print(1, "a")
        job.print(20, "c")
        await _lose(lost, _at(job, clock, 60))
        job.print(2, "b, late")
        monkeypatch.setattr(live_log, "_PROCESS", "the next triggerer's")
        return await _event(later)

    lost, later = make_trigger(), make_trigger()
    turned_loop.run(main())

    assert (lost.log.said, later.log.said) == (["a", "c"], ["b, late"])


def test_a_triggerer_that_gets_the_task_again_begins_its_log_anew(job, make_trigger, clock):
    """Airflow does so with the file: what stood there is gone."""

    async def main():
        job.print(1, "a")
        await _lose(first, _at(job, clock, 60))
        return await _event(second)

    first, second = make_trigger(), make_trigger()
    turned_loop.run(main())

    assert (first.log.said, second.log.said) == (["a"], ["a"])


def test_another_try_begins_its_log_anew(job, make_trigger, clock, monkeypatch):
    """It has a log of its own, also if it has adopted the execution."""

    async def main():
        job.print(1, "a")
        await _lose(first, _at(job, clock, 60))
        monkeypatch.setattr(live_log, "_PROCESS", "the next triggerer's")
        return await _event(second)

    first, second = make_trigger(), make_trigger()
    second.task_instance.try_number = 2
    turned_loop.run(main())

    assert (first.log.said, second.log.said) == (["a"], ["a"])


def test_what_another_version_has_kept_is_not_read(job, make_trigger, clock, monkeypatch):
    """It may mean something else: the log is shown from its begin then."""

    async def main():
        job.print(1, "a")
        await _lose(first, _at(job, clock, 60))
        monkeypatch.setattr(live_log, "_PROCESS", "the next triggerer's")
        monkeypatch.setattr(live_log, "FORMAT", live_log.FORMAT + 1)
        return await _event(second)

    first, second = make_trigger(), make_trigger()
    turned_loop.run(main())

    assert (first.log.said, second.log.said) == (["a"], ["a"])


def test_the_last_lines_are_shown_before_the_task_goes_on(job, make_trigger, clock):
    """Though they come some seconds after the end was seen."""

    async def print_late():
        await _at(job, clock, 1000 + 2)
        job.print(999, "bye")

    async def main():
        printing = asyncio.create_task(print_late())
        event = await _event(trigger)
        await printing
        return event, clock.now() - job.begin

    trigger = make_trigger(poll_interval=1.0)
    event, ended_after = turned_loop.run(main())

    assert trigger.log.said == ["bye"]
    assert event["log_shown"]
    assert ended_after <= 1000 + 1 + 6


def test_log_trouble_is_one_warning(job, make_trigger, network, clock):
    """The wait goes on, and ends as it would without; the task shows the end of the log by itself."""
    network.faults.add(unavailable(), path=f"/lm/executions/{job.id}/logs", times=None)

    trigger = make_trigger()
    event = turned_loop.run(_event(trigger))

    assert (event["outcome"], event["status"], event["log_shown"]) == ("ended", "COMPLETED", False)
    warnings = [text for _, level, text in trigger.log.records if level >= 30]
    assert len(warnings) == 2
    assert "cannot be read" in warnings[0]
    assert "not read to its end" in warnings[1]


def test_airflow_s_trouble_with_xcoms_is_no_trouble_of_the_log(job, make_trigger, monkeypatch, clock):
    """A triggerer that takes over would show lines again then."""

    def away(**_what):
        raise RuntimeError("the API server is away")

    monkeypatch.setattr("airflow.sdk.execution_time.xcom.XCom.set", away)
    monkeypatch.setattr("airflow.sdk.execution_time.xcom.XCom.get_one", away)
    job.print(1, "a")

    trigger = make_trigger()
    event = turned_loop.run(_event(trigger))

    assert (trigger.log.said, event["log_shown"]) == (["a"], True)


def test_a_trigger_that_is_asked_for_no_log_reads_none(job, make_trigger, network):
    """As one that an older version has stored."""
    trigger = make_trigger(logs="tail")
    event = turned_loop.run(_event(trigger))

    assert not event["log_shown"]
    assert not any(request.path.endswith("/logs") for request in network.requests)


def test_what_is_shown_blocks_no_other_trigger(make_job, make_trigger, run_watched):
    """Pages of thousands of lines, of which a thousand are shown."""
    triggers = []

    def show():
        job = make_job()
        for number in range(6000):
            job.print(number / 1000, f"{number} INFO epoch loss 0.12 and what else a line has to say")
        triggers.append(make_trigger(execution_id=job.id))
        return _event(triggers[-1])

    event, slow_steps = run_watched(show)

    assert event["log_shown"]
    assert len(triggers[-1].log.said) + triggers[-1].log.left_out == 6000
    assert slow_steps == []


def test_what_there_is_no_time_to_show_in_the_end_is_counted(job, make_trigger, clock):
    """A triggerer logs so much in a second, and the task does not wait for ever, but shows the end."""
    for number in range(1000):
        job.print(999, f"{number} {'x' * 245}")

    trigger = make_trigger(poll_interval=1.0)
    event = turned_loop.run(_event(trigger))

    assert not event["log_shown"]
    assert 300 < len(trigger.log.said) < 1000
    assert len(trigger.log.said) + trigger.log.left_out == 1000
    assert clock.now() - job.begin < 1000 + 20


def test_many_triggers_share_the_way_to_airflow(job, make_trigger, clock):
    """Who logs more than Airflow's supervisor takes blocks all of them."""

    async def main():
        for number in range(900):
            job.print(1, f"{number} {'x' * 100}")
        return await asyncio.gather(*(_event(each) for each in triggers))

    triggers = [make_trigger() for _ in range(5)]
    turned_loop.run(main())

    at = sorted(at for each in triggers for at, _, text in each.log.records if " | " in text)
    assert len(at) == 5 * 900
    room = (live_log.PER_SECOND + live_log.BURST) / (live_log.RECORD + 100)
    assert max(bisect_right(at, each + 1.0) - number for number, each in enumerate(at)) <= room


def test_a_log_holds_up_no_deadline(job, make_trigger, clock):
    """However much is still to be shown, by however many: the worker has an execution to stop."""

    async def main():
        for number in range(900):
            job.print(1, f"{number} {'x' * 100}")
        return await asyncio.gather(*(_event(each) for each in triggers))

    deadline_at = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    triggers = [make_trigger(deadline_at=deadline_at) for _ in range(20)]
    events = turned_loop.run(main())

    assert {each["outcome"] for each in events} == {"deadline"}
    assert clock.now() - job.begin < 20 + PATIENCE + 5


def test_the_end_of_a_log_comes_before_the_middles_of_others(
    make_trigger, configuration_id, network, client_for_looking, clock
):
    """Though these have waited for longer: the task wants to go on."""
    ids = []
    for running, number in ((1e6, 240), (100, 1)):
        network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=running))
        ids += [client_for_looking.send(executions.create(configuration_id)).id for _ in range(number)]
    network.write_log(ids[-1], "bye", at=clock.now() + 99)

    async def main():
        others = [asyncio.create_task(_event(make_trigger(execution_id=each))) for each in ids[:-1]]
        event = await _event(trigger)
        for each in others:
            each.cancel()
        await asyncio.wait(others)
        return event

    begin = clock.now()
    trigger = make_trigger(execution_id=ids[-1])
    event = turned_loop.run(main())

    assert (event["log_shown"], trigger.log.said) == (True, ["bye"])
    assert clock.now() - begin < 100 + 30 + 10
