"""The hook: from an Airflow connection to a client of AI Core."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Unpack

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import BaseHook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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

        connection = await get_async_connection(self.aicore_conn_id)

        def make() -> AsyncClient:
            from airflow_provider_aicore.stats import tell_poll

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
        """Try the connection as its form's button does; the text names the checks that went wrong."""
        from airflow_provider_aicore.examination import QUICK, Verdict

        lines = self.examine(QUICK)
        wrong = [f"{line.check}: {line.text}" for line in lines if line.verdict is Verdict.WRONG]
        if wrong:
            return False, " ".join(wrong)
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
            # Airflow does not tell one that it cannot read from one that is not there.
            return unreadable(
                f"{error}. Make one of type aicore with this id, or name another. "
                f"If AIRFLOW_CONN_{self.aicore_conn_id.upper()} is set, Airflow cannot read it: mend its "
                "JSON or URI.",
                checks,
            )
        except (AICoreError, ValueError, OSError, ImportError) as error:
            # The last two: a file that SSL_CERT_FILE names, a proxy that needs a library which is not there.
            return unreadable(str(error), checks)
        case = Case(key, client.resource_group, client.now, link_fault=self._link_fault())
        with client:
            return client.run(examine(case, checks))

    def _link_fault(self) -> str | None:
        from airflow_provider_aicore.links.aicore import launchpad_url

        try:
            launchpad_url(self.launchpad_url_template)
        except ValueError as error:
            return str(error)
        return None

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
        from airflow_provider_aicore.hooks.service_key import of_connection

        extra: object = connection.extra_dejson
        if not isinstance(extra, dict):
            raise InvalidServiceKeyError(
                f"Connection {connection.conn_id!r}: its extra is a JSON {type(extra).__name__}, but an "
                "object is needed."
            )
        self.launchpad_url_template = extra.get("launchpad_url_template")
        try:
            key = of_connection(connection, extra)
        except InvalidServiceKeyError as error:
            raise InvalidServiceKeyError(f"Connection {connection.conn_id!r}: {error}") from error
        for secret in key.secrets():
            mask_secret(secret)
        group = self.resource_group
        if group is None:
            group = extra.get("resource_group") or "default"
        return key, {"resource_group": group}
