"""Finds out why an execution does not start, of which AI Core itself says little.

Source: SAP's documentation on troubleshooting names a missing object store secret, a missing docker registry
secret, and the limit of what runs at a time.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aicore.api import docker_registry_secrets, executions, meta, object_store_secrets
from airflow_provider_aicore.api.call import Flow, once
from airflow_provider_aicore.api.causes import recognise
from airflow_provider_aicore.api.errors import AICoreError, PermissionDeniedError
from airflow_provider_aicore.api.log_lines import cut, scrubbed
from airflow_provider_aicore.api.models import ExecutionStatus
from airflow_provider_aicore.api.status_details import failed_container, messages

if TYPE_CHECKING:
    from airflow_provider_aicore.api.models import Execution
    from airflow_provider_aicore.api.retry import RetryPolicy

OUTPUT_SECRET = "default"  # noqa: S105 - the name of a secret
"""The object store secret that AI Core stores outputs with; without it nothing starts."""

MAX_WORDS = 1000
"""Characters of one text of AI Core that are shown."""
_MEANINGS = {
    ExecutionStatus.UNKNOWN: "accepted, but its cluster has not reported it",
    ExecutionStatus.PENDING: "it waits in the cluster for a node, its image, a secret, or a free place",
}
_IMAGE = re.compile(r"image:? \\?\"([^\"\\\s]+)")
_DEFAULT_REGISTRY = "docker.io"


class Finding(NamedTuple):
    """What one check has found.

    :param text: a sentence.
    :param is_the_cause: nothing starts as long as this is so.
    """

    text: str
    is_the_cause: bool = False


def meaning(execution: Execution) -> str:
    """Say what it means that an execution is still in its status."""
    return _MEANINGS.get(execution.status, "it does not run")


def why_not_started(execution: Execution, retry: RetryPolicy) -> Flow[list[Finding]]:
    """Look for what may keep an execution from starting.

    A check that fails, or that is not allowed, says so and hides none of the others.
    """
    findings = [own_words(execution)]
    if recognised := recognise(execution):
        findings.append(Finding(str(recognised), is_the_cause=not recognised.cause.may_heal))
    for what, check in (
        ("object store secrets", _output_secret),
        ("docker registry secrets", partial(_registry_secrets, _image_in_want(execution))),
        ("limit of running executions", _limit),
    ):
        try:
            findings.append((yield from check(retry)))
        except PermissionDeniedError:
            findings.append(Finding(f"The {what} could not be checked: the service key is not allowed to."))
        except AICoreError as error:
            findings.append(Finding(f"The {what} could not be checked: {error}"))
    return findings


def _words(execution: Execution) -> list[str]:
    container = failed_container(execution.status_details)
    said = [execution.status_message, *messages(execution.status_details), container and container.message]
    return list(dict.fromkeys(cut(scrubbed(text), MAX_WORDS) for text in said if text))[:4]


def own_words(execution: Execution) -> Finding:
    """Return what AI Core itself says."""
    said = _words(execution)
    return Finding(
        f"AI Core says: {'; '.join(said).removesuffix('.')}." if said else "AI Core gives no reason."
    )


def _image_in_want(execution: Execution) -> str | None:
    """Return the image that cannot be pulled, as far as AI Core names it."""
    found = (_IMAGE.search(text) for text in _words(execution))
    return next((match[1] for match in found if match), None)


def _output_secret(retry: RetryPolicy) -> Flow[Finding]:
    names = [secret.name for secret in (yield from once(object_store_secrets.query(), retry))]
    if OUTPUT_SECRET in names:
        return Finding(f"The object store secret {OUTPUT_SECRET!r} is there.")
    return Finding(
        f"The resource group has no object store secret {OUTPUT_SECRET!r} (others: {_listed(names)}), "
        "without which nothing starts: create it.",
        is_the_cause=True,
    )


def _registry_secrets(image: str | None, retry: RetryPolicy) -> Flow[Finding]:
    names = [secret.name for secret in (yield from once(docker_registry_secrets.query(), retry))]
    wanted = "" if image is None else f"The image {image!r} is in the registry {_registry(image)!r}. "
    if not names:
        return Finding(
            f"{wanted}The tenant has no docker registry secret, without which no private image can be pulled."
        )
    which = "one of them" if image is None else "the one for that registry"
    return Finding(
        f"{wanted}The docker registry secrets are: {_listed(names)}; the executable's template has to name "
        f"{which} under imagePullSecrets, unless its image is public."
    )


def _registry(image: str) -> str:
    """Name the registry of an image as container runtimes do."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else _DEFAULT_REGISTRY


def _limit(retry: RetryPolicy) -> Flow[Finding]:
    most = (yield from once(meta.get(), retry)).max_running_executions
    running = yield from once(executions.count(status=ExecutionStatus.RUNNING), retry)
    pending = yield from once(executions.count(status=ExecutionStatus.PENDING), retry)
    others = f" PENDING there, this one included if it is: {pending}."
    if most is None:
        return Finding(
            f"{running} executions are RUNNING in the resource group, and AI Core names no limit; "
            f"the tenant's quota of pods, which it does not tell, may still be used up.{others}"
        )
    reached = "so others may start"
    if running >= most:
        reached = (
            "which is why others wait: give it more time, stop what is not needed, or run fewer tasks "
            "at once (an Airflow pool)"
        )
    return Finding(
        f"{running} executions are RUNNING in the resource group of at most {most}, {reached}.{others}"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(sorted(names)) or "none"
