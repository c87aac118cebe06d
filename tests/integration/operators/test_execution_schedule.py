"""Execution schedules as code: ensured, paused, resumed, deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_aicore.api import configurations, execution_schedules, executions
from airflow_provider_aicore.exceptions import AICoreInvalidInput
from airflow_provider_aicore.operators.execution_schedule import (
    AICoreDeleteExecutionScheduleOperator,
    AICoreEnsureExecutionScheduleOperator,
    AICorePauseExecutionScheduleOperator,
    AICoreResumeExecutionScheduleOperator,
)

NAME = "nightly training"
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def configuration_id(connection, client_for_looking, clock):
    """Return a configuration to schedule, on a Friday at noon."""
    clock.time = NOON.timestamp()
    call = configurations.create(
        name="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
    )
    return client_for_looking.send(call).id


@pytest.fixture
def ensure(configuration_id):
    """Return a maker of the operator."""

    def make(**change):
        arguments = {
            "task_id": "ensure",
            "name": NAME,
            "cron": "@daily",
            "configuration_id": configuration_id,
        }
        return AICoreEnsureExecutionScheduleOperator(**{**arguments, **change})

    return make


def _changes(network):
    return [
        one.method for one in network.requests if one.method != "GET" and "executionSchedules" in one.path
    ]


def test_a_schedule_is_created_and_what_comes_is_told(ensure, configuration_id, context, capfd):
    """Its XCom is a small dict, and the log has the ticks and what AI Core does not promise."""
    start = datetime(2027, 1, 16, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))

    result = ensure(start=start, end="2027-01-19T00:00:00Z").execute(context)

    ticks = [f"2027-01-{day}T00:00:00+00:00" for day in (16, 17, 18)]
    assert result == {
        "id": result["id"],
        "name": NAME,
        "status": "ACTIVE",
        "cron": "0 0 * * *",
        "configuration_id": configuration_id,
        "start": "2027-01-15T23:30:00+00:00",
        "end": "2027-01-19T00:00:00+00:00",
        "resource_group": "default",
        "created": True,
        "changed": [],
        "next_ticks": ticks,
    }
    assert json.loads(json.dumps(result)) == result
    log = capfd.readouterr().out
    assert f"Created execution schedule {result['id']}, '{NAME}': '0 0 * * *'" in log
    assert "'@daily' is written '0 0 * * *' for AI Core" in log
    assert "Next ticks in UTC: Sat 2027-01-16 00:00, Sun 2027-01-17 00:00, Mon 2027-01-18 00:00." in log
    assert "counts in UTC and has been seen to start executions up to 11 min after the tick" in log


def test_further_runs_change_nothing_and_say_so(ensure, network, context, capfd):
    """Nine more ask for no change, have the same result but for `created`, and do not repeat the warning."""
    first = ensure().execute(context)
    capfd.readouterr()

    for _ in range(9):
        assert ensure().execute(context) == {**first, "created": False}
    assert _changes(network) == ["POST"]
    log = capfd.readouterr().out
    assert f"Execution schedule {first['id']}, '{NAME}', is as described." in log
    assert "promise" not in log


def test_what_was_changed_is_told(ensure, context, capfd):
    """With what it was and what it is."""
    first = ensure(end=NOON + timedelta(days=30)).execute(context)

    result = ensure(cron="0 6 * * mon-fri", end=NOON + timedelta(days=31)).execute(context)

    assert (result["id"], result["created"], result["changed"]) == (first["id"], False, ["cron", "end"])
    log = capfd.readouterr().out
    assert f"Changed cron of execution schedule {first['id']}: 0 0 * * * → 0 6 * * 1-5." in log
    assert "Changed end of execution schedule" in log
    assert "2027-02-14 12:00:00+00:00 → 2027-02-15 12:00:00+00:00" in log


def test_a_schedule_that_starts_nothing_is_told(ensure, context, clock, capfd):
    """Paused, or after its end; and an end that is not described any more."""
    schedule_id = ensure().execute(context)["id"]
    _pause(schedule_id).execute(context)
    paused = ensure().execute(context)
    assert (paused["status"], paused["next_ticks"]) == ("INACTIVE", [])
    assert f"{schedule_id} is INACTIVE and starts nothing: it is paused, see" in capfd.readouterr().out

    end = NOON + timedelta(days=1)
    ensure(end=end).execute(context)
    clock.time += 2 * 24 * 3600
    ensure(end=end).execute(context)
    log = capfd.readouterr().out
    assert "it is paused, or its end, 2027-01-16 12:00:00+00:00, has passed" in log
    assert "though no end is described" not in log
    ensure().execute(context)
    assert "ends at 2027-01-16 12:00:00+00:00, though no end is described" in capfd.readouterr().out


def test_one_that_was_made_at_once_is_deleted_and_that_is_told(
    ensure, configuration_id, client_for_looking, clock, context, capfd
):
    """The log has both ids."""
    ids = []
    for _ in range(2):
        call = execution_schedules.create(name=NAME, cron="0 0 * * *", configuration_id=configuration_id)
        ids.append(client_for_looking.send(call).id)
        clock.time += 1

    assert ensure().execute(context)["id"] == ids[0]
    assert f"Deleted {ids[1]}, made at the same time" in capfd.readouterr().out


def test_executions_are_started_by_what_was_ensured(ensure, client_for_looking, context, clock):
    """AI Core takes the expression that we wrote for it: an execution carries the schedule's id."""
    result = ensure().execute(context)
    clock.time += 24 * 3600

    (execution,) = client_for_looking.send(executions.query(execution_schedule_id=result["id"]))
    assert execution.configuration_id == result["configuration_id"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"cron": "0 0 0 * * *"}, "it has 6 fields"),
        ({"cron": "*/5 * * * *"}, "ticks 5 min apart, but AI Core wants"),
        ({"cron": "0 0 30 2 *"}, "it never comes"),
        ({"cron": "0 0 * * someday"}, "'someday' is no weekday"),
        ({"start": datetime(2027, 1, 1)}, "without a time zone"),  # noqa: DTZ001 - that is the mistake
        ({"end": "2027-01-01"}, "without a time zone"),
        ({"start": NOON, "end": NOON}, "end is .* has to be after start"),
        ({"start": "2027-01-02T00:00:00Z", "end": datetime(2027, 1, 1, tzinfo=UTC)}, "has to be after start"),
    ],
)
def test_what_is_wrong_for_sure_is_refused_when_the_file_is_read(change, complaint):
    """Whoever writes the DAG sees it at once; nothing is contacted for that."""
    with pytest.raises(AICoreInvalidInput, match=complaint):
        AICoreEnsureExecutionScheduleOperator(
            **{"task_id": "t", "name": NAME, "cron": "@daily", "configuration_id": "47b3eed9", **change}
        )


def test_an_end_that_has_passed_does_not_break_the_file():
    """The file of yesterday has to be read tomorrow as well; the task refuses it when it runs."""
    AICoreEnsureExecutionScheduleOperator(
        task_id="t",
        name=NAME,
        cron="@daily",
        configuration_id="47b3eed9",
        end=datetime(2020, 1, 1, tzinfo=UTC),
    )


def test_values_that_are_not_known_yet_are_left_to_the_task():
    """Templates, and results of other tasks."""
    with DAG("dag_of_a_test", schedule=None):
        first: Any = AICoreEnsureExecutionScheduleOperator(
            task_id="first",
            name=NAME,
            cron="{{ params.cron }}",
            configuration_id="47b3eed9",
            start="{{ params.start }}",
            end="{{ params.end }}",
        )
        second = AICoreEnsureExecutionScheduleOperator(
            task_id="second",
            name=NAME,
            cron=first.output["cron"],
            configuration_id="47b3eed9",
            start=first.output["start"],
        )

    assert second.upstream_task_ids == {"first"}


@pytest.mark.parametrize(
    ("change", "complaint", "asked"),
    [
        ({"cron": "0 0 0 * * *"}, "it has 6 fields", False),
        ({"start": "tomorrow"}, "start is 'tomorrow'", False),
        ({"name": ""}, "name is empty", False),
        ({"name": None}, "name is None", False),
        ({"configuration_id": "a/b"}, "configuration_id is 'a/b'", False),
        ({"cron": "*/5 * * * *"}, "ticks 5 min apart", True),
        ({"end": NOON - timedelta(days=1)}, "end is .*, which has passed", True),
    ],
)
def test_what_a_template_gives_is_refused_before_anything_is_changed(
    ensure, network, context, change, complaint, asked
):
    """Without a retry, and without a request where none is needed to know."""
    before = len(network.requests)
    operator = ensure()
    for name, value in change.items():  # As Airflow does when it has rendered the templates.
        setattr(operator, name, value)

    with pytest.raises(AICoreInvalidInput, match=complaint):
        operator.execute(context)
    assert _changes(network) == []
    assert (len(network.requests) > before) is asked


def _pause(schedule_id=None, **change):
    return AICorePauseExecutionScheduleOperator(task_id="t", execution_schedule_id=schedule_id, **change)


def _resume(schedule_id=None, **change):
    return AICoreResumeExecutionScheduleOperator(task_id="t", execution_schedule_id=schedule_id, **change)


def _delete(schedule_id=None, **change):
    return AICoreDeleteExecutionScheduleOperator(task_id="t", execution_schedule_id=schedule_id, **change)


@pytest.mark.parametrize("by_name", [False, True], ids=["by id", "by name"])
def test_a_schedule_is_paused_resumed_and_deleted(ensure, context, capfd, by_name):
    """Each may run twice, and tells whether it has changed something."""
    schedule_id = ensure().execute(context)["id"]
    which = {"name": NAME} if by_name else {"schedule_id": schedule_id}
    told = {"id": schedule_id, "name": NAME}

    assert _pause(**which).execute(context) == {**told, "status": "INACTIVE", "changed": True}
    assert _pause(**which).execute(context) == {**told, "status": "INACTIVE", "changed": False}
    assert _resume(**which).execute(context) == {**told, "status": "ACTIVE", "changed": True}
    assert _resume(**which).execute(context) == {**told, "status": "ACTIVE", "changed": False}
    assert _delete(**which).execute(context) == {"id": schedule_id, "deleted": True}
    assert _delete(**which).execute(context) == {"id": None if by_name else schedule_id, "deleted": False}
    log = capfd.readouterr().out
    assert f"Execution schedule {schedule_id}, '{NAME}', is now INACTIVE." in log
    assert "was already ACTIVE." in log
    assert "was not there" in log


@pytest.mark.parametrize("make", [_pause, _resume, _delete])
def test_a_schedule_that_is_not_named_well_is_refused(connection, network, context, make):
    """Without a request, and without a retry."""
    for change, complaint in (
        ({}, "exactly one of them is needed"),
        ({"schedule_id": "47b3eed9", "name": NAME}, "exactly one of them is needed"),
        ({"schedule_id": "a/b"}, "an id has 4 to 64"),
        ({"name": ""}, "name is empty"),
    ):
        with pytest.raises(AICoreInvalidInput, match=complaint):
            make(**change).execute(context)
    assert network.requests == []


def test_what_cannot_be_done_fails_without_a_retry(ensure, connection, context, clock):
    """No schedule of the name, and one that has ended."""
    with pytest.raises(AICoreInvalidInput, match="There is no execution schedule of the name 'other'"):
        _pause(name="other").execute(context)
    ensure(end=NOON + timedelta(days=1)).execute(context)
    clock.time += 2 * 24 * 3600
    with pytest.raises(AICoreInvalidInput, match="cannot be resumed"):
        _resume(name=NAME).execute(context)


def test_schedules_are_of_a_resource_group(ensure, context):
    """The same name in another group is another schedule."""
    with pytest.raises(Exception, match="team-a"):
        ensure(resource_group="team-a").execute(context)  # It has no such configuration.
    assert ensure().execute(context)["resource_group"] == "default"
    assert _delete(name=NAME, resource_group="team-a").execute(context)["deleted"] is False
