"""Execution schedules are brought to how they should be, and once only."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_aicore.api import (
    APIConnectionError,
    ServerError,
    UnexpectedResponseError,
    configurations,
    ensure,
    execution_schedules,
    scheduling,
)
from airflow_provider_aicore.api.schedule_changes import ScheduleRefusedError, Which, delete, set_status
from airflow_provider_aicore.api.scheduling import WantedSchedule
from airflow_provider_aicore.emulator import (
    Answer,
    ConnectionLost,
    MalformedJson,
    NoConnection,
    Options,
    server_error,
)

OTHER_BINDINGS = ensure.Bindings.of("text-clf", "text-clf-train", {"learning-rate": 0.2}, {})
NAME = "nightly training"


@pytest.fixture
def configuration_id(client):
    """Return a configuration to schedule."""
    call = configurations.create(
        name="a name",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    return client.send(call).id


@pytest.fixture
def wanted(configuration_id):
    """Return a maker of descriptions."""

    def make(**change):
        return WantedSchedule.of(
            **{"name": NAME, "cron": "0 3 * * *", "configuration_id": configuration_id, **change}
        )

    return make


@pytest.fixture
def run(client, clock, retry):
    """Return what ensures a schedule."""
    return lambda wanted: client.run(scheduling.ensure(wanted, retry, now=clock.now))


@pytest.fixture
def at(clock):
    """Return what gives the instant so many days from now, in whole seconds."""
    return lambda days: datetime.fromtimestamp(clock.time, UTC) + timedelta(days=days)


def _schedules(client):
    return client.send(execution_schedules.query())


def _changes(emulator):
    return [
        one.method for one in emulator.requests if one.method != "GET" and "executionSchedules" in one.path
    ]


def _create(client, wanted):
    call = execution_schedules.create(
        name=wanted.name,
        cron=wanted.cron,
        configuration_id=wanted.configuration_id,
        start=wanted.start,
        end=wanted.end,
    )
    return client.send(call).id


@pytest.mark.parametrize(
    "emulator_options",
    [Options(), Options(null_fields=True, extra_field=True, list_order_seed=3)],
    ids=["as usual", "varied"],
)
def test_ten_runs_make_one_schedule(client, emulator, run, wanted, at):
    """After the first run nothing is changed, and a look at the list is all that is asked."""
    description = wanted(start=at(1), end=at(30))
    first = run(description)
    asked = len(emulator.requests)
    later = [run(description) for _ in range(9)]

    assert (first.created, first.changes) == (True, {})
    assert [(one.created, one.changes, one.schedule.id) for one in later] == [
        (False, {}, first.schedule.id)
    ] * 9
    assert _changes(emulator) == ["POST"]
    assert len(emulator.requests) == asked + 9
    assert len(_schedules(client)) == 1


def test_what_differs_is_changed_and_nothing_else(client, emulator, retry, run, wanted, at):
    """The change holds what differs only, and says what was and what is."""
    before = run(wanted(start=at(1), end=at(30))).schedule
    other = client.run(ensure.configuration("a name", OTHER_BINDINGS, retry)).id
    changes = [
        ({"cron": "0 4 * * *"}, {"cron": ("0 3 * * *", "0 4 * * *")}),
        ({"configuration_id": other}, {"configuration_id": (before.configuration_id, other)}),
        ({"start": at(2)}, {"start": (at(1), at(2))}),
        ({"end": at(31)}, {"end": (at(30), at(31))}),
    ]
    description = {"start": at(1), "end": at(30)}
    for change, told in changes:
        description |= change
        ensured = run(wanted(**description))
        assert (ensured.created, ensured.changes, ensured.schedule.id) == (False, told, before.id)

    assert _changes(emulator) == ["POST"] + ["PATCH"] * 4
    assert emulator.requests[-2].json == {"end": f"{at(31):%Y-%m-%dT%H:%M:%SZ}"}
    after = client.send(execution_schedules.get(before.id))
    assert (after.cron, after.configuration_id, after.start, after.end) == (
        "0 4 * * *",
        other,
        at(2),
        at(31),
    )


def test_the_same_in_other_words_is_no_difference(client, emulator, run, wanted, at):
    """Presets, names and steps, fractions of a second and other time zones mean the same."""
    emulator.state.options = emulator.state.options.__class__(cron_dialect="lenient")
    call = execution_schedules.create(
        name=NAME, cron="0 */12 * * mon-fri", configuration_id=wanted().configuration_id, start=at(1)
    )
    client.send(call)
    berlin = (at(1) + timedelta(milliseconds=700)).astimezone(tz=None).isoformat()

    assert run(wanted(cron="0 0,12 * * 1-5", start=berlin)).changes == {}


def test_what_is_not_given_is_left_as_it_is(run, wanted, at):
    """Without a start and an end those of the schedule stay: AI Core knows no way to take them away."""
    run(wanted(start=at(1), end=at(30)))

    ensured = run(wanted())

    assert ensured.changes == {}
    assert (ensured.schedule.start, ensured.schedule.end) == (at(1), at(30))


def test_the_next_five_ticks_are_told(run, wanted, at, clock):
    """In UTC, from the start or now on, and before the end."""
    clock.time = datetime(2027, 1, 15, 12, 30, tzinfo=UTC).timestamp()
    now = run(wanted()).next_ticks
    later = run(wanted(start=at(10), end=at(12))).next_ticks

    assert now == [datetime(2027, 1, day, 3, tzinfo=UTC) for day in range(16, 21)]
    assert later == [datetime(2027, 1, day, 3, tzinfo=UTC) for day in (26, 27)]


def test_a_paused_schedule_stays_paused(client, retry, run, wanted):
    """Whoever paused it decides when it goes on; what else differs is changed."""
    schedule = run(wanted()).schedule
    client.run(set_status(Which.of(schedule.id, None), "INACTIVE", retry))

    ensured = run(wanted(cron="0 4 * * *"))

    assert (ensured.schedule.status, ensured.schedule.cron) == ("INACTIVE", "0 4 * * *")
    assert ensured.next_ticks == []


def test_a_schedule_that_has_ended_goes_on_with_a_later_end(run, wanted, at, clock):
    """It was not paused but ended by itself, so it is active again."""
    run(wanted(end=at(2)))
    clock.time += 3 * 24 * 3600

    assert run(wanted(end=at(-1))).changes == {}
    ensured = run(wanted(end=at(9)))
    assert ensured.schedule.status == "ACTIVE"
    assert ensured.changes["status"] == ("INACTIVE", "ACTIVE")
    assert len(ensured.next_ticks) == 5


def test_two_that_were_made_at_once_become_one(client, run, wanted, clock):
    """Even if who made them has died since: the oldest stays, and what was deleted is told."""
    first = _create(client, wanted())
    clock.time += 2
    second = _create(client, wanted())
    clock.time += 3600

    ensured = run(wanted())

    assert (ensured.schedule.id, ensured.removed, ensured.created) == (first, [second], False)
    assert [one.id for one in _schedules(client)] == [first]


@pytest.mark.parametrize(
    "difference", ["cron", "configuration_id", "end", "start", "time of creation", "status"]
)
def test_two_of_one_name_are_named_and_left_alone(
    client, emulator, retry, run, wanted, at, clock, difference
):
    """What differs in anything, or was created at another time, may be someone else's."""
    change = {
        "cron": {"cron": "0 4 * * *"},
        "configuration_id": {
            "configuration_id": client.run(ensure.configuration("a name", OTHER_BINDINGS, retry)).id
        },
        "end": {"end": at(9)},
        "start": {"start": at(1)},
    }
    long_after = difference == "time of creation"
    common = {"start": at(2)} if long_after else {}
    first = _create(client, wanted(**common))
    clock.time += 61 if long_after else 1
    second = _create(client, wanted(**common, **change.get(difference, {})))
    if difference == "status":
        client.run(set_status(Which.of(second, None), "INACTIVE", retry))
    sent = _changes(emulator)

    with pytest.raises(
        ScheduleRefusedError, match=f"2 execution schedules .*{NAME}.*{first}.*{second}.*by their ids"
    ):
        run(wanted())
    assert _changes(emulator) == sent


def test_nothing_is_deleted_where_it_would_not_leave_one(client, emulator, run, wanted):
    """Two that were made at once stay as they are beside one of someone else."""
    for cron in ("0 3 * * *", "0 3 * * *", "0 4 * * *"):
        _create(client, wanted(cron=cron))

    with pytest.raises(ScheduleRefusedError, match="3 execution schedules"):
        run(wanted())
    assert len(_schedules(client)) == 3


def test_other_names_are_other_schedules(client, run, wanted):
    """Only exactly the same name is the same."""
    others = [_create(client, wanted(name=name)) for name in (NAME.upper(), f"{NAME} 2", NAME[:-1])]

    ensured = run(wanted(cron="0 4 * * *"))

    assert ensured.created
    assert {one.id for one in _schedules(client)} == {*others, ensured.schedule.id}
    assert {one.cron for one in _schedules(client) if one.id in others} == {"0 3 * * *"}


@pytest.mark.parametrize(
    "fault",
    [ConnectionLost(), MalformedJson(), server_error(takes_effect=True)],
    ids=["lost", "malformed", "500"],
)
def test_a_creation_whose_answer_is_lost_is_not_repeated(client, emulator, run, wanted, fault):
    """What came of it is looked up."""
    emulator.faults.add(fault, method="POST", path="executionSchedules$")

    ensured = run(wanted())

    assert _changes(emulator) == ["POST"]
    assert [one.id for one in _schedules(client)] == [ensured.schedule.id]


@pytest.mark.parametrize(
    ("fault", "error", "seconds"),
    [
        (server_error(), ServerError, 20),
        (Answer(202, "no JSON"), UnexpectedResponseError, 20),
        (NoConnection(), APIConnectionError, 0),
    ],
    ids=["500", "malformed", "no connection"],
)
def test_a_creation_without_effect_fails_with_its_error(emulator, clock, run, wanted, fault, error, seconds):
    """After some looks where it may have taken effect, at once where it cannot have."""
    emulator.faults.add(fault, method="POST", path="executionSchedules$", times=None)
    before = clock.time

    with pytest.raises(error):
        run(wanted())
    assert clock.time - before == pytest.approx(seconds, abs=10)
    assert _changes(emulator) == ["POST"] * (1 if seconds else 5)


def test_a_list_that_lags_does_not_hide_what_was_created(emulator, run, wanted):
    """AI Core promises to show a schedule at once only to who asks for its id."""
    empty = Answer(200, json={"count": 0, "resources": []})
    emulator.faults.add(empty, method="GET", path="executionSchedules$", times=2)

    assert run(wanted()).created is True


@pytest.mark.parametrize(
    ("change", "days", "complaint"),
    [
        ({"cron": "0,30 3 * * *"}, None, "ticks 30 min apart, but AI Core wants .* at least 1 h apart"),
        ({}, (None, -1), "end is .*, which has passed"),
        ({}, (-9, -1), "end is .*, which has passed"),
        ({"cron": "0 3 29 2 *"}, (None, 30), "no tick from .* to .*: nothing would be started"),
        ({"cron": "0 3 16 1 *"}, (2, 300), "no tick from"),  # It comes before the start only,
        ({"cron": "0 3 15 1 *"}, (-1, 300), "no tick from"),  # and this one has been.
    ],
)
def test_what_would_start_nothing_is_refused_before_anything_is_changed(
    client, emulator, run, wanted, at, change, days, complaint
):
    """A schedule that is too frequent, over, or without a tick is neither created nor made of another."""
    start, end = (None if day is None else at(day) for day in days or (None, None))
    description = wanted(**change, start=start, end=end)

    with pytest.raises(ScheduleRefusedError, match=complaint):
        run(description)
    assert _changes(emulator) == []
    _create(client, wanted(cron="0 5 * * *"))
    with pytest.raises(ScheduleRefusedError, match=complaint):
        run(description)
    assert _changes(emulator) == ["POST"]


def test_what_is_refused_deletes_nothing_either(client, emulator, run, wanted):
    """Not even one of two that were made at once, which any other run would make one."""
    for _ in range(2):
        _create(client, wanted())

    with pytest.raises(ScheduleRefusedError, match="at least 1 h apart"):
        run(wanted(cron="0,30 3 * * *"))
    assert _changes(emulator) == ["POST", "POST"]
    assert len(run(wanted(cron="0 4 * * *")).removed) == 1


def test_an_end_that_cannot_be_taken_away_is_told(run, wanted, at, clock):
    """A description without an end does not revive a schedule that has one."""
    run(wanted(end=at(2)))
    clock.time += 3 * 24 * 3600

    with pytest.raises(ScheduleRefusedError, match=r"has passed.*no known way to take an end away"):
        run(wanted(cron="0 4 * * *"))


def test_the_minimum_is_that_of_the_installation(emulator, run, wanted):
    """`/lm/meta` says it."""
    limits = {"aiApi": {"version": "2.18.0", "limits": {"minimumFrequencyHour": 12}}}
    emulator.faults.add(Answer(200, json=limits), path="/lm/meta", times=2)

    with pytest.raises(ScheduleRefusedError, match=r"ticks 6 h apart.* at least 12 h apart"):
        run(wanted(cron="0 */6 * * *"))
    assert run(wanted(cron="0 */12 * * *")).created


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": None}, "name is None"),
        ({"name": "n" * 257}, "name has 257 characters"),
        ({"cron": "0 0 3 * * *"}, "it has 6 fields"),
        ({"configuration_id": ""}, "configuration_id is ''"),
        ({"start": datetime(2027, 1, 1)}, "start is .* without a time zone"),  # noqa: DTZ001 - that is the mistake
        ({"start": "2027-01-01T00:00:00.9Z", "end": "2027-01-01T00:00:00.1Z"}, "has to be after start"),
    ],
)
def test_a_bad_description_is_refused(wanted, change, complaint):
    """Before anything is asked."""
    with pytest.raises(ValueError, match=complaint):
        wanted(**change)


@pytest.mark.parametrize("by_name", [False, True], ids=["by id", "by name"])
def test_a_schedule_is_paused_resumed_and_deleted(client, emulator, clock, retry, run, wanted, by_name):
    """Each does nothing where nothing is to be done."""
    schedule_id = run(wanted()).schedule.id
    which = Which.of(None, NAME) if by_name else Which.of(schedule_id, None)

    def told(status):
        schedule, changed = client.run(set_status(which, status, retry, now=clock.now))
        return schedule.id, schedule.status, changed

    assert told("ACTIVE") == (schedule_id, "ACTIVE", False)
    assert told("INACTIVE") == (schedule_id, "INACTIVE", True)
    assert told("INACTIVE") == (schedule_id, "INACTIVE", False)
    assert told("ACTIVE") == (schedule_id, "ACTIVE", True)
    assert client.run(delete(which, retry)) == schedule_id
    assert client.run(delete(which, retry)) is None
    assert _changes(emulator)[:4] == ["POST", "PATCH", "PATCH", "DELETE"]


def test_what_has_ended_is_not_resumed(client, emulator, clock, retry, run, wanted, at):
    """AI Core allows it until the end only, so it is refused with the way out."""
    schedule_id = run(wanted(end=at(2))).schedule.id
    clock.time += 3 * 24 * 3600

    with pytest.raises(ScheduleRefusedError, match=f"{schedule_id}.*cannot be resumed.*later end"):
        client.run(set_status(Which.of(schedule_id, None), "ACTIVE", retry, now=clock.now))
    assert _changes(emulator) == ["POST"]


def test_a_name_has_to_be_that_of_one_schedule(client, retry, wanted):
    """None cannot be paused, and of several it is not known which one is meant."""
    with pytest.raises(
        ScheduleRefusedError, match=f"no execution schedule of the name '{NAME}'.*have 0 names"
    ):
        client.run(set_status(Which.of(None, NAME), "INACTIVE", retry))
    ids = [_create(client, wanted()) for _ in range(2)]
    for flow in (set_status(Which.of(None, NAME), "INACTIVE", retry), delete(Which.of(None, NAME), retry)):
        with pytest.raises(ScheduleRefusedError, match=".*".join(sorted(ids))):
            client.run(flow)


def test_an_unknown_name_is_refused_with_those_that_there_are(client, emulator, retry, wanted):
    """Whoever has mistyped it sees how it is written; a few names are enough."""
    for number in range(11):
        _create(client, wanted(name=f"schedule {number:02}"))
    sent = _changes(emulator)

    with pytest.raises(ScheduleRefusedError) as refused:
        client.run(set_status(Which.of(None, "Schedule 01"), "INACTIVE", retry))

    assert "'Schedule 01' in the resource group" in str(refused.value)
    assert "have 11 names: 'schedule 00', 'schedule 01', " in str(refused.value)
    assert "'schedule 09', …. Look whether" in str(refused.value)
    assert _changes(emulator) == sent


@pytest.mark.parametrize(("schedule_id", "name"), [(None, None), ("47b3eed9", NAME)])
def test_a_schedule_is_named_in_one_way(schedule_id, name):
    """Without both, or with both, it is not said which one is meant."""
    with pytest.raises(ValueError, match="exactly one of them is needed"):
        Which.of(schedule_id, name)


class _Stepper:
    """Runs a flow, one request at a time."""

    def __init__(self, flow, client) -> None:
        self._flow, self._client, self._answer = flow, client, None
        self.result = None

    def step(self):
        try:
            request = self._flow.send(self._answer)
        except StopIteration as done:
            self.result = done.value
            return
        self._answer = self._client._perform(request)


def _two_at_once(client, clock, flows, seed):
    """Run two flows in turns of chance, or, for seed 0, strictly by turns."""
    chance = random.Random(seed)
    two = [_Stepper(flow, client) for flow in flows]
    turn = 0
    while open_ones := [one for one in two if one.result is None]:
        turn += 1
        (open_ones[turn % len(open_ones)] if seed == 0 else chance.choice(open_ones)).step()
        clock.time += 1
    return [one.result for one in two]


@pytest.mark.parametrize(
    "crons", [("0 3 * * *", "0 3 * * *"), ("0 3 * * *", "0 4 * * *")], ids=["same", "other"]
)
def test_two_at_once_leave_one_schedule(client, emulator, clock, retry, wanted, crons):
    """However their requests interleave the oldest stays, and both are told its id."""
    healed = 0
    for seed in range(25):
        flows = [scheduling.ensure(wanted(cron=cron), retry, now=clock.now) for cron in crons]
        results = _two_at_once(client, clock, flows, seed)
        left = _schedules(client)
        assert {one.schedule.id for one in results} == {one.id for one in left}, seed
        assert len(left) == 1, seed
        healed += any(one.removed for one in results)
        client.run(delete(Which.of(None, NAME), retry))

    assert healed > 5
