"""The hook: from an Airflow connection to a client of AI Core."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Unpack

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import BaseHook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_aicore.api import AsyncClient, Client, ServiceKey
    from airflow_provider_aicore.api.client import ClientOptions
    from airflow_provider_aicore.api.models import Artifact, Configuration, Execution
    from airflow_provider_aicore.examination import Line
    from airflow_provider_aicore.examination.checks import Check
    from airflow_provider_aicore.hooks.items import (
        ArtifactFilters,
        ConfigurationFilters,
        ExecutionFilters,
        Items,
    )

_TEST_TIMEOUT = 10.0
_questions: set[asyncio.Task[AsyncClient]] = set()
"""Strong references: an event loop has none to its tasks."""

_FIELD_NAMES = {
    "serviceurls.AI_API_URL": "host",
    "url": "auth_url (extra)",
    "clientid": "login",
    "clientsecret": "password",
}
_SERVICE_KEY_FIELDS = (
    "serviceurls",
    "clientid",
    "clientsecret",
    "certificate",
    "key",
    "certurl",
    "url",
    "credentials",
)


class AICoreHook(BaseHook):
    """Makes clients of AI Core from a connection of type ``aicore``.

    The connection holds a whole service key, with a client secret or X.509 (extra ``secret_service_key``, or
    the path to a file with it in ``service_key_file``), or the single fields of one with a client secret:
    host (AI API URL), login (client id), password (client secret) and extra ``auth_url``. All of it is taken
    from one of the three, never mixed.

    :param aicore_conn_id: the connection.
    :param resource_group: the resource group; if not given the connection's, and if it has none ``default``.

    :ivar launchpad_url_template: for links, as the connection had it when a client was made; not checked.
    """

    conn_name_attr = "aicore_conn_id"
    default_conn_name = "aicore_default"
    conn_type = "aicore"
    hook_name = "SAP AI Core"

    def __init__(self, aicore_conn_id: str = default_conn_name, resource_group: str | None = None) -> None:
        super().__init__()
        self.aicore_conn_id = aicore_conn_id
        self.resource_group = resource_group
        self.launchpad_url_template: object = None

    def get_conn(self, *, sleep: Callable[[float], None] | None = None) -> Client:
        """Make a client. Close it after use; it can be used as a context manager.

        :param sleep: how it waits, in seconds.
        :raises InvalidServiceKeyError: the connection's service key is incomplete or of two kinds.
        :raises ValueError: the resource group has the wrong form.
        """
        from airflow_provider_aicore.api import Client

        key, options = self._client_arguments(self.get_connection(self.aicore_conn_id))
        return Client(key, sleep=sleep, **options)

    async def aget_conn(self) -> AsyncClient:
        """Make a client for an event loop; otherwise as :meth:`get_conn`.

        Who is cancelled meanwhile does not cancel what Airflow is asked: on 3.1 a triggerer would take that
        answer for the one to its next question, and end.
        """
        question = asyncio.create_task(self._aget_conn())
        _questions.add(question)
        question.add_done_callback(_questions.discard)
        return await asyncio.shield(question)

    async def _aget_conn(self) -> AsyncClient:
        from asgiref.sync import sync_to_async

        from airflow_provider_aicore.api import AsyncClient
        from airflow_provider_aicore.stats import tell_poll

        connection = await get_async_connection(self.aicore_conn_id)

        def make() -> AsyncClient:
            key, options = self._client_arguments(connection)
            options["on_answer"] = tell_poll
            return AsyncClient(key, **options)

        # Certificates and a key file are read from disk, and masking asks the supervisor, which must not be
        # done in the loop; a thread other than asgiref's would talk to the supervisor out of turn on Airflow
        # 3.1.
        return await sync_to_async(make)()

    def iterate_executions(self, **filters: Unpack[ExecutionFilters]) -> Items[Execution]:
        """Go through executions: ``for execution in hook.iterate_executions(scenario_id="text-clf")``.

        With ``async for`` in an event loop. They are read page by page, as far as the loop goes.

        :param filters: `configuration_id`, `scenario_id`, `executable_ids`, `execution_schedule_id`,
            `status`; all executions of the resource group without one.
        :raises ValueError: a filter is malformed.
        """
        from airflow_provider_aicore.api import executions
        from airflow_provider_aicore.hooks.items import Items

        return Items(self, lambda top, skip: executions.query(top=top, skip=skip, **filters))

    def iterate_configurations(self, **filters: Unpack[ConfigurationFilters]) -> Items[Configuration]:
        """Go through configurations; otherwise as :meth:`iterate_executions`.

        :param filters: `scenario_id`, `executable_ids`, `search`, which is text in the name.
        """
        from airflow_provider_aicore.api import configurations
        from airflow_provider_aicore.hooks.items import Items

        return Items(self, lambda top, skip: configurations.query(top=top, skip=skip, **filters))

    def iterate_artifacts(self, **filters: Unpack[ArtifactFilters]) -> Items[Artifact]:
        """Go through artifacts; otherwise as :meth:`iterate_executions`.

        :param filters: `scenario_id`, `execution_id`, `name`, `kind`, `search`.
        """
        from airflow_provider_aicore.api import artifacts
        from airflow_provider_aicore.hooks.items import Items

        return Items(self, lambda top, skip: artifacts.query(top=top, skip=skip, **filters))

    def test_connection(self) -> tuple[bool, str]:
        """Try the connection as its form's button does; the text begins with the check that went wrong."""
        from airflow_provider_aicore.examination import QUICK, Verdict

        lines = self.examine(QUICK)
        wrong = next((line for line in lines if line.verdict is Verdict.WRONG), None)
        if wrong is not None:
            return False, f"{wrong.check}: {wrong.text}"
        told = [line.text for line in lines if line.verdict is Verdict.WARNING or line in lines[-2:]]
        return True, " ".join(["Connected.", *told])

    def examine(self, checks: Sequence[Check] | None = None) -> list[Line]:
        """Look whether tasks can work with the connection, and what is missing in the tenant.

        It asks without repeats, and waits for no answer longer than ten seconds.

        :param checks: which of :data:`.examination.ALL`, with what they need; all of them if not given.
        :return: a line for each check, that of the connection itself first; none holds a secret.
        """
        from airflow.providers.common.compat.sdk import AirflowNotFoundException

        from airflow_provider_aicore.api import AICoreError, Client
        from airflow_provider_aicore.api.retry import NO_RETRY
        from airflow_provider_aicore.examination import ALL, Case, examine, unreadable

        checks = ALL if checks is None else checks
        try:
            key, options = self._client_arguments(self.get_connection(self.aicore_conn_id))
            impatient: ClientOptions = {**options, "timeout": _TEST_TIMEOUT, "retry": NO_RETRY}
            client = Client(key, **impatient)
        except AirflowNotFoundException as error:
            return unreadable(f"{error}. Make one of type aicore with this id, or name another.", checks)
        except (AICoreError, ValueError) as error:
            return unreadable(str(error), checks)
        with client:
            lines = client.run(examine(Case(key, client.resource_group, client.now), checks))
        return [*lines, *self._bad_link_template()]

    def _bad_link_template(self) -> list[Line]:
        from airflow_provider_aicore.examination import Line, Verdict
        from airflow_provider_aicore.links.aicore import launchpad_url

        try:
            launchpad_url(self.launchpad_url_template)
        except ValueError as error:
            return [Line("link template", Verdict.WRONG, str(error))]
        return []

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the labels of the form for Airflow before 3.2.

        Newer ones read them from the provider's information.
        """
        from airflow_provider_aicore.get_provider_info import FIELD_BEHAVIOUR

        behaviour = FIELD_BEHAVIOUR
        return {name.replace("-", "_"): value for name, value in behaviour.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's own fields for Airflow before 3.2.

        Newer ones read them from the provider's information.
        """
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import PasswordField, StringField

        from airflow_provider_aicore.get_provider_info import CONNECTION_FIELDS

        widgets = {}
        for name, field in CONNECTION_FIELDS.items():
            is_secret = field["schema"].get("format") == "password"
            kind, widget = (
                (PasswordField, BS3PasswordFieldWidget())
                if is_secret
                else (StringField, BS3TextFieldWidget())
            )
            widgets[name] = kind(
                lazy_gettext(field["label"]), widget=widget, description=field["description"]
            )
        return widgets

    def _client_arguments(self, connection: Connection) -> tuple[ServiceKey, ClientOptions]:
        """Read the connection: the one place where its fields have a meaning."""
        from airflow.sdk.log import mask_secret

        from airflow_provider_aicore.api import InvalidServiceKeyError

        extra = connection.extra_dejson
        self.launchpad_url_template = extra.get("launchpad_url_template")
        try:
            key = _service_key(connection, extra)
        except InvalidServiceKeyError as error:
            raise InvalidServiceKeyError(f"Connection {connection.conn_id!r}: {error}") from error
        for secret in key.secrets():
            mask_secret(secret)
        group = self.resource_group
        if group is None:
            group = extra.get("resource_group") or "default"
        return key, {"resource_group": group}


def _service_key(connection: Connection, extra: Mapping[str, Any]) -> ServiceKey:
    from airflow_provider_aicore.api import InvalidServiceKeyError, ServiceKey

    _refuse_misplaced(extra)
    single = {
        "serviceurls.AI_API_URL": _url(connection),
        "url": extra.get("auth_url"),
        "clientid": connection.login,
        "clientsecret": connection.password,
    }
    given = {
        "extra secret_service_key": bool(extra.get("secret_service_key")),
        "extra service_key_file": bool(extra.get("service_key_file")),
        "single fields": any(single.values()),
    }
    sources = [name for name, is_given in given.items() if is_given]
    if len(sources) != 1:
        raise InvalidServiceKeyError(
            f"It holds {' and '.join(sources) or 'no service key'}: "
            "give the service key in exactly one way: extra secret_service_key, extra service_key_file, "
            "or host, login, password and extra auth_url."
        )
    if given["extra secret_service_key"]:
        return ServiceKey.parse(extra["secret_service_key"])
    if given["extra service_key_file"]:
        return ServiceKey.from_file(extra["service_key_file"])
    return ServiceKey.of(single, _FIELD_NAMES)


def _refuse_misplaced(extra: Mapping[str, Any]) -> None:
    """Tell where the service key belongs, if it stands in a place that nobody reads."""
    from airflow_provider_aicore.api import InvalidServiceKeyError

    if "service_key" in extra:
        raise InvalidServiceKeyError(
            "Extra service_key is not read, since Airflow would not mask it: call it secret_service_key."
        )
    misplaced = [name for name in _SERVICE_KEY_FIELDS if name in extra]
    if misplaced:
        raise InvalidServiceKeyError(
            f"The extra has fields of a service key ({', '.join(misplaced)}): "
            "put the whole key under secret_service_key in it."
        )


def _url(connection: Connection) -> str | None:
    """Return the host as URL: Airflow's URI form cannot hold a scheme of its own, and people leave it out."""
    host = connection.host
    if not host:
        return None
    url = host if "://" in host else f"https://{host}"
    if not connection.port:
        return url
    import httpx

    try:
        # Not appended to the text: the host may carry a path.
        return str(httpx.URL(url).copy_with(port=connection.port))
    except httpx.InvalidURL:
        return url  # It is refused, with the field's name, where all URLs are checked.
