"""The trigger of asset watchers: each ended execution is told, once, over restarts too."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest

from airflow_provider_aicore.emulator import Answer, Options, Progress, unavailable
from airflow_provider_aicore.triggers.aicore import AICoreExecutionEventTrigger
from airflow_provider_aicore.triggers.execution_event import SETTLING
from tests import turned_loop

ONE_RUN = Progress.by_clock(unknown=10, pending=20, running=60)


class Store:
    """Airflow's store for an asset, which outlives triggers; JSON only."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def aget(self, key: str) -> Any:
        """Read a value."""
        return json.loads(self.values.get(key, "null"))

    async def aset(self, key: str, value: Any) -> None:
        """Replace a value."""
        self.values[key] = json.dumps(value)


@pytest.fixture
def store():
    """Return an empty store."""
    return Store()


@pytest.fixture
def watch(connection, network, clock, store):
    """Return what runs a watcher for so many seconds and then ends its triggerer, and gives what it told."""

    def watch(seconds, *, store=store, **arguments):
        _, stored = AICoreExecutionEventTrigger(**arguments).serialize()
        trigger = AICoreExecutionEventTrigger(**json.loads(json.dumps(stored)))
        trigger.asset_state_store = store
        events = []

        async def listen():
            async for event in trigger.run():
                events.append((clock.time, json.loads(json.dumps(event.payload))))  # noqa: PERF401 - as they come

        async def until():
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(listen(), seconds)

        network.tick()
        turned_loop.run(until(), clock)
        return events

    return watch


@pytest.fixture
def start(api, network):
    """Return a starter of executions of one configuration."""
    network.script("text-clf-train", ONE_RUN)
    configuration_id = api.configure()

    def start(number=1):
        body = {"configurationId": configuration_id}
        return [api.post("/executions", json=body).raise_for_status().json()["id"] for _ in range(number)]

    return start


def _ids(events):
    return [one["id"] for _, payload in events for one in payload["executions"]]


def test_each_completed_execution_is_an_event_of_its_own(watch, start):
    """Twenty that end together are twenty events, far enough apart for a run each."""
    watch(30)
    started = start(20)

    events = watch(600)

    assert sorted(_ids(events)) == sorted(started)
    assert all(len(payload["executions"]) == 1 for _, payload in events)
    assert min(later - earlier for (earlier, _), (later, _) in pairwise(events)) >= 15


def test_an_event_may_tell_of_several(watch, start):
    """Who handles many in one run gets them in few events."""
    watch(30)
    started = start(20)

    events = watch(600, executions_per_event=15)

    assert sorted(_ids(events)) == sorted(started)
    assert [len(payload["executions"]) for _, payload in events] == [15, 5]


def test_the_payload_has_what_a_run_returns(watch, start, network, api):
    """Its keys are those of the XCom value of a run, and the schedule."""
    watch(30)
    (execution_id,) = start()
    metric = {"name": "accuracy", "value": 0.9, "timestamp": "2027-01-15T08:00:00Z"}
    body = {"executionId": execution_id, "metrics": [metric]}
    headers = {"Content-Type": "application/merge-patch+json"}
    api.patch("/metrics", content=json.dumps(body), headers=headers).raise_for_status()

    ((_, payload),) = watch(300)

    assert (payload["version"], payload["resource_group"]) == (1, "default")
    (told,) = payload["executions"]
    assert (told["id"], told["status"], told["metrics"]) == (execution_id, "COMPLETED", {"accuracy": 0.9})
    assert told["output_artifacts"]["text-model"]["url"].startswith("ai://default/")
    assert told["completion_time"].startswith("2027-01-15")
    assert told["execution_schedule_id"] is None


def test_what_ended_before_the_first_start_is_no_news(watch, start, clock, network):
    """A watcher begins with what comes after it."""
    start(3)
    clock.move(600)
    network.tick()

    assert watch(600) == []


def test_what_ends_while_no_triggerer_runs_is_told_after_it(watch, start, clock):
    """Also after days: the watcher goes on where it was."""
    watch(60)
    started = start(5)
    clock.move(5 * 86400)

    assert sorted(_ids(watch(600))) == sorted(started)


def test_without_a_store_it_begins_anew_and_says_so(watch, start, clock, capfd):
    """Before 3.3 Airflow keeps nothing for a watcher: what ends meanwhile is missed, what follows is not."""
    watch(60, store=None)
    start(5)
    clock.move(600)

    assert watch(60, store=None) == []

    assert "keeps nothing for this watcher" in capfd.readouterr().out


def test_without_a_store_a_restart_leaves_out_what_was_not_told_yet(watch, start):
    """Before 3.3 this is the price of a run for each: events are told one after the other."""
    started = start(6)

    told = _ids(watch(150, store=None))

    assert 0 < len(told) < len(started)
    assert watch(600, store=None) == []


def test_a_restart_at_any_moment_loses_nothing(watch, start, store, clock):
    """Whatever is cut off; told twice is at most the one whose event had not settled yet."""
    watch(60)
    told, doubles = [], 0
    started = start(12)
    for seconds in [95, *range(1, 40, 2), 600]:
        events = watch(seconds)
        told += _ids(events)
        doubles += bool(events) and clock.time - events[-1][0] <= SETTLING

    assert set(told) == set(started)
    assert len(told) <= len(started) + doubles


def test_between_events_a_restart_tells_nothing_twice(watch, start, clock):
    """After the event has settled it is noted."""
    watch(60)
    started = start(6)
    clock.move(90)
    told = []

    for _ in started:
        told += _ids(watch(SETTLING + 2))

    assert sorted(told) == sorted(started)


@pytest.mark.parametrize("emulator_options", [Options(list_lag=300.0, list_order_seed=7)])
def test_lists_may_lag_and_have_any_order(watch, start):
    """What is seen late is told late."""
    watch(60)
    started = start(5)

    assert sorted(_ids(watch(900))) == sorted(started)


def test_nothing_is_told_twice_over_days(watch, start, store):
    """The cursor forgets what is old, and it stays told."""
    watch(60)
    started = start(2)

    assert sorted(_ids(watch(4 * 86400, poll_interval=3600))) == sorted(started)
    assert watch(86400, poll_interval=3600) == []
    (kept,) = store.values.values()
    assert json.loads(kept)["told"] == {}


@pytest.mark.parametrize(
    ("filters", "is_told"),
    [
        ({"scenario_id": "text-clf"}, True),
        ({"scenario_id": "other"}, False),
        ({"executable_id": "text-clf-train"}, True),
        ({"executable_id": "other"}, False),
        ({"configuration_id": "47b3eed9-0000-4000-8000-000000000000"}, False),
        ({"execution_schedule_id": "47b3eed9-0000-4000-8000-000000000000"}, False),
        ({"execution_schedule_name": "nightly"}, False),
        ({"statuses": ["COMPLETED", "DEAD"]}, True),
        ({"statuses": ["DEAD"]}, False),
    ],
)
def test_only_what_is_watched_for_is_told(watch, start, filters, is_told):
    """Each filter leaves out what it names not."""
    watch(60, **filters)
    start()

    assert bool(watch(300, **filters)) is is_told


@pytest.mark.parametrize("by", ["id", "name"])
def test_executions_of_a_schedule_are_told(watch, api, by, network):
    """By its id or its name, which stays when it is made anew."""
    network.script("text-clf-train", ONE_RUN)
    schedule_id = api.schedule(name="hourly", cron="0 * * * *", configurationId=api.configure())
    filters = {f"execution_schedule_{by}": schedule_id if by == "id" else "hourly"}
    watch(60, **filters)
    api.start()

    events = watch(3.5 * 3600, poll_interval=600, **filters)

    assert len(events) == 3
    assert {payload["executions"][0]["execution_schedule_id"] for _, payload in events} == {schedule_id}


def test_a_name_that_no_schedule_has_is_told_and_waited_for(watch, api, network, capfd):
    """A mistyped name would look as if nothing had ended; a schedule may be made after its watcher."""
    network.script("text-clf-train", ONE_RUN)
    watch(900, execution_schedule_name="hourly")
    assert "no execution schedule of the name 'hourly'" in capfd.readouterr().out

    api.schedule(name="hourly", cron="0 * * * *", configurationId=api.configure())

    assert len(watch(2.5 * 3600, execution_schedule_name="hourly")) == 2


def test_two_watchers_of_an_asset_have_a_memory_each(watch, start, store):
    """One that watches for something else does not take the other's for its own."""
    watch(60)
    watch(60, statuses=["DEAD"])
    (execution_id,) = start()

    watch(300, statuses=["DEAD"])

    assert _ids(watch(300)) == [execution_id]
    assert len(store.values) == 2


def test_trouble_is_waited_out(watch, start, network):
    """A gateway that is away, or a refused access, ends no watcher: Airflow would start it every 2 s."""
    watch(60)
    started = start(3)
    network.faults.add(unavailable(), path="/lm/executions", times=30)
    network.faults.add(Answer(403, "RBAC: access denied"), path="/lm/executions", times=2)

    assert sorted(_ids(watch(5 * 3600, poll_interval=600))) == sorted(started)


def test_a_store_that_fails_is_waited_out(watch, start, store, monkeypatch):
    """What was told is known all the same while the triggerer lives."""
    watch(60)
    started = start(3)
    failures = iter([RuntimeError("API server is away")] * 2)

    async def aset(key, value):
        for failure in failures:
            raise failure
        await Store.aset(store, key, value)

    store.aset = aset

    assert sorted(_ids(watch(5 * 3600, poll_interval=600))) == sorted(started)


def test_metrics_that_cannot_be_read_are_none(watch, start, network):
    """The event is not held up by them."""
    watch(60)
    start()
    network.faults.add(Answer(403, "RBAC: access denied"), path="/lm/metrics", times=None)

    ((_, payload),) = watch(300)

    assert payload["executions"][0]["metrics"] is None


def test_nothing_is_ever_changed(watch, start, network):
    """A watcher has started nothing; Airflow's own `on_kill`, which a paused DAG brings, does nothing."""
    watch(60)
    start(2)
    watch(300)

    assert "on_kill" not in vars(AICoreExecutionEventTrigger)
    sent = [one.method for one in network.requests if one.method in {"PATCH", "DELETE"}]
    assert sent == []
