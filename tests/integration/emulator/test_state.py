"""The folder that keeps the state."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from typing import Any

import pytest

from airflow_provider_aicore.emulator import Emulator, Options, Progress
from airflow_provider_aicore.emulator.changes import class_of, collections
from airflow_provider_aicore.emulator.state import ResourceGroup, Tenant
from tests.emulators import connect


@pytest.fixture
def folder(tmp_path):
    """Give the folder that keeps the state."""
    return tmp_path / "state"


@pytest.fixture
def restart(make_emulator, folder):
    """Give a function that ends the emulator and makes the next one on the same folder."""
    made: list[Emulator] = []

    def restart(**options):
        for emulator in made:
            emulator.close()
        made.append(make_emulator(state=folder, **options))
        return made[-1]

    return restart


def plain(owner: Any) -> dict[str, Any]:
    """Give what is to be kept as plain values."""
    inner = collections(class_of(owner))
    shown = {each.name: getattr(owner, each.name) for each in fields(owner)}
    for name in {*inner, "enactment", "reads"} & set(shown):  # looks are no writes
        del shown[name]
    if "logs" in shown:
        shown["logs"] = list(shown["logs"])
    return shown | {
        kind: {name: plain(item) for name, item in getattr(owner, kind).items()} for kind in inner
    }


def everything(emulator):
    """Give all collections of the tenant."""
    whole = plain(emulator.state)
    return {kind: whole[kind] for kind in collections(Tenant)}


ADMINISTERED = {
    "/objectStoreSecrets": {"name": "store", "type": "S3", "data": {"AWS_SECRET_ACCESS_KEY": "x"}},
    "/dockerRegistrySecrets": {"name": "registry", "data": {".dockerconfigjson": "{}"}},
    "/repositories": {"name": "git", "url": "https://git.test/a", "username": "u", "password": "p"},
    "/applications": {
        "applicationName": "pipelines",
        "repositoryName": "git",
        "revision": "HEAD",
        "path": ".",
    },
    "/secrets": {"name": "warehouse", "data": {"password": "/w=="}},  # a byte that is no UTF-8
}


def administer(admin, path, body, **headers):
    """Send a request of an administrator."""
    admin.request(
        "PATCH" if path == "/resources/nodes" else "POST", path, json=body, headers=headers
    ).raise_for_status()


def test_everything_is_there_again(restart):
    """Something in each collection, in two resource groups, is after a restart as it was before."""
    first = restart(resource_groups=["team-a"])
    first.add_executable("text-clf", "text-clf-serve", deployable=True)
    first.script("text-clf-train", [Progress.at_once(), Progress.by_reads(2), Progress.stuck("RUNNING")])
    for group in ("default", "team-a"):
        api = connect(first, group)
        artifact_id = api.register(labels=[{"key": "ext.ai.sap.com/a", "value": "b"}])
        execution_id = api.start(
            parameterBindings=[{"key": "epochs", "value": "3"}],
            inputArtifactBindings=[{"key": "text-data", "artifactId": artifact_id}],
        )
        tags = [{"name": "who", "value": "m\u00e4e \U0001f600"}]
        metrics = [{"name": "loss", "value": 0.1}]
        api.patch("/metrics", json={"executionId": execution_id, "tags": tags, "metrics": metrics})
        first.write_log(execution_id, "late", resource_group=group)
        first.write_log(execution_id, "early", resource_group=group, at=5)
        api.get("/executions")
        api.deploy()
        api.schedule()
    admin = connect(first)
    admin.base_url = f"{first.url}/v2/admin"
    for path, body in ADMINISTERED.items():
        administer(admin, path, body)
    administer(admin, "/secrets", {"name": "shared", "data": {"a": "Yg=="}}, **{"AI-Tenant-Scope": "true"})
    administer(admin, "/resources/nodes", {"resourcePlans": [{"name": "starter", "request": 1}]})
    before = everything(first)
    assert everything(restart()) == before
    assert all(before.values())
    assert all(any(group[kind] for group in before["groups"].values()) for kind in collections(ResourceGroup))


def test_progress_by_the_clock_goes_on(restart, clock):
    """Time that passes while no emulator is there counts, at its own instants."""
    first = restart(progress=Progress.by_clock(unknown=10, pending=10, running=60))
    execution_id = connect(first).start()
    begin = clock.now()
    clock.move(15)
    assert connect(first).status(execution_id) == "PENDING"
    clock.move(1000)
    second = restart()
    read = connect(second).get(f"/executions/{execution_id}").json()
    assert (read["status"], len(read["outputArtifacts"])) == ("COMPLETED", 1)
    assert second.state.groups["default"].executions[execution_id].start_time == begin + 20


def test_progress_by_reads_goes_on(restart):
    """A restart goes on in the status that was reached, and so does a stop."""
    api = connect(restart(progress=Progress.by_reads(2)))
    execution_id, stopped_id = api.start(), api.start()
    assert [api.status(execution_id) for _ in range(3)] == ["UNKNOWN", "UNKNOWN", "PENDING"]
    api = connect(restart())
    assert [api.status(execution_id) for _ in range(3)] == ["PENDING", "RUNNING", "RUNNING"]
    for _ in range(3):
        api.status(stopped_id)
    api.patch(f"/executions/{stopped_id}", json={"targetStatus": "STOPPED"}).raise_for_status()
    assert api.status(stopped_id) == "STOPPING"
    api = connect(restart())
    assert [api.status(stopped_id) for _ in range(2)] == ["STOPPING", "STOPPED"]


def test_what_is_left_of_a_script_is_kept(restart):
    """The next execution gets the progress that is next."""
    first = restart()
    first.script("text-clf-train", [Progress.at_once("DEAD"), Progress.at_once("COMPLETED")])
    api = connect(first)
    assert api.status(api.start()) == "DEAD"
    api = connect(restart())
    assert api.status(api.start()) == "COMPLETED"


def test_credentials_and_tokens_stay_good(restart):
    """The service key is the same, and a token of before is taken."""
    first = restart()
    key, headers = first.service_key, connect(first).headers
    second = restart()
    api = connect(second)
    api.headers["Authorization"] = headers["Authorization"]
    assert second.service_key == key
    assert api.get("/scenarios").status_code == 200


def test_what_was_deleted_stays_away(restart, clock, folder):
    """An execution whose deletion is through is not there again, and nothing of its log is left."""
    first = restart(progress=Progress.at_once())
    api = connect(first)
    execution_id = api.start()
    first.write_log(execution_id, "line")
    api.delete(f"/executions/{execution_id}").raise_for_status()
    clock.move(60)
    assert api.get("/executions").json()["count"] == 0
    assert connect(restart()).get(f"/executions/{execution_id}").status_code == 404
    with sqlite3.connect(folder / "state.sqlite") as database:
        assert database.execute("SELECT count(*) FROM log_lines").fetchone() == (0,)


def test_deleted_resource_group_takes_along_what_is_in_it(restart):
    """Nothing of it is there again, not even what somebody still held and changed."""
    emulator = restart(resource_groups=["team-a"])
    execution_id = connect(emulator, "team-a").start()
    with emulator.state.lock:
        execution = emulator.state.groups.pop("team-a").executions[execution_id]
    with emulator.state.lock:
        execution.move("DEAD", 5)
        execution.log("line", 5)
    assert list(everything(restart())["groups"]) == ["default"]


def test_new_resource_group_is_kept_with_what_is_in_it(restart):
    """A resource group that comes later is as good as one of the beginning."""
    emulator = restart()
    with emulator.state.lock:
        emulator.state.groups["team-b"] = ResourceGroup("team-b")
    execution_id = connect(emulator, "team-b").start()
    assert connect(restart(), "team-b").get(f"/executions/{execution_id}").status_code == 200


def test_folder_has_one_emulator_at_a_time(restart, make_emulator, folder):
    """A second one is refused with the reason; after the end of the first one it may have the folder."""
    restart()
    with pytest.raises(ValueError, match="in use by another emulator"):
        make_emulator(state=folder)
    restart()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: _execute(file, "PRAGMA user_version = 99"), "a later version"),
        (lambda file: file.write_text("no database" * 100), "cannot be read"),
        (lambda file: _execute(file, "UPDATE entities SET content = '{}'"), "cannot be read"),
    ],
    ids=["newer", "other", "bad"],
)
def test_state_that_cannot_be_used_is_refused(restart, make_emulator, folder, spoil, reason):
    """A newer format, another file and bad content are refused with the folder and the reason."""
    restart().close()
    spoil(folder / "state.sqlite")
    for _ in range(2):
        with pytest.raises(ValueError, match=reason) as refused:
            make_emulator(state=folder)
        assert str(folder) in str(refused.value)


def _execute(file, statement):
    database = sqlite3.connect(file)
    with database:
        database.execute(statement)
    database.close()


def test_only_the_owner_can_read_the_folder(restart, folder):
    """It holds the service key."""
    restart()
    assert folder.stat().st_mode & 0o077 == 0
    assert all(each.stat().st_mode & 0o077 == 0 for each in folder.iterdir())


@pytest.mark.not_as_described("it fails")
def test_change_that_could_not_be_saved_is_not_acknowledged(restart):
    """While the disk is full the answer is 500; the change is saved with the next one."""
    emulator = restart()
    api = connect(emulator)
    database = emulator._store._database
    (most,) = database.execute("PRAGMA max_page_count").fetchone()
    database.execute("PRAGMA max_page_count = 1")
    filled = [
        api.post("/artifacts", json={"name": "a", "kind": "other", "url": "ai://default/a", **rest})
        for rest in [{"scenarioId": "text-clf", "description": "x" * 5000}]
        for _ in range(3)
    ]
    assert filled[-1].status_code == 500
    database.execute(f"PRAGMA max_page_count = {most}")
    api.register(name="b")
    assert len(everything(restart())["groups"]["default"]["artifacts"]) == 4


def test_resource_group_deleted_while_something_runs_leaves_nothing(restart, folder):
    """What changed in it with the deletion does not stay behind, for the next emulator to stumble over."""
    emulator = restart(resource_groups=["team-a"], progress=Progress.stuck("RUNNING"))
    theirs = connect(emulator, "team-a")
    execution_id = theirs.start()
    assert theirs.status(execution_id) == "RUNNING"
    group = emulator.state.groups["team-a"]
    with emulator.state.lock:
        group.executions[execution_id].log("line", 5)
        admin = connect(emulator)
        admin.delete(f"{emulator.url}/v2/admin/resourceGroups/team-a").raise_for_status()
        group.artifacts.update(group.artifacts, late=group.configurations.popitem()[1])
    assert list(everything(restart())["groups"]) == ["default"]
    with sqlite3.connect(folder / "state.sqlite") as database:
        for table in ("entities", "log_lines"):
            left = f"SELECT count(*) FROM {table} WHERE resource_group = 'team-a'"
            assert database.execute(left).fetchone() == (0,)


def test_resource_group_named_at_a_restart_gets_the_secrets_of_the_tenant(restart):
    """It is as if it had been created through the API."""
    secret = {"name": "shared", "data": {"a": "Yg=="}}
    emulator = restart()
    url = f"{emulator.url}/v2/admin/secrets"
    connect(emulator).post(url, json=secret, headers={"AI-Tenant-Scope": "true"}).raise_for_status()
    assert list(restart(resource_groups=["team-a"]).state.groups["team-a"].generic_secrets) == ["shared"]


def test_folder_is_free_after_a_close_that_could_not_save(restart, make_emulator, folder):
    """What fails is said, once, and the folder is left to others."""
    emulator = restart()
    database = emulator._store._database
    database.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON main.entities BEGIN SELECT RAISE(ABORT, 'x'); END"
    )
    for change in (lambda: emulator.script("text-clf-train", Progress.at_once()), emulator.close):
        with pytest.raises(sqlite3.Error):
            change()
    emulator.close()
    make_emulator(state=folder)


def test_time_to_live_ends_while_no_emulator_is_there(restart, clock):
    """The deployment is stopped and deleted at its own instant, so the next emulator has it no more."""
    first = restart(progress=Progress.by_clock())
    first.add_executable("text-clf", "text-clf-serve", deployable=True)
    brief, long = (connect(first).deploy(ttl=ttl) for ttl in ("10m", "2h"))
    clock.move(3600)
    api = connect(restart())
    assert [each["id"] for each in api.get("/deployments").json()["resources"]] == [long]
    assert api.get(f"/deployments/{brief}").status_code == 404
    assert api.get(f"/deployments/{long}").json()["status"] == "RUNNING"


def test_missed_ticks_of_a_schedule_are_not_caught_up(restart, clock):
    """Hours without an emulator start nothing; the next tick does, also for one that was about to start."""
    options = Options(schedule_jitter=600)
    api = connect(restart(options=options))
    hourly, ended = api.schedule(), api.schedule(end="2027-01-15T09:30:00Z")
    clock.move(3 * 3600 + 1800)
    api = connect(restart(options=options))
    assert api.get("/executions/$count").text == "0"
    assert api.get(f"/executionSchedules/{ended}").json()["status"] == "INACTIVE"
    clock.move(1800)  # The tick is here, the start is up to ten minutes away.
    assert api.get("/executions/$count").text == "0"
    api = connect(restart(options=options))
    clock.move(600)
    (started,) = api.get("/executions").json()["resources"]
    assert started["executionScheduleId"] == hourly
