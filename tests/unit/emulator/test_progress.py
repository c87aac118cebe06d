"""How the status of scripted executions moves."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Progress, Step, failing
from tests.emulators import connect


def statuses(api, execution_id, reads):
    """Read the status several times."""
    return [api.status(execution_id) for _ in range(reads)]


def test_default_shows_each_status_once(api):
    """Without a script an execution goes the usual way, one status a read."""
    assert statuses(api, api.start(), 5) == ["UNKNOWN", "PENDING", "RUNNING", "COMPLETED", "COMPLETED"]


def test_by_reads_shows_each_status_so_many_times(make_emulator):
    """By reads, every status on the way is shown as often as was said."""
    api = connect(make_emulator(progress=Progress.by_reads(2, "DEAD", through=("RUNNING",))))
    assert statuses(api, api.start(), 5) == ["UNKNOWN", "UNKNOWN", "RUNNING", "RUNNING", "DEAD"]


def test_lists_count_as_reads(make_emulator):
    """A list that shows an execution moves it on as a GET does; one that does not show it does not."""
    api = connect(make_emulator(progress=Progress.by_reads(1)))
    execution_id = api.start()
    api.get("/executions", params={"scenarioId": "other-scenario"})
    api.get("/executions", params={"$top": 0})
    assert api.get("/executions").json()["resources"][0]["status"] == "UNKNOWN"
    assert api.status(execution_id) == "PENDING"


def test_at_once_is_over_at_the_first_look(make_emulator):
    """At once, the first look finds the outcome; the execution has been running in between."""
    api = connect(make_emulator(progress=Progress.at_once("DEAD", message="no luck")))
    read = api.get(f"/executions/{api.start()}").json()
    assert (read["status"], read["statusMessage"]) == ("DEAD", "no luck")
    assert "startTime" in read


def test_by_clock_moves_without_reads(make_emulator, clock):
    """By the clock, reads change nothing and time does."""
    api = connect(make_emulator(progress=Progress.by_clock(unknown=10, pending=20, running=30)))
    execution_id = api.start()
    seen = [statuses(api, execution_id, 3)]
    for seconds in (10, 20, 30):
        clock.move(seconds)
        seen.append(statuses(api, execution_id, 1))
    assert seen == [["UNKNOWN"] * 3, ["PENDING"], ["RUNNING"], ["COMPLETED"]]


def test_stop_by_clock_takes_its_time(make_emulator, clock):
    """By the clock, STOPPING lasts as long as was said."""
    api = connect(make_emulator(progress=Progress.by_clock(unknown=0, pending=0, stopping=10)))
    execution_id = api.start()
    api.patch(f"/executions/{execution_id}", json={"targetStatus": "STOPPED"}).raise_for_status()
    clock.move(9)
    assert statuses(api, execution_id, 2) == ["STOPPING", "STOPPING"]
    clock.move(1)
    assert api.status(execution_id) == "STOPPED"


@pytest.mark.parametrize("status", ["UNKNOWN", "PENDING", "RUNNING"])
def test_stuck_stays_for_ever(make_emulator, clock, status):
    """A stuck execution never ends by itself."""
    api = connect(make_emulator(progress=Progress.stuck(status)))
    execution_id = api.start()
    clock.move(36_000)
    assert statuses(api, execution_id, 10) == [status] * 10


def test_steps_may_go_back_and_carry_details(make_emulator):
    """A script may take any way, and says what message and details go with a status."""
    progress = Progress(
        (
            Step("RUNNING", after_reads=1),
            Step("PENDING", after_reads=1, message="Task currently un-schedulable due to lack of resource"),
            Step("RUNNING", after_reads=1, details={"workflow_info": []}),
        )
    )
    api = connect(make_emulator(progress=progress))
    execution_id = api.start()
    assert statuses(api, execution_id, 2) == ["UNKNOWN", "RUNNING"]
    pending = api.get(f"/executions/{execution_id}").json()
    assert (pending["status"], pending["statusMessage"]) == (
        "PENDING",
        "Task currently un-schedulable due to lack of resource",
    )
    running = api.get(f"/executions/{execution_id}").json()
    assert (running["status"], running["statusDetails"]) == ("RUNNING", {"workflow_info": []})


def test_a_step_writes_its_log(make_emulator):
    """The lines are there with the status, and the details of a failure end with them."""
    emulator = make_emulator()
    emulator.script("text-clf-train", Progress.at_once("DEAD", log=("epoch 1", "out of memory")))
    api = connect(emulator)
    execution_id = api.start()

    details = api.get(f"/executions/{execution_id}").json()["statusDetails"]
    assert details["details"][0]["last_log_messages"] == "epoch 1 out of memory"
    lines = api.get(f"/executions/{execution_id}/logs").json()["data"]["result"]
    assert [line["msg"] for line in lines] == ["epoch 1", "out of memory"]


def test_a_pod_that_was_taken_away_has_no_exit_code(make_emulator):
    """No container of it failed: the details tell of an error of the workflow's node only."""
    emulator = make_emulator(progress=failing("node-lost"))
    api = connect(emulator)

    details = api.get(f"/executions/{api.start()}").json()["statusDetails"]
    (node,) = details["workflow_info"]
    assert (details["details"], node["phase"], node["exit_code"]) == ([], "Error", "")


def test_details_follow_the_status(make_emulator):
    """The details say that the pod runs or has succeeded, and nothing before it runs."""
    api = connect(make_emulator(progress=Progress.by_reads(1)))
    execution_id = api.start()
    details = [api.get(f"/executions/{execution_id}").json().get("statusDetails") for _ in range(4)]
    assert details[:2] == [None, {"details": [], "workflow_info": []}]
    nodes = [each["workflow_info"][0] for each in details[2:]]
    assert [(node["phase"], node["exit_code"]) for node in nodes] == [("Running", ""), ("Succeeded", "0")]


def test_script_gives_each_execution_its_own_way(emulator, api):
    """A sequence serves one execution after the other; the last one serves all later ones."""
    emulator.script("text-clf-train", [Progress.at_once("DEAD"), Progress.at_once()])
    assert [api.status(api.start()) for _ in range(3)] == ["DEAD", "COMPLETED", "COMPLETED"]


def test_only_completed_executions_write_outputs(make_emulator):
    """A DEAD execution leaves no artifacts."""
    api = connect(make_emulator(progress=Progress.at_once("DEAD")))
    read = api.get(f"/executions/{api.start()}").json()
    assert "outputArtifacts" not in read
    assert api.get("/artifacts").json()["count"] == 0


@pytest.mark.parametrize("status", ["STOPPING", "DEAD", "running"])
def test_stuck_in_another_status_is_refused(status):
    """An execution can only be stuck where the emulator can keep it, and says where that is."""
    with pytest.raises(ValueError, match=f"{status}.*UNKNOWN, PENDING and RUNNING"):
        Progress.stuck(status)
