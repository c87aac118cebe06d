"""What a task says when its execution fails as executions do on AI Core: the cause, and what to do."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import httpx
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_aicore.api import TokenRefusedError
from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.reading import nothing
from airflow_provider_aicore.emulator import FAILURES, Answer, Progress, failing
from airflow_provider_aicore.exceptions import (
    AICoreExecutionCannotRun,
    AICoreExecutionCannotStart,
    AICoreExecutionFailed,
    AICoreExecutionNotStarted,
    AICoreExecutionStopped,
    AICoreInvalidInput,
    AICoreOutputMissing,
    AICoreRefused,
    AICoreTaskError,
    AICoreUnreachable,
)
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from tests.deferral import run_to_the_end

STUCK = "stuck in UNKNOWN or PENDING"
NO_REASON = "DEAD without a reason in sight"
NOT_FOUND = "executable not found"
IGNORED = "parameters ignored"
NO_OUTPUT = "no output artifact"
NO_KEY = "specified key does not exist"
NO_IMAGE = "ImagePullBackOff"
NO_PERMISSION = "permission denied in the pod"
NO_ACCESS = "403 RBAC"
NO_ISSUER = "401 Jwt issuer"
BAD_CREDENTIALS = "401 Bad credentials"
QUOTA = "quota met"
"""What users of AI Core ask for help with, by its troubleshooting pages and its SDKs' issues."""


class Told(NamedTuple):
    """How a task fails of a cause, and what its error says.

    :param trouble: for which of the above it stands.
    :param said: what failed and why.
    :param remedy: what to do, to be understood without looking anything up.
    """

    trouble: str
    kind: type[AICoreTaskError]
    said: list[str]
    remedy: str


DEAD = {
    "error": Told(
        NO_REASON,
        AICoreExecutionFailed,
        ["NameError: name 'BatchNormalization'", "'main'", "exit code 1", "None of the known causes"],
        "read the end of its log",
    ),
    "evicted": Told(
        NO_REASON,
        AICoreExecutionFailed,
        ["(node-lost)", "node was low on resource"],
        "A retry starts a new execution elsewhere; if it happens often take a larger resource plan",
    ),
    "input-missing": Told(
        NO_KEY,
        AICoreExecutionCannotRun,
        ["(input-missing)", "specified key does not exist", "'init'", "s3://bucket/prefix"],
        "Check the artifact's URL: ai://<object store secret>/<path>, without a slash at its end",
    ),
    "killed": Told(
        NO_REASON,
        AICoreExecutionFailed,
        ["Probable cause (out-of-memory)", "137"],
        "Take a larger resource plan (label ai.sap.com/resourcePlan of the template), or less data at once",
    ),
    "no-such-command": Told(
        NO_REASON,
        AICoreExecutionCannotRun,
        ["(no-such-command)", "127", "pyhton: not found"],
        "Correct command and args of the template, or the image",
    ),
    "node-lost": Told(
        NO_REASON, AICoreExecutionFailed, ["(node-lost)", "pod deleted"], "A retry starts a new execution"
    ),
    "out-of-memory": Told(
        NO_REASON,
        AICoreExecutionFailed,
        ["Cause (out-of-memory)", "OOMKilled", "loading 12 GB"],
        "Take a larger resource plan (label ai.sap.com/resourcePlan of the template), or less data at once",
    ),
    "output-missing": Told(
        NO_OUTPUT,
        AICoreExecutionCannotRun,
        ["(output-not-written)", "'wait'", "text-model"],
        "Let it write there, or correct the output's path in the template; one that may be missing is "
        "declared `optional: true`",
    ),
    "permission-denied": Told(
        NO_PERMISSION,
        AICoreExecutionFailed,
        ["(permission-denied)", "runs as user 65534, not as root", "'/app/model'"],
        "RUN chown -R 65534:65534 /app",
    ),
    "quota": Told(
        QUOTA,
        AICoreExecutionFailed,
        ["(quota)", "exceeded quota"],
        "Stop what is not needed, run fewer tasks at once (an Airflow pool), or have the quota raised",
    ),
    "terminated": Told(
        NO_REASON,
        AICoreExecutionFailed,
        ["(terminated)", "143", "epoch 1"],
        "A retry starts a new execution; if it happens often ask SAP's support",
    ),
}
"""Of what kills an execution."""
PENDING = {
    "image-pull": Told(
        NO_IMAGE,
        AICoreExecutionNotStarted,
        ["(image-pull)", "registry 'registry.example.com'"],
        "Check the image's name in the template, that imagePullSecrets there names a docker registry secret",
    ),
    "image-rate-limit": Told(
        NO_IMAGE,
        AICoreExecutionNotStarted,
        ["(image-pull-later)", "registry 'docker.io'"],
        "Try again later; a docker registry secret of an account raises the registry's limit",
    ),
    "image-unauthorized": Told(
        NO_IMAGE,
        AICoreExecutionCannotStart,
        ["(image-not-allowed)", "secrets are: hub"],
        "for just this registry (for Docker Hub its host is https://index.docker.io/v1/)",
    ),
    "no-node": Told(
        STUCK,
        AICoreExecutionNotStarted,
        ["(no-node)", "lack of resource"],
        "Wait, or ask for less: check the label ai.sap.com/resourcePlan of the template",
    ),
    "secret-missing": Told(
        STUCK,
        AICoreExecutionCannotStart,
        ["(secret-missing)", '"hub-token"'],
        "Create the generic secret in this resource group under the name that the template uses",
    ),
}
"""Likewise of what keeps it from starting."""


def rows(table):
    """Return a test for each row, by its cause and its trouble."""
    return [pytest.param(cause, told, id=f"{cause}, {told.trouble}") for cause, told in sorted(table.items())]


@pytest.fixture
def make_operator(connection, client_for_looking):
    """Return a maker of the operator, in a resource group that has its secrets."""
    store = {"name": "default", "type": "S3", "data": {"AWS_ACCESS_KEY_ID": "x"}}
    registry = {"name": "hub", "data": {".dockerconfigjson": json.dumps({"auths": {}})}}
    client_for_looking.send(Call("POST", "/admin/objectStoreSecrets", nothing, json=store))
    client_for_looking.send(Call("POST", "/admin/dockerRegistrySecrets", nothing, json=registry))

    def make(**change):
        of_all = {
            "scenario_id": "text-clf",
            "executable_id": "text-clf-train",
            "parameters": {"learning-rate": 0.1},
            "pending_timeout": 600,
        }
        return AICoreRunExecutableOperator(task_id="train", **{**of_all, **change})

    return make


def fail(operator, context, kind):
    """Run a task that fails, and return what it says."""
    with pytest.raises(kind) as caught:
        run_to_the_end(operator, context)
    assert type(caught.value) is kind
    assert ("aicore_wait" in context["ti"].xcoms) == operator.deferrable
    return str(caught.value)


def test_each_failure_of_the_emulator_is_in_the_tables():
    """A new one is not forgotten here."""
    assert set(FAILURES) == {*DEAD, *PENDING}
    assert {name for name, one in FAILURES.items() if one.waits} == set(PENDING)


@pytest.mark.parametrize(("cause", "told"), rows(DEAD))
def test_a_dead_execution_s_cause_and_remedy_are_told(make_operator, mode, context, network, cause, told):
    """The error names what failed, why and what to do; what cannot heal is not retried."""
    network.script("text-clf-train", failing(cause, seconds=60))

    text = fail(make_operator(deferrable=mode), context, told.kind)

    for part in ("is DEAD", "text-clf-train", "resource group 'default'", "Created 2027-01-15", *told.said):
        assert part in text
    assert told.remedy in text


@pytest.mark.parametrize(("cause", "told"), rows(PENDING))
def test_what_keeps_an_execution_from_starting_is_told(make_operator, mode, context, network, cause, told):
    """Within `pending_timeout`; what somebody has to mend first is not retried."""
    network.script("text-clf-train", failing(cause, seconds=60))

    text = fail(make_operator(deferrable=mode), context, told.kind)

    for part in ("still PENDING", "600 s", "It was told to stop", *told.said):
        assert part in text
    assert told.remedy in text


@pytest.mark.parametrize("cause", ["killed", "no-node"])
def test_where_to_look_is_told(make_operator, mode, context, network, monkeypatch, cause):
    """If the connection has a template for links: also of what has never started."""
    template = "https://launchpad.test/{execution_id}"
    extra = {"secret_service_key": network.service_key, "launchpad_url_template": template}
    monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps({"conn_type": "aicore", "extra": extra}))
    network.script("text-clf-train", failing(cause, seconds=60))

    with pytest.raises((AICoreExecutionFailed, AICoreExecutionNotStarted)) as caught:
        run_to_the_end(make_operator(deferrable=mode), context)

    execution_id = context["ti"].xcoms["execution_id"]
    assert f"Look at it: https://launchpad.test/{execution_id}" in str(caught.value)


class Noting:
    """Notes which requests have told how an execution is, by its status.

    :param named: AI Core puts an id on its answers.
    """

    def __init__(self, *, named):
        self._named, self.told = named, {}

    def answer(self, request, proceed):
        """Answer as AI Core does."""
        answer = proceed(request)
        if self._named:
            self.told.setdefault(answer.json()["status"], set()).add(answer.headers["x-request-id"])
        else:
            del answer.headers["x-request-id"]
        return answer


@pytest.mark.parametrize(
    ("progress", "status"),
    [
        (failing("error", seconds=60), "DEAD"),
        (Progress.by_clock(outcome="STOPPED"), "STOPPED"),
        (failing("no-node", seconds=60), "PENDING"),
    ],
)
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_the_request_that_told_it_is_named(make_operator, mode, context, network, progress, status, named):
    """By the id that SAP's support asks for, and by none where AI Core gave none."""
    network.script("text-clf-train", progress)
    noting = Noting(named=named)
    network.faults.add(noting, method="GET", path=r"/lm/executions/\w+$", times=None)

    with pytest.raises((AICoreExecutionFailed, AICoreExecutionNotStarted)) as caught:
        run_to_the_end(make_operator(deferrable=mode), context)

    said = re.findall(r"Request id: (.*?)\.(?:\s|$)", str(caught.value))
    assert len(said) == named
    assert set(said) <= noting.told.get(status, set())


def test_a_missing_object_store_secret_is_told(make_operator, mode, context, network, client_for_looking):
    """AI Core itself says nothing then, and the execution is stuck in UNKNOWN."""
    client_for_looking.send(Call("DELETE", "/admin/objectStoreSecrets/default", nothing))
    network.script("text-clf-train", Progress.stuck("UNKNOWN"))

    text = fail(make_operator(deferrable=mode), context, AICoreExecutionCannotStart)

    assert "still UNKNOWN" in text
    assert "no object store secret 'default' (others: none), without which nothing starts: create it." in text


def test_a_limit_that_is_reached_is_told(make_operator, mode, context, network):
    """The quota met, executions wait in PENDING without a word; a retry may meet a free place."""
    limits = {"limits": {"executions": {"maxRunningCount": 0}}}
    meta = Answer(200, json={"runtimeIdentifier": "aicore", "aiApi": limits})
    network.faults.add(meta, path="/lm/meta", times=None)
    network.script("text-clf-train", Progress.stuck("PENDING"))

    text = fail(make_operator(deferrable=mode), context, AICoreExecutionNotStarted)

    assert "0 executions are RUNNING in the resource group of at most 0, which is why others wait" in text
    assert "run fewer tasks at once (an Airflow pool)" in text


@pytest.mark.parametrize(
    ("where", "answer", "kind", "remedy"),
    [
        pytest.param(
            "/v2/lm/",
            Answer(403, "RBAC: access denied"),
            AICoreRefused,
            "Check that this resource group exists for the tenant of the service key and that the key has",
            id=NO_ACCESS,
        ),
        pytest.param(
            "/v2/lm/",
            Answer(401, "Jwt issuer is not configured"),
            TokenRefusedError,
            "Check that the service key is current, and that its token URL and AI API URL are of one",
            id=NO_ISSUER,
        ),
        pytest.param(
            "/oauth/token",
            Answer(401, json={"error": "unauthorized", "error_description": "Bad credentials"}),
            AICoreRefused,
            "Check the client id and the client secret; paste the whole service key",
            id=BAD_CREDENTIALS,
        ),
    ],
)
def test_a_refusal_says_what_to_correct(make_operator, mode, context, network, where, answer, kind, remedy):
    """Before anything was started; with what AI Core or its identity service has said."""
    network.faults.add(answer, path=where, times=None)

    with pytest.raises(kind) as caught:
        run_to_the_end(make_operator(deferrable=mode), context)

    assert (answer.text or answer.json["error_description"]) in str(caught.value)
    assert remedy in str(caught.value)
    assert network.statuses() == {}


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        pytest.param({"executable_id": "text-clf-trian"}, "Did you mean 'text-clf-train'?", id=NOT_FOUND),
        pytest.param(
            {"parameters": {"Learning-Rate": 0.1}},
            "did you mean 'learning-rate'? A name has to match to the letter, case included",
            id=IGNORED,
        ),
    ],
)
def test_a_name_that_ai_core_does_not_know_is_told_before_the_start(
    make_operator, mode, context, network, wrong, remedy
):
    """AI Core takes such a configuration, and lets its execution die."""
    with pytest.raises(AICoreInvalidInput) as caught:
        run_to_the_end(make_operator(deferrable=mode, **wrong), context)

    assert remedy in str(caught.value)
    assert network.statuses() == {}


def test_the_text_is_the_same_in_both_modes(make_operator, context, network):
    """Whoever has waited; only ids and times differ."""

    def told(deferrable):
        context["ti"].run_id, context["ti"].xcoms = f"run-{deferrable}", {}
        network.script("text-clf-train", failing("permission-denied", seconds=60))
        text = fail(make_operator(deferrable=deferrable), context, AICoreExecutionFailed)
        return re.sub(r"run-\w+|[0-9a-f-]{10,}|[\d:.]+", "#", text)

    assert told(False) == told(True)


def test_a_missing_output_fails_the_task(make_operator, mode, context, network):
    """Though the execution is COMPLETED; a retry would find the same one."""
    network.script("text-clf-train", Progress.by_clock())

    operator = make_operator(deferrable=mode, expected_outputs=["model"], preflight="off")
    text = fail(operator, context, AICoreOutputMissing)

    assert "is COMPLETED, but without output artifact 'model'" in text
    assert "`globalName: model`" in text
    assert "Then clear the task to run it anew" in text
    assert issubclass(AICoreOutputMissing, AirflowFailException)


@pytest.mark.parametrize("expected", ["text-model", ["text-model"], None])
def test_an_output_that_is_there_is_no_matter(make_operator, context, network, expected):
    """One name may stand without a list, as a template may give it."""
    network.script("text-clf-train", Progress.by_clock())

    result = run_to_the_end(make_operator(expected_outputs=expected), context)

    assert "text-model" in result["output_artifacts"]


class GoneDarkAfterTheEnd:
    """Answers no look after the first that shows the end."""

    def __init__(self, status_code):
        self._status_code = status_code
        self._has_shown_it = False

    def answer(self, request, proceed):
        """Answer."""
        if self._has_shown_it:
            return httpx.Response(self._status_code, text="no healthy upstream")
        answer = proceed(request)
        self._has_shown_it = answer.json()["status"] == "COMPLETED"
        return answer


@pytest.mark.parametrize(
    ("status_code", "told"), [(503, "503"), (401, "Connection 'aicore_default': ")], ids=["away", "refused"]
)
def test_an_output_that_cannot_be_looked_for_again_is_not_missing_yet(
    make_operator, context, network, status_code, told
):
    """The next try looks; that the execution has COMPLETED is told."""
    network.script("text-clf-train", Progress.by_clock())
    network.faults.add(
        GoneDarkAfterTheEnd(status_code), method="GET", path="/lm/executions/[^/]+$", times=None
    )
    operator = make_operator(deferrable=False, expected_outputs=["model"], preflight="off")

    text = fail(operator, context, AICoreUnreachable)

    assert "is COMPLETED, but" in text
    assert "The next try of this task looks" in text
    assert told in text
    assert "lives on" not in text


def test_a_stop_has_its_log_and_no_cause(make_operator, mode, context, network):
    """Someone else's stop is none of the known causes, though its container has ended with 143."""
    details = {"details": [{"container_name": "main", "exit_code": 143}]}
    network.script("text-clf-train", Progress.by_clock(outcome="STOPPED", details=details, log=("epoch 1",)))

    text = fail(make_operator(deferrable=mode), context, AICoreExecutionStopped)

    assert "was stopped" in text
    assert "clear the task that started it, if one did" in text
    assert "| epoch 1" in text
    assert "ause (" not in text


def test_a_report_is_bounded_and_without_secrets(make_operator, context, network):
    """However much a program prints, and whatever."""
    lines = tuple(f"{number} password=hunter2 " + "x" * 9000 for number in range(200))
    network.script("text-clf-train", Progress.by_clock(outcome="DEAD", log=lines, message="y" * 250))

    text = fail(make_operator(), context, AICoreExecutionFailed)

    assert len(text) <= 8000
    assert "hunter2" not in text
    assert "199 password=***" in text


def test_what_cannot_heal_is_no_matter_of_retries():
    """Airflow fails the task at once."""
    for kind in (AICoreExecutionCannotRun, AICoreExecutionCannotStart):
        assert issubclass(kind, AirflowFailException)
