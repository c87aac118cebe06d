"""The examination: each fault in turn, against an emulator in which all else is well."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from airflow_provider_aicore.api import ServiceKey, applications
from airflow_provider_aicore.api.retry import NO_RETRY
from airflow_provider_aicore.emulator import (
    Answer,
    MalformedJson,
    NoConnection,
    SlowAnswer,
    too_many_requests,
)
from airflow_provider_aicore.examination import ALL, Case, Verdict, examine
from tests.certificates import self_signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aicore.emulator import Emulator

SICK = {Verdict.WARNING, Verdict.WRONG, Verdict.NOT_ALLOWED}
NOT_ALLOWED = Answer(403, "RBAC: access denied")
BAD_CREDENTIALS = {"error": "unauthorized", "error_description": "Bad credentials"}
A_WEB_PAGE = Answer(200, "<html>Sign in</html>", headers={"content-type": "text/html; charset=utf-8"})


@pytest.fixture
def patient(emulator, api):
    """Return an emulator with all that an administrator has to create."""
    keep_store_secret(api)
    admin(api, "dockerRegistrySecrets", name="registry", data={".dockerconfigjson": '{"auths": {}}'})
    fields = {"repositoryUrl": "https://git.example/templates", "revision": "HEAD", "path": "."}
    admin(api, "applications", applicationName="templates", **fields)
    return emulator


@pytest.fixture
def look(emulator, make_client):
    """Return a function that examines the emulator, and gives the lines by the names of their checks."""

    def look(key: dict[str, Any] | None = None, **options: Any):
        client = make_client(
            service_key=ServiceKey.parse(key or emulator.service_key),
            **{"retry": NO_RETRY, "timeout": 10.0, **options},
        )
        lines = client.run(examine(Case(client.service_key, client.resource_group, client.now)))
        return {line.check: line for line in lines}

    return look


def admin(api, where, **body):
    """Create something as an administrator."""
    url = str(api.base_url).replace("/lm/", "/admin/")
    api.post(f"{url}{where}", json=body).raise_for_status()


def keep_store_secret(api):
    """Create the object store secret that outputs need."""
    data = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    admin(api, "objectStoreSecrets", name="default", type="S3", data=data)


def struck(fault, path: str = ""):
    """Make the trouble of one fault that strikes each request for a path."""
    return lambda emulator: emulator.faults.add(fault, path=path, times=None)


def without(kind: str):
    """Make the trouble of a tenant or group without something."""

    def remove(emulator: Emulator) -> None:
        for owner in (emulator.state, *emulator.state.groups.values()):
            if hasattr(owner, kind):
                getattr(owner, kind).clear()

    return remove


def application_is(**status: Any):
    """Make the trouble of an application that is not in step."""
    answer = {"healthStatus": "Healthy", "syncStatus": "Synced", "message": "all tasks run", **status}
    return struck(Answer(200, json=answer), "/applications/templates/status$")


def _fifty_executables(emulator: Emulator) -> None:
    for number in range(49):
        emulator.add_executable("text-clf", f"executable-{number}")


TROUBLES: dict[str, tuple[Callable[[Emulator], object], str, Verdict, str]] = {
    "a closed port": (struck(NoConnection(), "^/v2/"), "host", Verdict.WRONG, "connection refused"),
    "a connection that times out": (
        struck(NoConnection(timeout=True), "^/v2/"),
        "host",
        Verdict.WRONG,
        "ConnectTimeout",
    ),
    "no answer": (struck(SlowAnswer(60), "^/v2/"), "host", Verdict.WRONG, "ReadTimeout"),
    "nothing there at all": (struck(NoConnection()), "host", Verdict.WRONG, "connection refused"),
    "AI Core in trouble": (struck(Answer(503, "no healthy upstream"), "^/v2/"), "host", Verdict.WRONG, "503"),
    "a limited rate": (struck(too_many_requests(), "^/v2/"), "API", Verdict.WRONG, "429"),
    "a limited rate of secrets": (
        struck(too_many_requests(), "^/v2/admin/objectStoreSecrets"),
        "object store secret",
        Verdict.WRONG,
        "429",
    ),
    "an answer that is no JSON": (struck(MalformedJson(), "^/v2/lm/scenarios"), "API", Verdict.WRONG, "JSON"),
    "a proxy's page": (struck(A_WEB_PAGE), "host", Verdict.WRONG, "a proxy or a portal"),
    "not AI Core": (struck(Answer(404, "no such page"), "^/v2/"), "host", Verdict.WRONG, "AI API URL"),
    "a refused secret": (
        struck(
            Answer(401, json={"error": "unauthorized", "error_description": "Bad credentials"}), "^/oauth/"
        ),
        "token",
        Verdict.WRONG,
        "Bad credentials",
    ),
    "a token host that is none": (
        struck(Answer(404, "not found"), "^/oauth/"),
        "token",
        Verdict.WRONG,
        "No identity service answers so",
    ),
    "an identity service in trouble": (struck(Answer(503, ""), "^/oauth/"), "token", Verdict.WRONG, "503"),
    "an identity service out of reach": (
        struck(NoConnection(), "^/oauth/"),
        "token",
        Verdict.WRONG,
        "authentication.api.ai.emulator.test",
    ),
    "a proxy's page for a token": (struck(A_WEB_PAGE, "^/oauth/"), "token", Verdict.WRONG, "access_token"),
    "a slow identity service": (struck(SlowAnswer(60), "^/oauth/"), "token", Verdict.WRONG, "ReadTimeout"),
    "trouble only behind the gateway": (struck(Answer(500, ""), "/scenarios"), "API", Verdict.WRONG, "500"),
    "a slow answer": (struck(SlowAnswer(60), "/scenarios"), "API", Verdict.WRONG, "ReadTimeout"),
    "a proxy's page for the list": (struck(A_WEB_PAGE, "/scenarios"), "API", Verdict.WRONG, "not JSON"),
    "a token of another landscape": (
        struck(Answer(401, "Jwt issuer is not configured"), "/scenarios"),
        "landscape",
        Verdict.WRONG,
        "Jwt issuer is not configured",
    ),
    "a missing scope": (
        struck(NOT_ALLOWED, "^/v2/lm/"),
        "resource group",
        Verdict.WRONG,
        "so the key lacks the scope",
    ),
    "nothing to run": (without("scenarios"), "scenarios", Verdict.WARNING, "No scenario"),
    "no object store secret": (
        without("object_store_secrets"),
        "object store secret",
        Verdict.WRONG,
        "'default' (others: none)",
    ),
    "trouble with what is an administrator's": (
        struck(Answer(503, ""), "^/v2/admin/"),
        "object store secret",
        Verdict.WRONG,
        "503",
    ),
    "no docker registry secret": (
        without("docker_registry_secrets"),
        "docker registry secret",
        Verdict.WARNING,
        "no private image",
    ),
    "an application out of step": (
        application_is(syncStatus="OutOfSync"),
        "applications",
        Verdict.WARNING,
        "Application templates is Healthy, OutOfSync",
    ),
    "an application that failed": (
        application_is(healthStatus="Degraded", message="the repository is gone."),
        "applications",
        Verdict.WRONG,
        "the repository is gone",
    ),
    "a refused template": (
        application_is(
            syncResourcesStatus=[
                {"name": "good", "kind": "WorkflowTemplate", "status": "Synced", "message": "configured"},
                {"name": "bad", "kind": "WorkflowTemplate", "status": "SyncFailed", "message": "no labels"},
            ]
        ),
        "applications",
        Verdict.WRONG,
        "WorkflowTemplate bad: no labels.",
    ),
    "a quota that is used up": (
        _fifty_executables,
        "quotas",
        Verdict.WARNING,
        "executables (workflowTemplateCount): 50 of 50",
    ),
    "as many executions as may run": (
        struck(Answer(200, json={"aiApi": {"limits": {"executions": {"maxRunningCount": 0}}}}), "/lm/meta$"),
        "quotas",
        Verdict.WARNING,
        "running executions: 0 of 0",
    ),
}


def test_a_healthy_tenant_has_nothing_but_ok(patient, look):
    """Every check is done, and none of them has anything to say."""
    lines = look()

    assert {name: line.text for name, line in lines.items() if line.verdict is not Verdict.OK} == {}
    assert list(lines) == ["connection", *(check.name for check in ALL)]


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_each_fault_is_named_and_no_other(patient, look, trouble):
    """One line is wrong; the others are ok, or not checked because of it."""
    bring_about, check, verdict, text = trouble
    bring_about(patient)

    assert_nothing_but(look(), check, verdict, text)


def assert_nothing_but(lines, check: str, verdict: Verdict, text: str) -> None:
    """Require that one check alone has found something."""
    assert {name: line.verdict for name, line in lines.items() if line.verdict in SICK} == {check: verdict}
    assert text in lines[check].text
    not_checked = {line.text for line in lines.values() if line.verdict is Verdict.NOT_CHECKED}
    assert not_checked <= {f"Not before this is right: {check}."}


def test_credentials_of_two_landscapes_are_told_by_their_urls(patient, look):
    """Who mixed two service keys is told of which landscapes the URLs are."""
    key = {
        "serviceurls": {"AI_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"},
        "url": "https://mine.authentication.us10.hana.ondemand.com",
        "clientid": "sb-1",
        "clientsecret": "not-shown",
    }

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(401, json=BAD_CREDENTIALS)
        return httpx.Response(403, text="RBAC: access denied")

    text = look(key, transport=httpx.MockTransport(answer))["token"].text
    assert "The token URL is of landscape us10 and the AI API URL of eu10" in text


def test_a_token_of_another_tenant_s_identity_service_is_no_good(patient, make_emulator, look):
    """The issuer of one emulator is unknown to another one."""
    other = make_emulator(url="https://api.ai.other.test", service_key=patient.service_key)
    key = {**patient.service_key, "url": other.service_key["url"]}

    def answer(request):
        return (other if "other" in request.url.host else patient).handle(request)

    lines = look(key, transport=httpx.MockTransport(answer))

    assert_nothing_but(lines, "landscape", Verdict.WRONG, "both are of one service key")


def test_a_bad_template_of_links_is_told(patient, client):
    """Tasks go on without links, so that nobody else would tell."""
    case = Case(client.service_key, "default", client.now, link_fault="{id} is unknown")

    lines = {line.check: line for line in client.run(examine(case))}

    assert_nothing_but(lines, "link template", Verdict.WRONG, "{id} is unknown")


def test_a_wrong_secret_is_refused_and_not_shown(patient, look):
    """The identity service's words are told, without the secret."""
    lines = look({**patient.service_key, "clientsecret": "not-the-secret"})

    assert_nothing_but(lines, "token", Verdict.WRONG, "Bad credentials")
    assert "not-the-secret" not in json.dumps(list(lines.values()))


def test_an_unknown_resource_group_is_told_with_those_that_exist(patient, look):
    """Whoever may see them is told the groups of the tenant."""
    lines = look(resource_group="team-b")

    assert_nothing_but(lines, "resource group", Verdict.WRONG, "The tenant has default, team-a")


def test_an_unknown_resource_group_is_told_without_the_list_as_well(patient, look):
    """A key that may not see the groups gets the two possible causes."""
    patient.faults.add(NOT_ALLOWED, path="/admin/resourceGroups", times=None)

    lines = look(resource_group="team-b")

    assert_nothing_but(
        lines, "resource group", Verdict.WRONG, "has this group, and that the key has the scope"
    )


def test_a_resource_group_that_is_being_made_is_waited_for(patient, look, api, clock):
    """Its status says why it cannot be used yet."""
    patient.faults.add(NOT_ALLOWED, path="/lm/", times=None)
    group = {"resourceGroupId": "default", "createdAt": "2027-01-15T08:00:00Z", "status": "PROVISIONING"}
    page = {"count": 1, "resources": [group]}
    patient.faults.add(Answer(200, json=page), path="/admin/resourceGroups", times=None)

    assert_nothing_but(look(), "resource group", Verdict.WRONG, "It is PROVISIONING")


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(55, Verdict.OK), (-55, Verdict.OK), (65, Verdict.WARNING), (-65, Verdict.WARNING)],
)
def test_clocks_that_differ_by_a_minute_are_told(make_emulator, service_key, look, clock, seconds, verdict):
    """The direction is named; less is what networks and one's own clock are good for."""
    emulator = make_emulator(service_key=service_key, date_skew=seconds)

    line = look(transport=emulator.transport())["clock"]

    assert line.verdict is verdict
    assert verdict is Verdict.OK or f"{'ahead of' if seconds > 0 else 'behind'} this machine's" in line.text


def test_a_wrong_clock_alone_is_no_other_fault(make_emulator, service_key, look, api):
    """A day of difference between the clocks is named once."""
    emulator = make_emulator(service_key=service_key, date_skew=86_400)

    lines = look(transport=emulator.transport())

    assert "86400 s ahead" in lines["clock"].text
    assert lines["token"].verdict is lines["resource group"].verdict is Verdict.OK


DAY = timedelta(days=1).total_seconds()


@pytest.mark.parametrize(
    ("begin", "end", "verdict", "text"),
    [
        (-DAY, 7 * DAY, Verdict.OK, "in 7 days"),
        (-DAY, 1.5 * DAY, Verdict.WARNING, "ends in 36 h"),
        (-8 * DAY, -DAY, Verdict.WRONG, "has expired"),
        (DAY, 8 * DAY, Verdict.WRONG, "not valid yet"),
    ],
    ids=["good", "soon to end", "expired", "not yet valid"],
)
def test_the_certificate_s_dates_are_read(patient, look, clock, begin, end, verdict, text):
    """One that is no good is named, and no token is asked for with it; one that ends soon still works."""
    key = patient.x509_service_key(*self_signed(clock.now() + begin, clock.now() + end))

    lines = look(key)

    if verdict is not Verdict.OK:
        assert_nothing_but(lines, "certificate", verdict, text)
    assert text in lines["certificate"].text


def test_a_certificate_ends_by_the_clock_of_ai_core(make_emulator, service_key, look, clock):
    """What this machine takes for good is refused by whoever has the right time."""
    emulator = make_emulator(service_key=service_key, date_skew=2 * DAY)
    key = emulator.x509_service_key(*self_signed(clock.now() - DAY, clock.now() + DAY))

    assert "has expired" in look(key, transport=emulator.transport())["certificate"].text


def test_what_the_key_may_not_read_is_no_fault(patient, look):
    """A key without administrator's rights is told so, for each thing that it may not see."""
    patient.faults.add(NOT_ALLOWED, path="^/v2/admin", times=None)

    verdicts = {name: line.verdict for name, line in look().items()}

    not_allowed = {"object store secret", "docker registry secret", "applications", "quotas"}
    assert {name for name, verdict in verdicts.items() if verdict is Verdict.NOT_ALLOWED} == not_allowed
    assert all(verdict is Verdict.OK for name, verdict in verdicts.items() if name not in not_allowed)


def test_a_server_that_repeats_the_request_lets_no_secret_out(patient, look):
    """Neither the secret nor the token is in any line, whatever an answer holds."""

    def echo(request):
        if request.url.path == "/oauth/token" or "authorization" not in request.headers:
            return patient.handle(request)
        return httpx.Response(
            500, text=f"{patient.service_key['clientsecret']} {request.headers['authorization']}"
        )

    lines = look(transport=httpx.MockTransport(echo))

    assert lines["API"].text.count("***") == 2
    text = json.dumps(list(lines.values()))
    assert patient.service_key["clientsecret"] not in text
    assert "eyJ" not in text


def test_an_application_s_name_is_one_part_of_the_path():
    """A name cannot lead elsewhere."""
    assert applications.get_status("a/b?c").path == "/admin/applications/a%2Fb%3Fc/status"
