"""What the contract suite asks of a tenant: it is there, and nothing is left behind in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from airflow_provider_aicore.emulator import Options, Progress, Step
from airflow_provider_aicore.emulator.server import EmulatorServer
from tests.contract.targets import TENANT_VARIABLES, Target, tenant, tenant_is_named


def test_a_named_tenant_gives_tokens():
    """The environment names a tenant, on which all of the suite runs then that stages nothing."""
    if not tenant_is_named():
        pytest.skip(f"no tenant of AI Core is asked: set {', '.join(TENANT_VARIABLES)} (see CONTRIBUTING.md)")
    named = tenant()
    with named.connect() as http:
        answer = http.post(
            f"{named.service_key['url']}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(named.service_key["clientid"], named.service_key["clientsecret"]),
        )

    assert {"access_token", "expires_in"} <= set(answer.json())


def test_the_suite_leaves_nothing_behind_in_a_tenant(description, service_key, tmp_path):
    """It creates one artifact, one configuration and one execution, and that one it stops and deletes."""
    key = tmp_path / "key.json"
    with EmulatorServer(
        service_key=service_key, options=Options(deletion_seconds=0), resource_groups=["team-a"]
    ) as server:
        Target.of(server.emulator, lambda: pytest.fail("only the other process talks to it"))
        server.emulator.script("text-clf-train", Progress((Step("RUNNING"),), stop=Step("STOPPED")))
        key.write_text(json.dumps(server.emulator.service_key))
        values = (str(key), "team-a", "text-clf", "text-clf-train")
        environment = {**os.environ, **dict(zip(TENANT_VARIABLES, values, strict=True)), "NO_PROXY": "*"}
        command = [sys.executable, "-m", "pytest", "-q", "-k", "tenant and not test_tenant", "tests/contract"]
        ended = subprocess.run(
            command,
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        changes = Counter(
            (each.method, each.path.split("/")[3])
            for each in server.emulator.requests
            if each.method != "GET" and each.path.startswith("/v2/") and each.status and each.status < 400
        )

        assert ended.returncode == 0, ended.stdout
        assert changes == {
            ("POST", "artifacts"): 1,
            ("POST", "configurations"): 1,
            ("POST", "executions"): 1,
            ("PATCH", "executions"): 1,
            ("DELETE", "executions"): 1,
        }
        assert server.emulator.statuses("team-a") == {}
