"""Which checks there are, in which order, and what each of them needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aicore.api.errors import AICoreError, PermissionDeniedError
from airflow_provider_aicore.examination import access, tenant
from airflow_provider_aicore.examination.case import Case, Finding, Line, Verdict, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from airflow_provider_aicore.api.call import Flow

CONNECTION = "connection"
"""The line of what was given, before anything is asked."""

_TOKEN = re.compile(r"eyJ[\w.=-]{16,}", re.ASCII)
_BLOCKING = {Verdict.WRONG, Verdict.NOT_CHECKED}


class Check(NamedTuple):
    """One thing to find out.

    :param look: finds it out, with or without asking.
    :param needs: the checks that must not have gone wrong.
    """

    name: str
    look: Callable[[Case], Finding | Flow[Finding]]
    needs: tuple[str, ...] = ()


QUICK = (
    Check("link template", access.link_template),
    Check("host", access.host),
    Check("certificate", access.certificate),
    Check("token", access.token, needs=("host", "certificate")),
    Check("API", access.api, needs=("token",)),
    Check("landscape", access.landscape, needs=("API",)),
    Check("resource group", access.resource_group, needs=("landscape",)),
    Check("scenarios", access.visible_scenarios, needs=("resource group",)),
)
"""What three requests tell: whether tasks can work with the connection at all."""

ALL = (
    *QUICK[:2],
    Check("clock", access.clock, needs=("host",)),
    *QUICK[2:],
    Check("object store secret", tenant.object_store_secret, needs=("resource group",)),
    Check("docker registry secret", tenant.docker_secret, needs=("resource group",)),
    Check("applications", tenant.synchronised, needs=("resource group",)),
    Check("quotas", tenant.quotas, needs=("resource group",)),
)
"""Everything, in an order in which nobody is asked who could not be reached."""


def examine(case: Case, checks: Sequence[Check] = ALL) -> Flow[list[Line]]:
    """Do the checks one after the other; none of them raises, and no line holds a secret."""
    kind = "an X.509 certificate" if case.key.certificate else "a client secret"
    complete = f"A complete service key with {kind}, for client {case.key.client_id}."
    lines = {CONNECTION: Line(CONNECTION, Verdict.OK, complete)}
    for check in checks:
        blocked = next((name for name in check.needs if lines[name].verdict in _BLOCKING), None)
        if blocked is not None:
            lines[check.name] = _not_checked(check, lines[blocked])
            continue
        finding = yield from _look(check, case)
        lines[check.name] = Line(check.name, finding.verdict, _without_secrets(finding.text, case))
    return list(lines.values())


def unreadable(why: str, checks: Iterable[Check] = ALL) -> list[Line]:
    """Give the lines for a connection of which no client can be made.

    :param why: what is wrong with it, without its secrets.
    """
    first = Line(CONNECTION, Verdict.WRONG, why)
    return [first, *_all_not_checked(checks, first)]


def _look(check: Check, case: Case) -> Flow[Finding]:
    try:
        found = check.look(case)
        return found if isinstance(found, Finding) else (yield from found)
    except PermissionDeniedError:
        return Finding(Verdict.NOT_ALLOWED, "The service key may not look at this, and tasks need not.")
    except AICoreError as error:
        if case.troubled is None:
            case.troubled = check.name
            return wrong(str(error))
        # What keeps several checks from looking is probably one thing, and is told once.
        return Finding(Verdict.NOT_CHECKED, _not_before(case.troubled))


def _all_not_checked(checks: Iterable[Check], because: Line) -> Iterator[Line]:
    return (_not_checked(check, because) for check in checks)


def _not_checked(check: Check, because: Line) -> Line:
    cause = because.text if because.verdict is Verdict.NOT_CHECKED else _not_before(because.check)
    return Line(check.name, Verdict.NOT_CHECKED, cause)


def _not_before(check: str) -> str:
    return f"Not before this is right: {check}."


def _without_secrets(text: str, case: Case) -> str:
    """Take out what a server may have repeated of a request."""
    for secret in case.key.secrets():
        text = text.replace(secret, "***")
    return _TOKEN.sub("***", text)
