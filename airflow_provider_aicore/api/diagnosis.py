"""Finds out why an execution does not start, of which AI Core itself says little.

Source: SAP's documentation on troubleshooting names a missing object store secret, a missing docker registry
secret, and the limit of what runs at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aicore.api import docker_registry_secrets, executions, meta, object_store_secrets
from airflow_provider_aicore.api.call import Flow, once
from airflow_provider_aicore.api.errors import AICoreError, PermissionDeniedError
from airflow_provider_aicore.api.models import ExecutionStatus
from airflow_provider_aicore.api.status_details import cause_of_death

if TYPE_CHECKING:
    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

OUTPUT_SECRET = "default"  # noqa: S105 - the name of a secret
"""The object store secret that AI Core stores outputs with; without it nothing starts."""


class Finding(NamedTuple):
    """What one check has found.

    :param text: a sentence.
    :param is_the_cause: nothing starts as long as this is so.
    """

    text: str
    is_the_cause: bool = False


def why_not_started(execution: Execution, retry: RetryPolicy) -> Flow[list[Finding]]:
    """Look for what may keep an execution from starting.

    A check that fails, or that is not allowed, says so and hides none of the others.
    """
    findings = [_own_words(execution)]
    for what, check in (
        ("object store secrets", _output_secret),
        ("docker registry secrets", _registry_secrets),
        ("limit of running executions", _limit),
    ):
        try:
            findings.append((yield from check(retry)))
        except PermissionDeniedError:
            findings.append(Finding(f"The {what} could not be checked: the service key is not allowed to."))
        except AICoreError as error:
            findings.append(Finding(f"The {what} could not be checked: {error}"))
    return findings


def _own_words(execution: Execution) -> Finding:
    said = [text for text in (execution.status_message, cause_of_death(execution.status_details)) if text]
    return Finding(f"AI Core says: {'; '.join(said)}" if said else "AI Core gives no reason.")


def _output_secret(retry: RetryPolicy) -> Flow[Finding]:
    names = [secret.name for secret in (yield from once(object_store_secrets.query(), retry))]
    if OUTPUT_SECRET in names:
        return Finding(f"The object store secret {OUTPUT_SECRET!r} is there.")
    return Finding(
        f"The resource group has no object store secret {OUTPUT_SECRET!r} (but: {_listed(names)}), "
        "without which nothing starts: create it.",
        is_the_cause=True,
    )


def _registry_secrets(retry: RetryPolicy) -> Flow[Finding]:
    names = [secret.name for secret in (yield from once(docker_registry_secrets.query(), retry))]
    if names:
        return Finding(
            f"The docker registry secrets are: {_listed(names)}; "
            "the executable's template has to name one of them, unless its image is public."
        )
    return Finding("The tenant has no docker registry secret, without which no private image can be pulled.")


def _limit(retry: RetryPolicy) -> Flow[Finding]:
    most = (yield from once(meta.get(), retry)).max_running_executions
    running = yield from once(executions.count(status=ExecutionStatus.RUNNING), retry)
    if most is None:
        return Finding(
            f"{running} executions are RUNNING in the resource group, and AI Core names no limit; "
            "the tenant's quota of pods may still be used up."
        )
    reached = "which is why others wait" if running >= most else "so others may start"
    return Finding(f"{running} executions are RUNNING in the resource group of at most {most}, {reached}.")


def _listed(names: list[str]) -> str:
    return ", ".join(sorted(names)) or "none"
