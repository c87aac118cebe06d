"""The examples for both clocks, run by Airflow against an AI Core whose clock is turned."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.serialization import serialized_objects
from airflow.timetables.base import TimeRestriction

from airflow_provider_aicore import schedule_times
from airflow_provider_aicore.emulator import ManualClock, Options, Progress
from airflow_provider_aicore.emulator.server import EmulatorServer
from tests.emulators import connect
from tests.integration.test_dags import EXAMPLES, dag_bag

NAME = "digits classifier, nightly"
CRON = schedule_times.normalised("30 2 * * mon-fri")
DAY = timedelta(days=1)
FOLDER = EXAMPLES[0].parent
pytestmark = pytest.mark.usefixtures("example_bundle")


@pytest.fixture
def clock():
    """Return AI Core's clock, a fortnight slow until it is turned."""
    return ManualClock(time.time() - 14 * 24 * 3600)


@pytest.fixture
def aicore(airflow_database, clock, monkeypatch):
    """Return an AI Core with the digits classifier, and a connection that leads there."""
    with EmulatorServer(now=clock, options=Options(schedule_jitter=600)) as server:
        server.emulator.add_executable(
            "digits-classifier",
            "digits-classifier-train",
            parameters={"epochs": "10"},
            input_artifacts={"digits": "dataset"},
            output_artifacts={"digits-model": "model"},
            progress=Progress.at_once(),
        )
        extra = {"secret_service_key": server.emulator.service_key}
        monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps({"conn_type": "aicore", "extra": extra}))
        monkeypatch.setenv("NO_PROXY", f"127.0.0.1,{os.environ.get('NO_PROXY', '')}")
        yield server.emulator


@pytest.fixture
def schedule_id(aicore):
    """Return the id of the schedule of the examples."""
    api = connect(aicore)
    digits = api.register(name="digits", scenarioId="digits-classifier")
    configuration_id = api.configure(
        scenarioId="digits-classifier",
        executableId="digits-classifier-train",
        inputArtifactBindings=[{"key": "digits", "artifactId": digits}],
    )
    body = {"name": NAME, "cron": CRON, "configurationId": configuration_id}
    return api.post("/executionSchedules", json=body).raise_for_status().json()["id"]


def _example(name):
    return dag_bag(FOLDER / f"{name}.py").dags[name]


def _schedules(aicore):
    return list(aicore.state.groups["default"].execution_schedules.values())


def _turn_to(clock, instant):
    clock.move(instant.timestamp() - clock())


def _started(aicore):
    """Return the ticks of what the schedule has started."""
    aicore.tick()
    executions = aicore.state.groups["default"].executions.values()
    created = [datetime.fromtimestamp(one.created_at, UTC) for one in executions if one.execution_schedule_id]
    return [schedule_times.last_tick(CRON, one) for one in sorted(created)]


def _runs_of(dag, begin, count):
    """Return the instants at which Airflow's scheduler makes runs of a DAG that begins at one."""
    module: Any = serialized_objects  # Its class has another name from 3.2 on.
    serialization = getattr(module, "DagSerialization", None) or module.SerializedDAG
    timetable = serialization.deserialize_dag(serialization.serialize_dag(dag)).timetable
    runs, last = [], None
    for _ in range(count):
        run = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(begin, None, dag.catchup)
        )
        runs.append(run.run_after)
        last = run.data_interval
    return runs


def test_a_schedule_moves_to_airflow_without_a_double_or_missing_run(aicore, clock, schedule_id):
    """AI Core starts each tick before the instant, Airflow each one after it; nothing else is changed."""
    begin, made_at = datetime.now(UTC), clock()
    takes_over = (begin + 7 * DAY).replace(hour=12, minute=0, second=0, microsecond=0)
    _turn_to(clock, begin)

    run = _example("hand_over_schedule").test(run_conf={"at": takes_over.isoformat()})

    assert run.state == "success"
    (schedule,) = _schedules(aicore)
    assert (schedule.id, schedule.cron, schedule.status) == (schedule_id, CRON, "ACTIVE")
    _turn_to(clock, takes_over + 7 * DAY)
    started = _started(aicore)
    started += _runs_of(_example("airflow_clock"), takes_over, 5)
    expected = schedule_times.ticks(CRON, datetime.fromtimestamp(made_at, UTC))
    assert started == list(islice(expected, len(started)))
    assert len(started) > 15


@pytest.mark.parametrize("change", [{"name": "digits classifier, nigthly"}, {"at": "2100-01-04T02:40:00Z"}])
def test_a_schedule_does_not_move_where_it_would_run_twice_or_not_at_all(aicore, schedule_id, change):
    """A mistyped name, which would make one more, and an instant before a late start: nothing is changed."""
    run = _example("hand_over_schedule").test(run_conf={"at": "2100-01-04T00:00:00Z", **change})

    assert run.state == "failed"
    assert [(one.id, one.end) for one in _schedules(aicore)] == [(schedule_id, None)]


def test_a_daily_pipeline_gets_last_night_s_model(aicore, clock, schedule_id):
    """Its sensor finds the execution of the last tick before the run."""
    _turn_to(clock, datetime.now(UTC))
    at = (datetime.now(UTC) - DAY).replace(hour=12)  # Not while an execution is about to start.

    run = _example("nightly_model").test(logical_date=at)

    assert run.state == "success"
    tick = schedule_times.last_tick(CRON, at)
    assert tick
    executions = aicore.state.groups["default"].executions.values()
    last_night = [one.id for one in executions if 0 <= one.created_at - tick.timestamp() <= 600]
    (used,) = (ti.xcom_pull(task_ids="use") for ti in run.get_task_instances() if ti.task_id == "use")
    assert used.split("/")[3:4] == last_night


def test_a_schedule_is_kept_by_a_dag(aicore):
    """Runs of the example leave one schedule; after the first one they ask for no change."""
    digits = connect(aicore).register(name="digits", scenarioId="digits-classifier")
    dag = _example("schedule_executions")

    runs = [dag.test(run_conf={"digits_artifact_id": digits}) for _ in range(2)]

    assert [run.state for run in runs] == ["success", "success"]
    assert [(one.name, one.cron, one.status) for one in _schedules(aicore)] == [(NAME, CRON, "ACTIVE")]
    sent = [one.method for one in aicore.requests if "/executionSchedules" in one.path]
    assert [one for one in sent if one != "GET"] == ["POST"]


@pytest.mark.parametrize(
    ("example", "sent"), [("pause_schedule", ["PATCH", "PATCH"]), ("temporary_schedule", ["POST", "DELETE"])]
)
def test_what_is_changed_for_a_while_is_undone(aicore, schedule_id, example, sent):
    """In the end the one schedule is as it was, and no other is there."""
    (before,) = _schedules(aicore)
    conf = {"configuration_id": before.configuration.id}
    aicore.requests.clear()

    run = _example(example).test(run_conf=conf)

    assert run.state == "success"
    assert [(one.id, one.status) for one in _schedules(aicore)] == [(schedule_id, "ACTIVE")]
    requests = [one.method for one in aicore.requests if "/executionSchedules" in one.path]
    assert [one for one in requests if one != "GET"] == sent


def test_airflow_starts_an_execution_at_a_tick_of_its_own(aicore):
    """With the data set and the parameters of that run."""
    run = _example("airflow_clock").test(
        logical_date=datetime(2027, 1, 4, 2, 30, tzinfo=UTC), run_conf={"epochs": 3}
    )

    assert run.state == "success"
    (execution,) = aicore.state.groups["default"].executions.values()
    assert (execution.status, execution.execution_schedule_id) == ("COMPLETED", None)
    assert "'3'" in str(execution.configuration.parameter_bindings)


def _told(example):
    """Have the watcher of an example look once, and give what Airflow makes of its event."""
    (asset,) = (each for each in example.values() if isinstance(each, Asset))
    (watcher,) = asset.watchers

    async def look():
        return await anext(watcher.trigger.run())

    event = asyncio.run(asyncio.wait_for(look(), 60))
    return {asset.uri: [SimpleNamespace(extra={"payload": event.payload})]}


def _last_completed(aicore, clock):
    """Let a week of ticks pass that ends later than now, and give the executions."""
    clock.move(21 * 24 * 3600)
    aicore.tick()
    aicore.tick()
    executions, now = aicore.state.groups["default"].executions.values(), time.time()
    if any(abs(each.created_at - now) < 60 for each in executions):
        pytest.skip("AI Core starts one about now: whether the watcher finds it old is a matter of seconds")
    return {each.id for each in executions if each.created_at > now}


@pytest.mark.usefixtures("schedule_id")
def test_a_dag_that_follows_uses_what_it_was_told(aicore, clock):
    """Its watcher tells of a COMPLETED execution, of which the run uses the model."""
    completed = _last_completed(aicore, clock)
    example = runpy.run_path(str(FOLDER / "follow_executions.py"))

    executions = example["completed"].function(triggering_asset_events=_told(example))

    assert len(executions) == 1
    assert executions[0]["id"] in completed
    assert executions[0]["id"] in example["use"].function(execution=executions[0])


@pytest.mark.usefixtures("schedule_id")
def test_a_dag_that_hands_on_gives_each_execution_a_run_of_its_id(aicore, clock):
    """All that the watcher tells at once, each once, with what the run uses."""
    completed = _last_completed(aicore, clock)
    example = runpy.run_path(str(FOLDER / "hand_on_executions.py"))

    runs = example["runs"].function(triggering_asset_events=_told(example))

    assert sorted(run["trigger_run_id"] for run in runs) == sorted(completed)
    assert all(run["conf"]["execution"]["id"] == run["trigger_run_id"] for run in runs)
