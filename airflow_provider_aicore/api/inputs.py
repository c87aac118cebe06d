"""Where the input artifacts of an execution are, for whoever looks for a file that is not there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_aicore.api import artifacts, configurations
from airflow_provider_aicore.api.call import Flow, once
from airflow_provider_aicore.api.errors import AICoreError

if TYPE_CHECKING:
    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

MAX_READ = 10
"""Inputs that are looked up; each takes a request."""


def input_urls(execution: Execution, retry: RetryPolicy) -> Flow[dict[str, str]]:
    """Read the URLs of an execution's input artifacts by the input's name, as far as they can be read."""
    urls: dict[str, str] = {}
    # They are an extra, which must not hide the failure.
    with suppress(AICoreError, ValueError):
        configuration = yield from once(configurations.get(execution.configuration_id), retry)
        for binding in (configuration.input_artifact_bindings or ())[:MAX_READ]:
            artifact = yield from once(artifacts.get(binding.artifact_id), retry)
            urls[binding.key] = artifact.url
    return urls
