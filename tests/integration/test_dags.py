"""Our tasks inside Airflow: rendered, mapped, deferred, resumed, with their XComs."""

from __future__ import annotations

import importlib
import importlib.util
import re
import socket
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_provider_aicore.emulator import Progress, schedules
from airflow_provider_aicore.links.aicore import AICoreExecutionLink
from tests.emulators import connect

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE.parents[1] / "example_dags").glob("*.py"))


def dag_bag(folder: Path):
    """Read DAG files as the DAG processor does; the class moved in Airflow 3.2."""
    has_moved = importlib.util.find_spec("airflow.dag_processing.dagbag")
    module = importlib.import_module(
        "airflow.dag_processing.dagbag" if has_moved else "airflow.models.dagbag"
    )
    return module.DagBag(folder)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_read_without_contacting_anything(airflow_database, path, monkeypatch):
    """Reading an example opens no connection and gives the DAG of the file's name, which explains itself."""
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a DAG file opened a connection"))

    bag = dag_bag(path)

    assert bag.import_errors == {}
    assert list(bag.dags) == [path.stem]
    dag = bag.dags[path.stem]
    assert dag.description
    assert dag.doc_md
    assert all(param.description for param in dag.params.values() if not param.has_value)


def test_all_operators_work_together_in_airflow(airflow_database, server):
    """Ids flow by XComArg, values by template, one task is mapped, and what waits is deferred and resumed."""
    dag = dag_bag(HERE / "dags" / "all_of_them.py").dags["all_of_them"]

    run = dag.test()

    assert run.state == "success"
    states = {(ti.task_id, ti.map_index): ti.state for ti in run.get_task_instances()}
    assert set(states.values()) == {"success"}
    assert {index for task_id, index in states if task_id == "run"} == {0, 1}
    for ti in (each for each in run.get_task_instances() if each.task_id == "run"):
        pulled = [
            ti.xcom_pull(task_ids="run", map_indexes=ti.map_index, key=key)
            for key in (AICoreExecutionLink().xcom_key, "execution_id")
        ]
        assert pulled[0] == f"https://launchpad.test/default/{pulled[1]}", "each has a link of its own"
    group = server.emulator.state.groups["default"]
    bindings = sorted(str(one.parameter_bindings) for one in group.configurations.values())
    assert len(bindings) == 3
    assert any("'1'" in one for one in bindings)
    assert uuid.UUID(next(iter(group.artifacts)))
    statuses = list(server.emulator.statuses().values())
    assert statuses.count("COMPLETED") == 2


def test_a_failed_task_has_the_link_of_its_last_execution(airflow_database, server):
    """Of the one that has died in its last try, deferred or not, and of none before."""
    dying = Progress.by_clock(unknown=0.2, pending=0, running=0.2, outcome="DEAD")
    server.emulator.script("text-clf-train", dying)
    dag = dag_bag(HERE / "dags" / "failing.py").dags["failing"]

    run = dag.test()

    started = server.emulator.state.groups["default"].executions.values()
    # What names the task stands before the try; of its executions the last one stays.
    last = {each.configuration.name.rpartition(".")[0]: each.id for each in started}
    linked = []
    for ti in run.get_task_instances():
        assert (ti.state, ti.try_number) == ("failed", 2)
        pulled = [
            ti.xcom_pull(task_ids="run", map_indexes=ti.map_index, key=key)
            for key in (AICoreExecutionLink().xcom_key, "execution_id")
        ]
        assert pulled[0] == f"https://launchpad.test/default/{pulled[1]}"
        linked.append(pulled[1])
    assert len(started) == 4
    assert sorted(linked) == sorted(last.values())


def test_a_failed_task_s_log_holds_what_its_exception_says(airflow_database, server, capfd):
    """From the head, with status, cause and configuration, to the end of the execution's log."""
    died = Progress.by_clock(unknown=0, pending=0, running=0, outcome="DEAD", log=("no such column",))
    server.emulator.script("text-clf-train", died)
    dag = dag_bag(HERE / "dags" / "failing.py").dags["failing_once"]

    run = dag.test()

    assert run.state == "failed"
    ((execution_id, execution),) = server.emulator.state.groups["default"].executions.items()
    said = (
        rf"AICoreExecutionFailed: Execution {execution_id} of configuration 'failing_once\.run .*' is DEAD: "
        r"Error \(exit code 1\); container 'main' ended with exit code 1\.\n"
        r"None of the known causes: read the end of its log\.\n"
        rf"Look at it: https://launchpad\.test/default/{execution_id}\n"
        rf".*, with configuration {execution.configuration.id} in resource group 'default'\.\n"
        r"Created .*\nRequest id: .*\nThe end of its log:\n  .* \| no such column\n"
    )
    assert re.search(said, capfd.readouterr().out)


def test_schedules_are_kept_as_described_in_airflow(airflow_database, server):
    """Two runs of a DAG with all operators for them leave one schedule for each name, all ACTIVE."""
    dag = dag_bag(HERE / "dags" / "schedules.py").dags["schedules"]

    runs = [dag.test(), dag.test()]

    assert [run.state for run in runs] == ["success", "success"]
    schedules = server.emulator.state.groups["default"].execution_schedules.values()
    assert sorted((one.name, one.cron, one.status) for one in schedules) == [
        ("first", "0 0 * * *", "ACTIVE"),
        ("nightly", "30 2 * * 1-5", "ACTIVE"),
        ("second", "0 0 * * 0", "ACTIVE"),
    ]


def test_assets_tell_what_an_execution_wrote(airflow_database, server):
    """Of an alias an asset for each output artifact, and with each asset the execution and its artifact."""
    dag = dag_bag(HERE / "dags" / "assets.py").dags["assets"]

    run = dag.test()

    assert run.state == "success"
    with create_session() as session:
        found = session.execute(
            select(AssetModel.uri, AssetEvent.extra)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetEvent.source_dag_id == "assets", AssetEvent.source_run_id == run.run_id)
        ).all()
    uris = [uri for uri, _ in found]
    assert sorted(uris) == ["aicore://default/text-clf/text-model"] * 2 + ["models"]
    (execution,) = server.emulator.state.groups["default"].executions.values()
    for uri, extra in found:
        assert (extra["execution_id"], extra["metrics"]) == (execution.id, {})
        if uri != "models":
            assert extra["artifact_url"] == f"ai://default/{execution.id}/text-model"


def test_what_a_schedule_has_started_is_waited_for_in_airflow(airflow_database, server):
    """A run by hand has an interval without length: it gets the execution of the last tick until then."""
    now = datetime.now(UTC)
    api = connect(server.emulator)
    for name in ("nightly", "text-clf"):
        cron = f"0 {(now - timedelta(hours=2)).hour} * * *"
        api.schedule(name=name, cron=cron, configurationId=api.configure())
    for schedule in server.emulator.state.groups["default"].execution_schedules.values():
        schedule.created_at -= 12 * 3600
        schedules.plan(schedule, schedule.created_at, jitter=600)
    dag = dag_bag(HERE / "dags" / "clocks.py").dags["clocks"]

    run = dag.test()

    assert run.state == "success"
    assert set(server.emulator.statuses().values()) == {"COMPLETED"}


@pytest.mark.parametrize(("outcome", "state"), [("success", "success"), ("failure", "failed")])
def test_a_temporary_schedule_is_deleted_in_the_end(airflow_database, server, outcome, state):
    """As a teardown the deletion runs whatever came of the task before it."""
    dag = dag_bag(HERE / "dags" / "schedules.py").dags[f"temporary_schedule_of_a_{outcome}"]

    run = dag.test()

    states = {ti.task_id: ti.state for ti in run.get_task_instances()}
    assert states == {"configure": "success", "ensure": "success", "campaign": state, "delete": "success"}
    requests = [(one.method, one.path) for one in server.emulator.requests]
    assert ("POST", "/v2/lm/executionSchedules") in requests
    assert server.emulator.state.groups["default"].execution_schedules == {}
