"""Lists and deletions with thousands of executions."""

from __future__ import annotations

import itertools

import pytest

from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.exceptions import AICoreDeletionIncomplete
from airflow_provider_aicore.hooks.aicore import AICoreHook
from airflow_provider_aicore.operators.execution import AICoreDeleteExecutionOperator

MANY = 3_000


@pytest.fixture
def ids(connection, api, network, clock):
    """Return the ids of executions that ended, one second after the other, the oldest first."""
    network.script("text-clf-train", Progress.at_once())
    group = network.state.groups["default"]
    configuration = group.configurations[api.configure()]
    begin = clock.time - MANY
    made = [network.state.start(group, configuration, at=begin + number).id for number in range(MANY)]
    network.statuses()
    return made


def _delete(context, **filters):
    return AICoreDeleteExecutionOperator(task_id="t", **filters).execute(context)


def test_pages_are_read_as_far_as_one_goes(ids, network):
    """The first thousand cost one page."""
    first = list(itertools.islice(AICoreHook().iterate_executions(), 1_000))

    assert len({each.id for each in first}) == 1_000
    assert [each.query for each in network.requests if each.path.endswith("/executions")] == [
        {"$top": "1000"}
    ]


def test_each_comes_once_while_others_go(ids, network, client_for_looking):
    """Whoever deletes what he has read, misses none of what is to come."""
    group = network.state.groups["default"]
    seen = []
    for number, execution in enumerate(AICoreHook().iterate_executions()):
        seen.append(execution.id)
        if number % 3 == 0:
            group.drop(group.executions[execution.id])

    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize("emulator_options", [Options(list_order_seed=7)], ids=["shuffled"])
def test_each_is_deleted_but_the_last(ids, context, network, clock):
    """In requests of a hundred; XCom gets the first hundred ids, which are the oldest."""
    result = _delete(context, scenario_id="text-clf", keep_last=5)

    assert result == {"deleted": ids[:100], "deleted_count": MANY - 5, "kept": 5, "dry_run": False}
    clock.move(60)
    assert sorted(network.statuses()) == sorted(ids[-5:])
    assert sum(request.method == "PATCH" for request in network.requests) == 30


@pytest.mark.parametrize("emulator_options", [Options(bulk_updates=False)], ids=["no bulk"])
def test_a_deletion_that_breaks_off_goes_on(ids, context, network, clock):
    """The next try deletes what the one before has not, one by one where the tenant has no bulk updates."""
    from airflow_provider_aicore.emulator import server_error

    network.faults.add(server_error(503), method="DELETE", nth=501, times=None)
    with pytest.raises(AICoreDeletionIncomplete, match=f"Of {MANY} executions, 2500 were not deleted"):
        _delete(context, scenario_id="text-clf")
    network.faults.clear()

    assert _delete(context, scenario_id="text-clf")["deleted_count"] == MANY - 500
    clock.move(60)
    assert network.statuses() == {}
