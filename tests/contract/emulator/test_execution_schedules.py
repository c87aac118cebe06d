"""Execution schedules: what can be said about them, and the executions that they start."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Emulator, Options, Progress
from tests.emulators import connect

HOUR = 3600
ON_THE_DOT = Options(schedule_jitter=0)


def started(emulator: Emulator) -> list[float]:
    """Give when each execution was created, in hours after the clock's beginning, without a request."""
    emulator.tick()
    executions = emulator.state.groups["default"].executions.values()
    return [(each.created_at - 1_800_000_000) / HOUR for each in executions]


@pytest.fixture
def emulator(make_emulator):
    """Give an emulator whose schedules start on the dot."""
    return make_emulator(options=ON_THE_DOT, progress=Progress.by_clock())


def test_created_schedule_can_be_read(api):
    """A schedule comes back as it was given, ACTIVE."""
    configuration_id = api.configure()
    body = {
        "name": "Hourly",
        "cron": "0 * * * *",
        "configurationId": configuration_id,
        "start": "2027-02-10T10:50:31Z",
        "end": "2027-02-10T12:55:31.9+00:00",
    }
    answer = api.post("/executionSchedules", json=body)
    schedule_id = answer.json()["id"]
    assert (answer.status_code, answer.json()["message"]) == (202, "Execution Schedule created")
    assert answer.headers["location"].endswith(f"/v2/lm/executionSchedules/{schedule_id}")
    now = "2027-01-15T08:00:00Z"
    assert api.get(f"/executionSchedules/{schedule_id}").json() == {
        **body,
        "id": schedule_id,
        "end": "2027-02-10T12:55:31Z",
        "status": "ACTIVE",
        "createdAt": now,
        "modifiedAt": now,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"name": None},
        {"name": "x" * 257},
        {"cron": None},
        {"cron": "*/5 * * * *"},
        {"configurationId": "unknown-configuration"},
        {"start": "tomorrow"},
        {"start": "2027-02-10T10:00:00Z", "end": "2027-02-10T10:00:00Z"},
        {"end": "2027-01-15T07:59:59Z"},
    ],
)
def test_bad_schedule_is_refused(api, fields):
    """What breaks the description, runs too often, or ends before it starts is 400."""
    body = {"name": "hourly", "cron": "0 * * * *", "configurationId": api.configure(), **fields}
    assert api.post("/executionSchedules", json=body).status_code == 400


def test_executable_for_deployments_is_refused(emulator, api):
    """A schedule starts executions, so its configuration has to be for one."""
    emulator.add_executable("text-clf", "text-clf-serve", deployable=True)
    body = {"name": "x", "cron": "0 * * * *", "configurationId": api.configure(executableId="text-clf-serve")}
    assert api.post("/executionSchedules", json=body).status_code == 400


def test_each_tick_starts_an_execution_at_its_own_instant(emulator, api, clock):
    """However late somebody asks: executions were created at their ticks, in order, for the schedule."""
    configuration_id = api.configure()
    schedule_id = api.schedule(configurationId=configuration_id)
    api.schedule(cron="30 9 * * *")
    clock.move(2.6 * HOUR)
    assert started(emulator) == [1, 1.5, 2]
    params = {"executionScheduleId": schedule_id}
    resources = api.get("/executions", params=params).json()["resources"]
    assert {each["createdAt"][11:16] for each in resources} == {"09:00", "10:00"}
    assert {each["configurationId"] for each in resources} == {configuration_id}
    assert {each["status"] for each in resources} == {"COMPLETED"}
    assert {each["executionScheduleId"] for each in resources} == {schedule_id}


def test_start_may_be_minutes_after_the_tick(make_emulator, clock):
    """By default an execution starts up to 11 minutes late, each by another amount."""
    emulator = make_emulator()
    connect(emulator).schedule()
    clock.move(24 * HOUR)
    lags = [hours % 1 * 60 for hours in started(emulator)]
    assert len(lags) in {23, 24}
    assert 0 < min(lags) < max(lags) < 11


def test_no_tick_is_lost_to_a_late_start(make_emulator, clock):
    """Even where executions start later than the next tick, each tick gets its own."""
    emulator = make_emulator(options=Options(schedule_jitter=3 * HOUR))
    connect(emulator).schedule()
    clock.move(24 * HOUR)
    assert len(started(emulator)) >= 21


def test_no_tick_lies_before_the_start_or_after_the_end(emulator, api, clock):
    """A schedule ticks from its start to its end, both included."""
    api.schedule(start="2027-01-15T10:00:00Z", end="2027-01-15T12:00:00Z")
    clock.move(9 * HOUR)
    assert started(emulator) == [2, 3, 4]


def test_schedule_is_inactive_after_its_end(api, clock):
    """Once its end has passed a schedule is INACTIVE; to resume it, it needs a later end."""
    schedule_id = api.schedule(end="2027-01-15T09:30:00Z")
    path = f"/executionSchedules/{schedule_id}"
    clock.move(1.5 * HOUR)
    assert api.get(path).json()["status"] == "ACTIVE"
    clock.move(1)
    assert api.get(path).json()["status"] == "INACTIVE"
    assert api.patch(path, json={"status": "ACTIVE"}).status_code == 400
    assert api.patch(path, json={"status": "ACTIVE", "end": "2027-01-16T00:00:00Z"}).status_code == 202
    assert api.get(path).json()["status"] == "ACTIVE"


def test_nothing_is_caught_up_after_a_pause(emulator, api, clock):
    """While a schedule is INACTIVE its ticks pass, and they stay passed when it is resumed."""
    path = f"/executionSchedules/{api.schedule()}"
    answer = api.patch(path, json={"status": "INACTIVE"})
    assert (answer.status_code, answer.json()["message"]) == (202, "Execution Schedule modified")
    clock.move(3.5 * HOUR)
    assert started(emulator) == []
    api.patch(path, json={"status": "ACTIVE"}).raise_for_status()
    clock.move(HOUR)
    assert started(emulator) == [4]


def test_changes_count_from_the_next_tick(emulator, api, clock):
    """Another cron expression and another configuration hold from the change on; the name stays."""
    path = f"/executionSchedules/{api.schedule()}"
    clock.move(1.5 * HOUR)
    changed = {"cron": "15 * * * *", "configurationId": api.configure(), "name": "other"}
    api.patch(path, json=changed).raise_for_status()
    clock.move(HOUR)
    assert started(emulator) == [1, 2.25]
    executions = [*emulator.state.groups["default"].executions.values()]
    assert executions[1].configuration.id == changed["configurationId"] != executions[0].configuration.id
    assert api.get(path).json()["name"] == "hourly"


def test_change_does_not_lose_an_execution_that_is_about_to_start(make_emulator, clock):
    """Between a tick and its late start a change, other than a pause, leaves the start as it is."""
    emulator = make_emulator()
    api = connect(emulator)
    paused, changed = (f"/executionSchedules/{api.schedule()}" for _ in range(2))
    clock.move(HOUR)
    api.patch(paused, json={"status": "INACTIVE"}).raise_for_status()
    api.patch(changed, json={"configurationId": api.configure()}).raise_for_status()
    clock.move(HOUR / 2)
    assert len(started(emulator)) == 1


def test_schedule_may_start_when_time_ends(api):
    """A start after which no date is left is taken, and nothing ever starts."""
    schedule_id = api.schedule(start="9999-12-31T23:59:59Z")
    assert api.get(f"/executionSchedules/{schedule_id}").json()["status"] == "ACTIVE"


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "other"}, {"status": "PAUSED"}, {"cron": "* * * * *"}, {"end": "2027-01-15T08:00:00Z"}],
)
def test_bad_change_is_refused(api, body):
    """A change of nothing, or to what a new schedule could not have, is 400."""
    assert api.patch(f"/executionSchedules/{api.schedule()}", json=body).status_code == 400


def test_deleted_schedule_leaves_its_executions(emulator, api, clock):
    """Deletion ends the ticks; what was started stays and goes on."""
    path = f"/executionSchedules/{api.schedule()}"
    clock.move(HOUR)
    assert api.delete(path).status_code == 202
    assert [api.get(path).status_code, api.delete(path).status_code] == [404, 404]
    clock.move(5 * HOUR)
    assert started(emulator) == [1]


@pytest.mark.parametrize(("overlap", "hours"), [("allow", [1, 2, 3, 4]), ("skip", [1, 4])])
def test_overlap_is_an_option(make_emulator, clock, overlap, hours):
    """While an execution goes on the next one starts beside it, or the tick is left out."""
    options = Options(schedule_jitter=0, schedule_overlap=overlap)
    emulator = make_emulator(options=options, progress=Progress.by_clock(running=2.5 * HOUR))
    connect(emulator).schedule()
    clock.move(4 * HOUR)
    assert started(emulator) == hours


def test_cron_dialect_is_an_option(make_emulator):
    """Steps are refused, or taken."""
    api = connect(make_emulator(options=Options(cron_dialect="lenient")))
    assert api.schedule(cron="0 */6 * * *")


def test_filters_narrow_the_list(api):
    """Configuration and status select schedules; a page is cut out of them."""
    configuration_id = api.configure()
    mine, other = api.schedule(configurationId=configuration_id), api.schedule()
    api.patch(f"/executionSchedules/{other}", json={"status": "INACTIVE"}).raise_for_status()
    for params in ({"configurationId": configuration_id}, {"status": "ACTIVE"}):
        (found,) = api.get("/executionSchedules", params=params).json()["resources"]
        assert found["id"] == mine
    assert api.get("/executionSchedules/$count").text == "2"
    assert api.get("/executionSchedules", params={"$top": "1"}).json()["count"] == 1
