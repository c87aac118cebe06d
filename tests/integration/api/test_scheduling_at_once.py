"""Execution schedules are brought to how they should be, once only, however requests interleave."""

from __future__ import annotations

import random

import pytest

from airflow_provider_aicore.api import (
    configurations,
    execution_schedules,
    scheduling,
)
from airflow_provider_aicore.api.schedule_changes import Which, delete
from airflow_provider_aicore.api.scheduling import WantedSchedule

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


def _schedules(client):
    return client.send(execution_schedules.query())


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
