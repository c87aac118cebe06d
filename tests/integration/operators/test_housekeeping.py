"""Deleting executions by filters: what is chosen, what is spared, and what never happens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_aicore.api import lifecycle
from airflow_provider_aicore.emulator import Answer, Progress, server_error
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.exceptions import AICoreDeletionIncomplete, AICoreInvalidInput, AICoreRefused
from airflow_provider_aicore.operators import ending
from airflow_provider_aicore.operators.execution import AICoreDeleteExecutionOperator

DAY = 86_400.0


@pytest.fixture
def past(connection, api, network, clock):
    """Return a function that lets executions end so many days ago, the oldest first; it returns their ids."""

    def past(*days_ago: float, status: str = "COMPLETED", executable_id: str = "text-clf-train"):
        network.script(executable_id, Progress.at_once(status))
        today, ids = clock.time, []
        configuration_id = api.configure(executableId=executable_id)
        group = network.state.groups["default"]
        for days in sorted(days_ago, reverse=True):
            clock.time = today - days * DAY
            ids.append(network.state.start(group, group.configurations[configuration_id]).id)
            network.statuses()  # A look, which lets it end at that time.
        clock.time = today
        return ids

    return past


@pytest.fixture
def delete(context):
    """Return a function that runs the operator."""

    def delete(**filters):
        return AICoreDeleteExecutionOperator(task_id="t", **filters).execute(context)

    return delete


def _asked(network, method):
    return [request for request in network.requests if request.method == method]


def test_those_that_ended_long_ago_are_deleted(past, delete, network, clock):
    """The younger ones stay, and are counted."""
    old, young = past(31, 40), past(29, 1, 0)

    result = delete(older_than=timedelta(days=30))

    assert result == {"deleted": old, "deleted_count": 2, "kept": 3, "dry_run": False}
    clock.move(60)
    assert set(network.statuses()) == set(young)


def test_age_counts_from_the_end(connection, delete, network, api, clock):
    """One that ran for a month and has just ended is what a task is about to look at."""
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=40 * DAY))
    api.start()
    clock.move(41 * DAY)
    network.statuses()

    assert delete(older_than=30 * DAY)["deleted_count"] == 0
    clock.move(30 * DAY)
    assert delete(older_than=30 * DAY)["deleted_count"] == 1


@pytest.mark.parametrize("lists_all", [False, True], ids=["as asked", "whatever is asked"])
def test_what_is_live_is_never_deleted(connection, delete, network, api, clock, lists_all):
    """Whatever the status, and whatever AI Core lists, the execution goes on and nothing is asked for it."""
    for status in ("UNKNOWN", "PENDING", "RUNNING"):
        network.script("text-clf-train", Progress.stuck(status))
        api.start()
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=0, running=9e9, stopping=9e9))
    api.patch(f"/executions/{api.start()}", json={"targetStatus": "STOPPED"}).raise_for_status()
    clock.move(3600)
    assert {*network.statuses().values()} == {status.value for status in lifecycle.LIVE}
    if lists_all:
        page = Answer(200, json=api.get("/executions").json())
        network.faults.add(page, method="GET", path="/executions$", times=None)
    asked_before = len(_asked(network, "PATCH"))

    result = delete(scenario_id="text-clf", older_than=1)

    assert (result["deleted_count"], result["kept"]) == (0, 0)
    assert len(network.statuses()) == 4
    assert not [*_asked(network, "PATCH")[asked_before:], *_asked(network, "DELETE")]


def test_filters_are_combined(past, delete, network, api):
    """Status, executable and age each let through less."""
    network.add_executable("text-clf", "other")
    past(9, 1)
    dead = past(8, 2, status="DEAD")
    past(7, status="DEAD", executable_id="other")

    result = delete(executable_id="text-clf-train", statuses=["DEAD"], older_than=5 * DAY)

    assert (result["deleted"], result["kept"]) == (dead[:1], 1)


@pytest.mark.parametrize(
    "name", ["scenario_id", "executable_id", "configuration_id", "execution_schedule_id"]
)
def test_each_filter_by_id_is_one_of_ai_core_s(past, delete, network, name):
    """It goes into the query, and what does not fit it is not deleted."""
    past(1)

    assert delete(**{name: "something-else"})["deleted_count"] == 0

    (first, *_) = [request for request in _asked(network, "GET") if request.path.endswith("/executions")]
    assert "something-else" in first.query.values()


def test_a_filter_that_ai_core_ignores_deletes_nothing(past, delete, network, api):
    """An answer with more than was asked for is not believed."""
    past(9)
    page = api.get("/executions").json()
    network.faults.add(Answer(200, json=page), method="GET", path="/executions$", times=None)

    assert delete(scenario_id="something-else") == {
        "deleted": [],
        "deleted_count": 0,
        "kept": 0,
        "dry_run": False,
    }


def test_the_last_of_each_executable_are_spared(past, delete, network):
    """They are those that were created last, whatever their age."""
    network.add_executable("text-clf", "other")
    train = past(9, 8, 7)
    other = past(99, 98, executable_id="other")

    result = delete(scenario_id="text-clf", keep_last=1)

    assert set(result["deleted"]) == {*train[:-1], *other[:-1]}
    assert result["kept"] == 2


def test_the_last_and_the_young_are_both_spared(past, delete):
    """Age does not count the last ones out."""
    ids = past(40, 39, 38, 2)

    assert delete(older_than=30 * DAY, keep_last=2)["deleted"] == ids[:2]


def test_a_dry_run_tells_what_would_be_deleted(past, delete, network):
    """Ids and counts are those of the real run, which has not happened."""
    ids = past(9, 8, 1)

    result = delete(older_than=5 * DAY, dry_run=True)

    assert result == {"deleted": ids[:2], "deleted_count": 2, "kept": 1, "dry_run": True}
    assert not [*_asked(network, "PATCH"), *_asked(network, "DELETE")]
    assert set(network.statuses()) == set(ids)


def test_a_retry_goes_on_with_what_is_left(past, delete, network):
    """What is being deleted already is neither deleted again nor counted as one of the last."""
    ids = past(9, 8, 7)
    network.faults.add(server_error(500), method="PATCH", times=None)
    with pytest.raises(AICoreDeletionIncomplete):
        delete(scenario_id="text-clf", keep_last=1)
    network.faults.clear()

    assert delete(scenario_id="text-clf", keep_last=1)["deleted"] == ids[:2]
    assert delete(scenario_id="text-clf", keep_last=1) == {
        "deleted": [],
        "deleted_count": 0,
        "kept": 1,
        "dry_run": False,
    }


@pytest.mark.parametrize("emulator_options", [Options(bulk_updates=False)], ids=["no bulk"])
def test_without_bulk_updates_each_one_is_deleted_by_itself(past, delete, network):
    """``/lm/meta`` says whether the tenant has them."""
    ids = past(3, 2)

    delete(scenario_id="text-clf")

    assert [request.path.rpartition("/")[2] for request in _asked(network, "DELETE")] == ids
    assert not _asked(network, "PATCH")


def test_verdicts_are_honoured_one_by_one(past, delete, network):
    """Who is refused is named with the reason, who is gone is not missed, and the rest is deleted."""
    refused, gone, deleted = past(3, 2, 1)
    verdicts = [
        {"id": refused, "error": {"code": "01010076", "message": "cannot be changed"}},
        {"id": gone, "error": {"code": "01010020", "message": "not found"}},
        {"id": deleted, "message": "Execution modification scheduled"},
    ]
    network.faults.add(Answer(202, json={"executions": verdicts}), method="PATCH")

    with pytest.raises(AICoreDeletionIncomplete, match=f"1 were not deleted: {refused}.*01010076, cannot be"):
        delete(scenario_id="text-clf")


def test_a_refusal_for_good_is_not_retried(past, delete, network):
    """A key that may not delete will not be allowed to at the next try."""
    past(1)
    network.faults.add(Answer(403, "RBAC: access denied"), method="PATCH", times=None)

    with pytest.raises(AICoreRefused):
        delete(scenario_id="text-clf")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "Nothing narrows down"),
        ({"statuses": ["DEAD"]}, "Nothing narrows down"),
        ({"keep_last": 5}, "Nothing narrows down"),
        ({"older_than": 0}, "older_than"),
        ({"older_than": "a week"}, "older_than"),
        ({"scenario_id": "s", "statuses": ["RUNNING"]}, "what is live is never deleted"),
        ({"scenario_id": "s", "statuses": "DEAD"}, "a list of"),
        ({"scenario_id": "s", "statuses": []}, "a list of"),
        ({"scenario_id": "s", "keep_last": -1}, "keep_last is -1"),
        ({"scenario_id": "s", "keep_last": True}, "keep_last is True"),
        ({"execution_id": "e42x", "older_than": 60}, "older_than cannot be given with it"),
        ({"execution_id": "e42x", "dry_run": True, "keep_last": 1}, "keep_last, dry_run cannot"),
    ],
    ids=str,
)
def test_bad_filters_are_refused_when_the_dag_is_read(arguments, complaint):
    """Nothing is deleted by accident, least of all everything."""
    with pytest.raises(AICoreInvalidInput, match=complaint):
        AICoreDeleteExecutionOperator(task_id="t", **arguments)


@pytest.mark.parametrize("value", [None, "", "??"])
def test_a_template_that_comes_out_empty_deletes_nothing(past, context, network, value):
    """A filter that is lost on the way would let more be deleted."""
    ids = past(9)
    operator = AICoreDeleteExecutionOperator(task_id="t", scenario_id="text-clf", configuration_id="{{ x }}")
    operator.configuration_id = value

    with pytest.raises(AICoreInvalidInput, match="configuration_id"):
        operator.execute(context)

    assert list(network.statuses()) == ids


@pytest.mark.parametrize("name", ["execution_id", *ending._FILTERS_BY_ID, "older_than"])
def test_a_mapped_value_that_is_none_deletes_nothing(name):
    """Without the filter the other one alone would choose, and more than was asked for."""
    other = {"executable_id": "text-clf-train"} if name == "older_than" else {"older_than": DAY}
    mapped = AICoreDeleteExecutionOperator.partial(task_id="t", **other).expand(**{name: ["some", None]})

    with pytest.raises(AICoreInvalidInput, match=f"{name} is None, which would let more be deleted"):
        mapped.unmap({name: None})


def test_an_id_that_comes_out_empty_deletes_nothing(past, context, network):
    """The operator for one execution never becomes that for many."""
    past(9)
    operator = AICoreDeleteExecutionOperator(task_id="t", execution_id="{{ x }}")
    operator.execution_id = None

    with pytest.raises(AICoreInvalidInput, match="execution_id is None"):
        operator.execute(context)


def test_the_statuses_are_all_in_which_an_execution_has_ended():
    """The operator knows them without loading the client."""
    from airflow_provider_aicore.api.housekeeping import ENDED

    assert set(ending.ENDED) == set(ENDED)
