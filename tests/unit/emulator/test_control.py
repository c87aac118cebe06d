"""The control path, and the entries that it shares with files."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from airflow_provider_aicore.emulator import Emulator, ManualClock
from airflow_provider_aicore.emulator.control import Control
from airflow_provider_aicore.emulator.entries import EntryError, parse, read
from airflow_provider_aicore.emulator.fault_rules import RULE
from airflow_provider_aicore.emulator.scripts import SCRIPT
from tests.emulators import connect


@pytest.fixture
def manual_clock():
    """Give a clock that can be turned over the control path."""
    return ManualClock(1_800_000_000)


@pytest.fixture
def emulator(make_emulator, manual_clock):
    """Give an emulator that goes by this clock."""
    return make_emulator(now=manual_clock)


@pytest.fixture
def control(emulator, manual_clock):
    """Give a client of the control path."""
    transport = httpx.MockTransport(Control(emulator, manual_clock).answer)
    return httpx.Client(transport=transport, base_url="http://127.0.0.1/emulator")


RULES: list[tuple[dict[str, Any], str]] = [
    ({"fault": "answer", "status": 418, "json": {"a": 1}}, "Answer(status=418"),
    ({"fault": "too_many_requests", "retry_after": 3}, "'Retry-After': '3'"),
    ({"fault": "too_many_requests", "retry_after": 3, "as_date": True}, "RetryAfterDate(seconds=3.0)"),
    ({"fault": "too_many_requests", "as_date": True}, "Too Many Requests"),
    ({"fault": "too_many_requests", "retry_after": "2027-01-15T08:00:03Z"}, "Fri, 15 Jan 2027 08:00:03 GMT"),
    ({"fault": "server_error", "takes_effect": True}, "takes_effect=True"),
    ({"fault": "unavailable"}, "status=503, text='upstream"),
    ({"fault": "malformed_json"}, "MalformedJson()"),
    ({"fault": "slow_answer", "seconds": 2}, "SlowAnswer(seconds=2.0)"),
    ({"fault": "connection_lost", "takes_effect": False}, "ConnectionLost(takes_effect=False)"),
    ({"fault": "body_cut"}, "BodyCut()"),
    ({"fault": "token_refused"}, "Jwt is expired"),
    ({"fault": "credentials_refused"}, "Bad credentials"),
    ({"fault": "clock_skew", "seconds": -60}, "ClockSkew(seconds=-60.0)"),
]


@pytest.mark.parametrize(("rule", "made"), RULES, ids=[made for _, made in RULES])
def test_each_kind_of_fault_can_be_written(control, rule, made):
    """Every fault has an entry, and the list of faults shows what was made of it."""
    answer = control.post("/faults", json={**rule, "path": "/scenarios$", "times": 2})
    assert answer.status_code == 201
    (shown,) = control.get("/faults").json()["faults"]
    assert made in shown.pop("fault")
    assert shown == {"method": None, "path": "/scenarios$", "nth": 1, "times": 2, "matched": 0}


def test_faults_strike_until_they_are_deleted(control, api):
    """What was posted strikes in order; deleted faults strike no more."""
    control.post("/faults", json=[{"fault": "unavailable"}, {"fault": "token_refused", "times": None}])
    assert [api.get("/meta").status_code for _ in range(2)] == [503, 401]
    assert control.delete("/faults").status_code == 204
    assert api.get("/meta").status_code == 200


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"fault": "unavailible"},
            "list: entry 2: Input tag 'unavailible' found using 'fault' does not match",
        ),
        ({"fault": "unavailable", "tims": 3}, "list: entry 2: unavailable.tims: is not known"),
        ({"fault": "slow_answer"}, "list: entry 2: slow_answer.seconds: Field required"),
        ({"fault": "body_cut", "path": "("}, "list: entry 2: body_cut.path: Value error, '(' is no regular"),
        ("unavailable", "list: entry 2: "),
    ],
    ids=["kind", "key", "missing", "pattern", "text"],
)
def test_wrong_entry_is_named(entry, message):
    """Number, kind and field of what is wrong are in one line."""
    with pytest.raises(EntryError) as caught:
        parse(RULE, [{"fault": "body_cut"}, entry], "list")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_files_of_entries(tmp_path):
    """A file is YAML or JSON; what is neither is said in one line with its name."""
    file = tmp_path / "faults.yaml"
    file.write_text("- fault: too_many_requests\n  retry_after: 2027-01-15T08:00:03Z\n")
    (rule,) = parse(RULE, read(file), "list")
    assert json.loads(rule.model_dump_json())["retry_after"] == "2027-01-15T08:00:03Z"
    file.write_text("- {\n")
    with pytest.raises(EntryError, match=r"faults\.yaml: cannot be read") as caught:
        read(file)
    assert "\n" not in str(caught.value)
    with pytest.raises(EntryError, match="a list of entries is expected, not None"):
        parse(RULE, None, "list")


WAYS: list[tuple[dict[str, Any], list[str]]] = [
    ({"way": "at_once", "outcome": "DEAD", "message": "sad"}, ["DEAD", "DEAD"]),
    ({"way": "by_reads", "through": ["RUNNING"]}, ["UNKNOWN", "RUNNING", "COMPLETED"]),
    ({"way": "stuck", "status": "PENDING"}, ["PENDING", "PENDING"]),
    ({"way": "failing", "cause": "killed"}, ["DEAD", "DEAD"]),
    ({"way": "failing", "cause": "no-node"}, ["PENDING", "PENDING"]),
    ({"way": "by_clock"}, ["UNKNOWN", "UNKNOWN"]),
    ({"way": "steps", "steps": [{"status": "RUNNING", "after_reads": 2}]}, ["UNKNOWN", "UNKNOWN", "RUNNING"]),
]


@pytest.mark.parametrize(("way", "statuses"), WAYS)
def test_each_way_can_be_written(control, api, way, statuses):
    """Executions move as a posted script says."""
    script = {"executable_id": "text-clf-train", "progress": way}
    assert control.post("/scripts", json=script).status_code == 204
    execution_id = api.start()
    assert [api.status(execution_id) for _ in statuses] == statuses


def test_unknown_failure_is_refused(control):
    """The answer names those that there are."""
    script = {"executable_id": "text-clf-train", "progress": {"way": "failing", "cause": "boredom"}}
    answer = control.post("/scripts", json=script)
    assert answer.status_code == 400
    assert "out-of-memory" in answer.json()["error"]


def test_script_may_make_its_executable(control, api):
    """With a scenario a script needs no template; a sequence is one progress for each start."""
    script = {
        "executable_id": "made-up",
        "scenario_id": "made",
        "parameters": {"epochs": "3", "rate": None},
        "output_artifacts": {"model": "model"},
        "progress": [{"way": "stuck"}, {"way": "at_once"}],
    }
    assert control.post("/scripts", json=script).status_code == 204
    ids = [api.start(scenarioId="made", executableId="made-up") for _ in range(2)]
    assert list(control.get("/statuses").json()["default"].values()) == ["UNKNOWN", "COMPLETED"]
    assert api.get(f"/executions/{ids[1]}").json()["outputArtifacts"][0]["name"] == "model"


def test_script_of_an_unknown_executable_is_refused(control):
    """A script for what is not there names what is; none of the others is followed."""
    scripts = [{"executable_id": each, "progress": {"way": "stuck"}} for each in ("text-clf-train", "trian")]
    answer = control.post("/scripts", json=scripts)
    assert answer.status_code == 400
    assert "'trian'" in answer.json()["error"]
    assert "text-clf-train" in answer.json()["error"]
    with pytest.raises(EntryError, match="does not match the pattern"):
        parse(SCRIPT, {**scripts[0], "executable_id": "a b"}, "list")


def test_requests_can_be_read_and_forgotten(control, api):
    """The requests are shown with method, path, body and status."""
    api.get("/meta")
    shown = control.get("/requests").json()["requests"]
    assert (shown[-1]["path"], shown[-1]["status"]) == ("/v2/lm/meta", 200)
    assert control.delete("/requests").status_code == 204
    assert control.get("/requests").json() == {"requests": []}


def test_clock_can_be_turned(control, emulator):
    """A turnable clock goes on by so many seconds, and not back."""
    assert control.post("/clock", json={"seconds": 60}).json() == {"seconds": 1_800_000_060, "manual": True}
    assert emulator.state.now() == 1_800_000_060
    assert control.post("/clock", json={"seconds": -60}).status_code == 400


def test_real_clock_cannot_be_turned(emulator):
    """Without a turnable clock the refusal says how to get one."""
    client = httpx.Client(
        transport=httpx.MockTransport(Control(emulator).answer), base_url="http://127.0.0.1"
    )
    answer = client.post("/emulator/clock", json={"seconds": 60})
    assert answer.status_code == 400
    assert "--clock manual" in answer.json()["error"]


def test_web_pages_cannot_post(control):
    """A form or a script of another site can send text without asking: only JSON is taken."""
    text = json.dumps({"fault": "unavailable"})
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = control.post("/faults", content=text, headers={"Content-Type": content_type})
        assert answer.status_code == 415
    assert control.options("/faults").status_code == 404
    assert control.get("/faults").json() == {"faults": []}


def test_what_is_not_there_is_said(control):
    """An unknown path names those that there are; a body that is no JSON is refused."""
    answer = control.get("/fault")
    assert answer.status_code == 404
    assert "POST /emulator/faults" in answer.json()["error"]
    answer = control.post("/faults", content="{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, {"error": "The body is not JSON"})


def test_control_is_no_part_of_ai_core():
    """In process, and below ``/v2``, nothing answers for it."""
    with Emulator() as emulator:
        answer = connect(emulator).get(f"{emulator.url}/emulator/faults")
        assert answer.status_code == 404


def test_json_may_name_its_charset(control):
    """Many clients do."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert control.post("/faults", content='{"fault": "unavailable"}', headers=headers).status_code == 201
