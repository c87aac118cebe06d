"""What the operators and sensors have in common."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_aicore.exceptions import AICoreInvalidInput, refusing_bad_input, refusing_for_good

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_aicore.api import Client
    from airflow_provider_aicore.hooks.aicore import AICoreHook


class AICoreBaseOperator(BaseOperator):
    """The base of all: which connection and which resource group.

    The keys of the returned dict are pushed one by one as well, so that ``task.output["id"]`` is the id.

    :param aicore_conn_id: the connection. (templated)
    :param resource_group: the resource group; the connection's if not given, and ``default`` if it has none.
        (templated)
    """

    template_fields: Sequence[str] = ("aicore_conn_id", "resource_group")

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
        with refusing_for_good(), self.client() as client:
            yield client

    def client(self, resource_group: str | None = None) -> Client:
        """Make a client, or fail without retries where the resource group cannot be one.

        :param resource_group: a resource group in place of the task's.
        """
        hook = self.hook if resource_group is None else self._hook(resource_group)
        with refusing_bad_input():
            return hook.get_conn(sleep=self.sleep)

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
