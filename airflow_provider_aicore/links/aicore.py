"""Buttons in Airflow's UI that lead to what a task has in SAP AI Launchpad.

SAP documents no address of a page there, so the connection holds a template of it. The finished URL is pushed
as XCom when the task knows what it is about, and the API server reads nothing else.
"""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

FIELDS = ("resource_group", "execution_id", "configuration_id", "scenario_id")
"""What a template may name."""


class AICoreLink(BaseOperatorLink):
    """The base of links whose URL the task has pushed."""

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL that this part of the task knows, or a part before it has pushed; else nothing.

        Airflow's worker asks when its process ends, and pushes the answer; what is raised here leaves the URL
        that was pushed before.
        """
        from airflow.providers.common.compat.sdk import XCom

        if getattr(operator, "has_no_links", False):
            return ""  # Airflow logs an error for each XCom that is asked for and not there.
        known: Mapping[str, str] = getattr(operator, "link_urls", {})
        return str(known.get(self.xcom_key) or XCom.get_value(ti_key=ti_key, key=self.xcom_key) or "")


class AICoreExecutionLink(AICoreLink):
    """Leads to the execution that a task runs or waits for."""

    name = "Execution in SAP AI Launchpad"


class AICoreConfigurationLink(AICoreLink):
    """Leads to the configuration that a task has made."""

    name = "Configuration in SAP AI Launchpad"


def check_template(template: object) -> str:
    """Check a template of URLs.

    :raises ValueError: it is no http(s) URL, or names what is unknown.
    """
    try:
        flaw = _flaw(template)
    except ValueError as error:  # Of braces that do not match, or of brackets in a host.
        flaw = str(error)
    if flaw is None:
        return str(template)
    names = ", ".join(f"{{{name}}}" for name in FIELDS)
    raise ValueError(
        f"launchpad_url_template in the connection's extra is of no use: {flaw}. It has to be the URL of a "
        f"page, in which {names} stand for what is known of a task; a brace itself is written twice."
    )


def launchpad_url(template: object, **known: str | None) -> str | None:
    """Return the URL for what is known; ``None`` without a template, or where it names what is not known.

    :param known: values by the names of :data:`FIELDS`.
    :raises ValueError: as :func:`check_template`.
    """
    if not template:
        return None
    checked = check_template(template)
    values = {name: quote(str(value), safe="") for name, value in known.items() if value}
    return checked.format_map(values) if _fields(checked) <= values.keys() else None


def _flaw(template: object) -> str | None:
    if not isinstance(template, str):
        return f"it is of type {type(template).__name__}"
    for field in _fields(template):
        if field not in FIELDS:
            return f"{{{field}}} is unknown"
    parts = urlsplit(template)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "it is no http(s) URL"
    if "@" in parts.netloc:
        return "it holds a user, which everyone would see who sees the task"
    if any(character.isspace() for character in template):
        return "it holds white space"
    return None


def _fields(template: str) -> set[str]:
    """Read which fields a template names.

    :raises ValueError: its braces do not match, or say how a value is to be written.
    """
    fields = set()
    for _, name, form, conversion in Formatter().parse(template):
        if name is not None:
            if form or conversion:
                raise ValueError(f"the braces of {{{name}}} hold more than a name")
            fields.add(name)
    return fields
