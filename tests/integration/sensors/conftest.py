"""Sensors in each mode, by the turned clock."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import BaseSensorOperator

from tests.deferral import run_to_the_end

AIRFLOW_S_SENSORS = sys.modules[BaseSensorOperator.__module__]  # It has other names in other versions.


@pytest.fixture(autouse=True)
def turned_sensor_clock(clock, monkeypatch):
    """Let Airflow's own poke loop wait by the turned clock."""
    turned = SimpleNamespace(sleep=clock.sleep, monotonic=clock.now)
    monkeypatch.setattr(AIRFLOW_S_SENSORS, "time", turned)


@pytest.fixture(autouse=True)
def _not_rescheduled_before(context):
    """Tell a sensor that it is there for the first time: Airflow asks for it in `mode` ``reschedule``."""
    context["ti"].get_first_reschedule_date = lambda _context: None


@pytest.fixture
def rescheduled(clock):
    """Return what runs a sensor to its end, as often as it is rescheduled."""

    def run(sensor, context):
        for _ in range(300):
            try:
                result = run_to_the_end(sensor, context)
            except AIRFLOW_S_SENSORS.AirflowRescheduleException:
                clock.move(sensor.poke_interval)
                context["ti"].start_date = datetime.fromtimestamp(clock.time, UTC)
            else:
                return getattr(result, "xcom_value", result)
        return pytest.fail("the sensor goes round in circles")

    return run


@pytest.fixture(params=["poke", "reschedule", "deferrable"])
def run(request, rescheduled):
    """Return what runs a sensor to its end, in each mode in turn."""

    def run(sensor_class, context, **change):
        mode = "reschedule" if request.param == "reschedule" else "poke"
        sensor = sensor_class(task_id="wait", deferrable=request.param == "deferrable", mode=mode, **change)
        return rescheduled(sensor, context)

    return run
