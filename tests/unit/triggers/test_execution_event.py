"""The trigger of asset watchers: what it takes and stores."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aicore.triggers.aicore import AICoreExecutionEventTrigger


@pytest.mark.parametrize(
    "change",
    [
        {"statuses": []},
        {"statuses": ["RUNNING"]},
        {"statuses": "COMPLETED"},
        {"poll_interval": 9},
        {"event_interval": 4.9},
        {"executions_per_event": 0},
        {"execution_schedule_id": "a", "execution_schedule_name": "b"},
    ],
)
def test_bad_arguments_are_refused_when_the_dag_file_is_read(change):
    """A watcher has nobody to tell about them but a log."""
    with pytest.raises(ValueError, match=next(iter(change))):
        AICoreExecutionEventTrigger(**change)


def test_equal_watchers_are_one_trigger():
    """Airflow compares the stored arguments, so their order means nothing."""
    one = AICoreExecutionEventTrigger(statuses=["DEAD", "COMPLETED"])
    other = AICoreExecutionEventTrigger(statuses=("COMPLETED", "DEAD", "DEAD"))

    assert one.serialize() == other.serialize()
    assert one.serialize()[0] == "airflow_provider_aicore.triggers.aicore.AICoreExecutionEventTrigger"


def test_the_arguments_are_json_and_complete():
    """What the scheduler stores makes the same trigger again in the triggerer."""
    trigger = AICoreExecutionEventTrigger(
        aicore_conn_id="other",
        resource_group="team-a",
        execution_schedule_id="47b3eed9",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        configuration_id="35b60591",
        statuses=["DEAD"],
        poll_interval=11,
        event_interval=12,
        executions_per_event=13,
    )

    _, arguments = trigger.serialize()

    again = AICoreExecutionEventTrigger(**json.loads(json.dumps(arguments)))
    assert again.serialize() == trigger.serialize()
    assert [name for name, value in arguments.items() if value is None] == ["execution_schedule_name"]
