"""The checks from the host to the resource group: each one needs what the one before it has shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from airflow_provider_aicore.api import resource_groups, scenarios
from airflow_provider_aicore.api.call import Call, Flow, once, result
from airflow_provider_aicore.api.errors import (
    AICoreError,
    APIStatusError,
    AuthenticationError,
    connection_error,
    status_error,
)
from airflow_provider_aicore.api.reading import nothing
from airflow_provider_aicore.api.retry import NO_RETRY
from airflow_provider_aicore.examination.case import ok, warning, wrong
from airflow_provider_aicore.examination.landscapes import mismatch

if TYPE_CHECKING:
    from airflow_provider_aicore.examination.case import Case, Finding

SKEW = 60.0
"""Seconds between the two clocks from which on it is told."""
CERTIFICATE_ENDS_SOON = timedelta(days=2)
_MANY_GROUPS = 10

_SCENARIOS = scenarios.query()
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_TRUST = (
    "The server's certificate is not trusted here. If a proxy opens TLS, or the host is a local AI Core, "
    "name the file with the authority's certificate in SSL_CERT_FILE."
)


def link_template(case: Case) -> Finding:
    """Say what is wrong with the template of links: no task fails for it, and so nobody would know."""
    if case.link_fault is None:
        return ok("There is none, or nothing is wrong with it.")
    return wrong(case.link_fault)


def host(case: Case) -> Flow[Finding]:
    """Ask without a token: the gateway refuses that itself, or limits the rate; else it is not AI Core's."""
    answer = yield Call("GET", "/lm/meta", nothing, authorized=False)
    if isinstance(answer, httpx.RequestError):
        return wrong(_unreachable(connection_error(answer, may_have_taken_effect=False)))
    if not isinstance(answer, httpx.Response):
        raise TypeError(answer)
    case.ahead = _ahead(answer, case.now())
    if "html" in answer.headers.get("content-type", ""):
        return wrong(
            f"{case.key.api_url} was answered with {answer.status_code} and a web page, which AI Core never "
            "sends: a proxy or a portal is in between, or the AI API URL leads elsewhere."
        )
    if not answer.is_success and answer.status_code not in {401, 403, 429}:
        return wrong(
            f"{status_error(answer)} AI Core's gateway refuses a request without a token with 401 or 403: "
            f"check that {case.key.api_url} is the AI API URL of the service key."
        )
    return ok(f"{case.key.api_url} is reached.")


def clock(case: Case) -> Finding:
    """Compare the two clocks: schedules, data intervals and certificates go by AI Core's."""
    if case.ahead is None:
        return ok("AI Core's answer has no date to compare with.")
    if abs(case.ahead) < SKEW:
        return ok(f"This machine's clock and AI Core's differ by less than {SKEW:.0f} s.")
    return warning(
        f"AI Core's clock is {abs(case.ahead):.0f} s {'ahead of' if case.ahead > 0 else 'behind'} this "
        "machine's, so ticks of execution schedules, windows of logs and the ends of certificates are "
        "misjudged. Synchronise this machine's clock (NTP)."
    )


def certificate(case: Case) -> Finding:
    """Read when the certificate begins and ends; a chain is as good as its weakest part."""
    if case.key.certificate is None:
        return ok("The key has a client secret and no certificate that could end.")
    from cryptography import x509

    try:
        chain = x509.load_pem_x509_certificates(case.key.certificate.encode())
    except ValueError:
        return wrong("The certificate cannot be read. Take the service key whole from the BTP cockpit.")
    begin = max(each.not_valid_before_utc for each in chain)
    end = min(each.not_valid_after_utc for each in chain)
    now = datetime.fromtimestamp(case.now() + (case.ahead or 0.0), UTC)
    renew = "Create a new service key, and with it a `validity` that suits you: the default is 7 days."
    if now >= end:
        return wrong(f"The certificate has expired: it ended at {end:%Y-%m-%d %H:%M} UTC. {renew}")
    if now < begin:
        return wrong(
            f"The certificate is not valid yet: it begins at {begin:%Y-%m-%d %H:%M} UTC, and AI Core has "
            f"{now:%Y-%m-%d %H:%M}. Wait until then, or check the clocks."
        )
    if end - now < CERTIFICATE_ENDS_SOON:
        hours = (end - now).total_seconds() / 3600
        return warning(f"The certificate ends in {hours:.0f} h, at {end:%Y-%m-%d %H:%M} UTC. {renew}")
    return ok(f"The certificate ends at {end:%Y-%m-%d %H:%M} UTC, in {(end - now).days} days.")


def token(case: Case) -> Flow[Finding]:
    """Ask for the scenarios: what is raised before there is an answer, is about the token."""
    try:
        case.answer = yield _SCENARIOS
    except AuthenticationError as error:
        return wrong(
            " ".join(filter(None, [str(error), _not_an_identity_service(error), mismatch(case.key)]))
        )
    except AICoreError as error:
        return wrong(f"No token: {_unreachable(error)}")
    return ok(f"{case.key.token_url} gives a token to client {case.key.client_id}.")


def api(case: Case) -> Finding:
    """Look at what the first request with a token came to, whatever AI Core says about the token."""
    if not (isinstance(case.answer, httpx.Response) and case.answer.status_code in {401, 403}):
        case.scenarios = result(_SCENARIOS, case.answer)
    return ok("AI Core answers.")


def landscape(case: Case) -> Finding:
    """Look whether AI Core takes a token that was just issued."""
    if not (isinstance(case.answer, httpx.Response) and case.answer.status_code == 401):
        return ok("AI Core takes the token.")
    hint = mismatch(case.key) or (
        f"The token is from {case.key.token_url}, and AI Core is {case.key.api_url}: check that both are of "
        "one service key."
    )
    return wrong(f"AI Core refuses a token that was just issued ({case.answer.text[:100]!r}). {hint}")


def resource_group(case: Case) -> Flow[Finding]:
    """Look whether the group is the tenant's and the key may use it: AI Core does not say which it is."""
    if not (isinstance(case.answer, httpx.Response) and case.answer.status_code == 403):
        return ok(f"Resource group {case.resource_group!r} can be used.")
    found = yield from _groups()
    said = f"AI Core refuses resource group {case.resource_group!r} ({case.answer.text[:100]!r})."
    if found is None:
        return wrong(
            f"{said} Check that the tenant of the service key has this group, and that the key has the scope "
            "to read scenarios."
        )
    if case.resource_group not in found:
        names = sorted(found)
        more = f" and {len(names) - _MANY_GROUPS} more" if len(names) > _MANY_GROUPS else ""
        return wrong(f"{said} The tenant has {', '.join(names[:_MANY_GROUPS])}{more}: name one of them.")
    status = found[case.resource_group]
    if status not in {None, "PROVISIONED"}:
        return wrong(f"{said} It is {status}: wait until it is PROVISIONED.")
    return wrong(f"{said} The tenant has it, so the key lacks the scope to read scenarios.")


def visible_scenarios(case: Case) -> Finding:
    """Look whether anything is there to run."""
    count = len(case.scenarios or ())
    if count:
        return ok(f"{count} scenario{'' if count == 1 else 's'} can be seen.")
    return warning(
        "No scenario can be seen, so there is nothing to run. Check that the templates' application is "
        "there and in step with Git, and that this is the resource group that is meant."
    )


def _groups() -> Flow[dict[str, str | None] | None]:
    """Return the status of each of the tenant's groups; ``None`` if they cannot be read."""
    try:
        groups = yield from once(resource_groups.get_all(), NO_RETRY)
    except AICoreError:
        return None
    return {each.resource_group_id: each.status for each in groups}


def _ahead(answer: httpx.Response, now: float) -> float | None:
    try:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp() - now
    except (KeyError, ValueError):
        return None


def _unreachable(error: AICoreError) -> str:
    return f"{error} {_TRUST}" if _UNTRUSTED in str(error) else str(error)


def _not_an_identity_service(error: AuthenticationError) -> str | None:
    """Tell a wrong host, which knows no such path, from refused credentials."""
    cause = error.__cause__
    if isinstance(cause, APIStatusError) and cause.status_code not in {400, 401, 403}:
        return "No identity service answers so: check the token URL ('url' or 'certurl' of the service key)."
    return None
