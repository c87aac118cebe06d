"""What a triggerer's first wait loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys, threading
from airflow_provider_aicore.triggers import aicore

class Watcher:
    loaded = []

    def find_spec(self, name, path=None, target=None):
        is_in_the_loop = threading.current_thread() is threading.main_thread()
        if is_in_the_loop and name.startswith(("airflow_provider_aicore", "anyio")):
            self.loaded.append(name)

async def main():
    sys.meta_path.insert(0, Watcher())
    trigger = getattr(aicore, sys.argv[1])(**eval(sys.argv[2]))
    try:
        async with asyncio.timeout(2):
            async for _ in trigger.run():
                break
    except TimeoutError:
        pass

asyncio.run(main())
print("loaded:", Watcher.loaded)
"""
KEY = {
    "clientid": "sb-client",
    "clientsecret": "secret",
    "url": "http://127.0.0.1:1",
    "serviceurls": {"AI_API_URL": "http://127.0.0.1:1"},
}
SOON = {"poll_error_budget": 0.0, "first_look_after": 0.0, "poll_interval": 1.0}


@pytest.mark.parametrize(
    ("trigger", "arguments"),
    [
        ("AICoreExecutionTrigger", {"execution_id": "e123", **SOON}),
        ("AICoreExecutionTrigger", {"execution_id": "e123", "logs": "live", **SOON}),
        ("AICoreDeploymentTrigger", {"deployment_id": "d123", **SOON}),
        (
            "AICoreScheduledExecutionTrigger",
            {"execution_schedule_id": "s1", "pick": "next", "since": "2027-01-15T08:00:00+00:00", **SOON},
        ),
        ("AICoreExecutionEventTrigger", {}),
    ],
)
def test_what_a_trigger_needs_is_loaded_in_a_thread(trigger, arguments, tmp_path, monkeypatch):
    """All other triggers of the triggerer would wait for a tenth of a second."""
    extra = {"secret_service_key": json.dumps(KEY)}
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps({"conn_type": "aicore", "extra": extra}))

    program = [sys.executable, "-c", PROGRAM, trigger, repr(arguments)]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)

    assert "loaded: []" in ended.stdout, ended.stdout + ended.stderr
