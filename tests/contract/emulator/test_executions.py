"""Starting, reading and listing executions."""

from __future__ import annotations

import re

import pytest

from airflow_provider_aicore.emulator import Options, Progress
from tests.emulators import connect


def found(api, **filters):
    """Give the ids that a list with these filters has."""
    answer = api.get("/executions", params=filters).raise_for_status()
    return {each["id"] for each in answer.json()["resources"]}


def test_started_execution_is_unknown(api):
    """The answer to a start is 202, an id as AI Core gives them, and the status UNKNOWN."""
    answer = api.post("/executions", json={"configurationId": api.configure()})
    created = answer.json()
    assert answer.status_code == 202
    assert re.fullmatch("e[0-9a-f]{15}", created["id"])
    assert created["status"] == "UNKNOWN"
    assert answer.headers["location"].endswith(f"/v2/lm/executions/{created['id']}")


def test_unknown_configuration_is_refused(api):
    """A start without an existing configuration is 400, not 404."""
    answer = api.post("/executions", json={"configurationId": "1a667982-0000"})
    assert answer.status_code == 400


def test_executable_for_deployments_is_refused(emulator, api):
    """A deployable executable starts no execution."""
    emulator.add_executable("text-clf", "text-clf-serve", deployable=True)
    configuration_id = api.configure(executableId="text-clf-serve")
    assert api.post("/executions", json={"configurationId": configuration_id}).status_code == 400


def test_the_same_configuration_twice_gives_two_executions(api):
    """There is no idempotency key: a repeated POST starts another execution."""
    body = {"configurationId": api.configure()}
    assert api.post("/executions", json=body).json()["id"] != api.post("/executions", json=body).json()["id"]


def test_completed_execution_has_times_and_outputs(make_emulator, clock):
    """A completed execution says when it was submitted, started and completed, and what it wrote."""
    api = connect(make_emulator(progress=Progress.by_clock(unknown=10, pending=20, running=30)))
    execution_id = api.start(name="daily")
    clock.move(3600)
    read = api.get(f"/executions/{execution_id}").json()
    assert (read["status"], read["targetStatus"], read["configurationName"]) == (
        "COMPLETED",
        "COMPLETED",
        "daily",
    )
    assert read["submissionTime"] == "2027-01-15T08:00:10Z"
    assert read["startTime"] == "2027-01-15T08:00:30Z"
    assert read["completionTime"] == "2027-01-15T08:01:00Z"
    (output,) = read["outputArtifacts"]
    assert output["url"] == f"ai://default/{execution_id}/text-model"
    assert (output["name"], output["kind"], output["executionId"]) == ("text-model", "model", execution_id)
    assert api.get(f"/artifacts/{output['id']}").json()["configurationId"] == read["configurationId"]


def test_fields_that_are_not_reached_are_absent(api):
    """A fresh execution has no times but its creation, no outputs and no details."""
    read = api.get(f"/executions/{api.start()}").json()
    assert not {"submissionTime", "startTime", "completionTime", "outputArtifacts", "statusDetails"} & set(
        read
    )


def test_select_status_leaves_six_fields(make_emulator):
    """``$select=status`` of one execution gives what SAP's client takes, and nothing else."""
    api = connect(make_emulator(progress=Progress.at_once("DEAD")))
    read = api.get(f"/executions/{api.start()}", params={"$select": "status"}).json()
    assert set(read) == {"id", "configurationId", "status", "createdAt", "modifiedAt", "statusDetails"}


def test_details_are_only_in_the_answer_for_one(make_emulator):
    """Items of a list never have ``statusDetails``, with or without ``$select=status``."""
    api = connect(make_emulator(progress=Progress.at_once("DEAD")))
    execution_id = api.start()
    assert "statusDetails" in api.get(f"/executions/{execution_id}").json()
    assert "statusDetails" not in api.get("/executions").json()["resources"][0]
    (item,) = api.get("/executions", params={"$select": "status"}).json()["resources"]
    assert set(item) == {"id", "configurationId", "status", "createdAt", "modifiedAt"}


def test_dead_execution_has_exit_codes_as_number_and_as_text(make_emulator):
    """The details of a DEAD execution have AI Core's shape: a number in one place, a text in the other."""
    emulator = make_emulator(progress=Progress.by_reads(1, "DEAD"))
    api = connect(emulator)
    execution_id = api.start()
    emulator.write_log(execution_id, "NameError: name 'x' is not defined")
    for _ in range(4):
        read = api.get(f"/executions/{execution_id}").json()
    main, wait = read["statusDetails"]["details"]
    (node,) = read["statusDetails"]["workflow_info"]
    assert (main["container_name"], main["exit_code"], wait["exit_code"]) == ("main", 1, 0)
    assert main["last_log_messages"].endswith("is not defined")
    assert (node["phase"], node["exit_code"]) == ("Failed", "1")


def test_filters_narrow_the_list(emulator, api):
    """Configuration, scenario, executables, schedule and one status select executions."""
    emulator.add_executable("text-clf", "text-clf-test", progress=Progress.stuck("RUNNING"))
    train, test = api.start(), api.start(executableId="text-clf-test")
    configuration_id = api.get(f"/executions/{test}").json()["configurationId"]
    assert found(api) == {train, test}
    assert found(api, executableIds="text-clf-test") == {test}
    assert found(api, configurationId=configuration_id) == {test}
    assert found(api, scenarioId="other-scenario") == set()
    assert found(api, executionScheduleId="799b4e67-0000") == set()
    assert found(api, status="RUNNING") == {test}
    assert api.get("/executions/$count", params={"status": "RUNNING"}).text == "1"


@pytest.mark.parametrize(
    "filters",
    [{"status": "RUNNING,PENDING"}, {"status": "FINISHED"}, {"$select": "id"}, {"configurationId": "x"}],
)
def test_bad_filter_is_refused(api, filters):
    """One status at a time, ids by their pattern, and nothing to select but the status."""
    assert api.get("/executions", params=filters).status_code == 400


def test_lists_may_lag_behind(make_emulator, clock):
    """With a list lag a new execution is missing from lists, though not by its id, until the lag is over."""
    api = connect(make_emulator(options=Options(list_lag=3)))
    execution_id = api.start()
    assert api.get(f"/executions/{execution_id}").status_code == 200
    assert found(api) == set()
    assert api.get("/configurations").json()["count"] == 0
    clock.move(3)
    assert found(api) == {execution_id}
    assert api.get("/configurations").json()["count"] == 1


def test_statuses_can_be_looked_up_without_a_request(make_emulator):
    """A test sees every execution's status without moving it on."""
    emulator = make_emulator(progress=Progress.by_reads(1))
    execution_id = connect(emulator).start()
    emulator.requests.clear()
    for _ in range(3):
        assert emulator.statuses() == {execution_id: "UNKNOWN"}
    assert emulator.requests == []
