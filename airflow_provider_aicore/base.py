"""What the operators and sensors have in common."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_aicore.exceptions import AICoreInvalidInput, refusing_bad_input, refusing_for_good

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_aicore.api import Client
    from airflow_provider_aicore.hooks.aicore import AICoreHook
    from airflow_provider_aicore.links.aicore import AICoreLink


class AICoreBaseOperator(BaseOperator):
    """The base of all: which connection and which resource group.

    The keys of the returned dict are pushed one by one as well, so that ``task.output["id"]`` is the id.

    :param aicore_conn_id: the connection. (templated)
    :param resource_group: the resource group; the connection's if not given, and ``default`` if it has none.
        (templated)
    """

    template_fields: Sequence[str] = ("aicore_conn_id", "resource_group")
    link_urls: Mapping[str, str] = MappingProxyType({})
    """The URLs that are known so far, by the XCom's key of their link."""
    has_no_links: bool = False
    """Whether the connection is known to have no template of links, so that none was pushed."""
    _launchpad_url_template: object = None

    def __init__(
        self, *, aicore_conn_id: str = "aicore_default", resource_group: str | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        self.aicore_conn_id = aicore_conn_id
        self.resource_group = resource_group

    @cached_property
    def hook(self) -> AICoreHook:
        """The hook for this task's connection and resource group."""
        return self._hook(self.resource_group)

    @contextmanager
    def connect(self) -> Iterator[Client]:
        """Make a client for a while, and fail without retries where AI Core refuses what is asked with it."""
        with refusing_for_good(self.aicore_conn_id), self.client() as client:
            yield client

    def client(self, resource_group: str | None = None) -> Client:
        """Make a client, or fail without retries where the resource group cannot be one.

        :param resource_group: a resource group in place of the task's.
        """
        hook = self.hook if resource_group is None else self._hook(resource_group)
        with refusing_bad_input():
            client = hook.get_conn(sleep=self.sleep)
        self._launchpad_url_template = hook.launchpad_url_template
        self.has_no_links = not hook.launchpad_url_template
        return client

    def know_link(self, link: AICoreLink, **known: str | None) -> str | None:
        """Return the URL for what is known, and leave it where the link finds it when this process ends.

        :return: ``None`` where the connection has no template or that names something else; a template that
            is no good is only told: no task fails for its link.
        """
        from airflow_provider_aicore.links.aicore import launchpad_url

        try:
            url = launchpad_url(self._launchpad_url_template, **known)
        except ValueError as error:
            self.log.warning("The task has no link: %s", error)
            return None
        if url is not None:
            self.link_urls = {**self.link_urls, link.xcom_key: url}
        return url

    def push_link(self, ti: Any, link: AICoreLink, **known: str | None) -> str | None:
        """Do so, and have it shown from now on, whatever becomes of this process."""
        url = self.know_link(link, **known)
        if url is not None:
            try:
                ti.xcom_push(key=link.xcom_key, value=url)
            except Exception as error:  # noqa: BLE001 - no task fails for its link
                self.log.warning("The task has no link yet, since Airflow does not take it: %s", error)
        return url

    def sleep(self, seconds: float) -> None:
        """Wait between two requests of the client."""
        time.sleep(seconds)

    def _hook(self, resource_group: str | None) -> AICoreHook:
        from airflow_provider_aicore.hooks.aicore import AICoreHook

        return AICoreHook(self.aicore_conn_id, resource_group)


def seconds(name: str, duration: float | timedelta, *, least: float) -> float:
    """Return a duration in seconds, or refuse it before anything is started."""
    try:
        value = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    except (TypeError, ValueError):
        value = math.nan
    if not least <= value < math.inf:
        raise AICoreInvalidInput(f"{name} is {duration!r}, but at least {least:g} s are needed.")
    return value


def names(given: Sequence[str] | str | None) -> list[str]:
    """Return names as a list; one may stand without a list, as a template may give it."""
    return [given] if isinstance(given, str) else [str(name) for name in given or ()]
