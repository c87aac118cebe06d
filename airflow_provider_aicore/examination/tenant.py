"""The checks of what an administrator keeps, without which executions do not start or fail.

A key need not be allowed to read any of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aicore.api import (
    applications,
    docker_registry_secrets,
    executions,
    meta,
    object_store_secrets,
    resource_quota,
)
from airflow_provider_aicore.api.call import Flow, once
from airflow_provider_aicore.api.diagnosis import OUTPUT_SECRET
from airflow_provider_aicore.api.models import ExecutionStatus
from airflow_provider_aicore.api.retry import NO_RETRY
from airflow_provider_aicore.examination.case import Verdict, ok, warning, wrong

if TYPE_CHECKING:
    from airflow_provider_aicore.api.admin_models import ApplicationStatus
    from airflow_provider_aicore.examination.case import Case, Finding

_MESSAGE = 200
_MANY = 5
_UNHEALTHY = {"Degraded", "Missing"}
_REFUSED = "SyncFailed"


def object_store_secret(case: Case) -> Flow[Finding]:
    """Look for the secret that outputs are stored with."""
    names = [each.name for each in (yield from once(object_store_secrets.query(), NO_RETRY))]
    if OUTPUT_SECRET in names:
        return ok(f"The object store secret {OUTPUT_SECRET!r} is there.")
    return wrong(
        f"Resource group {case.resource_group!r} has no object store secret {OUTPUT_SECRET!r} "
        f"(others: {', '.join(sorted(names)) or 'none'}), so its executions do not start. Create it."
    )


def docker_secret(_case: Case) -> Flow[Finding]:
    """Look for a secret to pull images with."""
    names = [each.name for each in (yield from once(docker_registry_secrets.query(), NO_RETRY))]
    if names:
        return ok(f"The tenant has the docker registry secrets {', '.join(sorted(names))}.")
    return warning(
        "The tenant has no docker registry secret, so no private image can be pulled. Create one, and name "
        "it in the templates (imagePullSecrets)."
    )


def synchronised(_case: Case) -> Flow[Finding]:
    """Look whether the executables are those in Git."""
    found = yield from once(applications.get_all(), NO_RETRY)
    names = [each.application_name for each in found if each.application_name]
    told: list[tuple[Verdict, str]] = []
    for name in names:
        status = yield from once(applications.get_status(name), NO_RETRY)
        verdict = _verdict(status)
        if verdict is not Verdict.OK:
            told.append((verdict, f"Application {name} is {_state(status)}: {_why(status)}."))
    if not told:
        return ok(f"{len(names)} of {len(names)} applications are in step with Git.")
    told.sort(key=lambda each: each[0] is not Verdict.WRONG)
    text = " ".join(each for _, each in told[:_MANY])
    text += f" {len(told) - _MANY} more are out of step." if len(told) > _MANY else ""
    text += " Executables are not as in Git: correct the templates, or refresh the application."
    return wrong(text) if told[0][0] is Verdict.WRONG else warning(text)


def quotas(_case: Case) -> Flow[Finding]:
    """Look what is used up, of what may be created and of what may run at a time."""
    reached = []
    for kind in resource_quota.KINDS:
        quota = yield from once(resource_quota.get(kind), NO_RETRY)
        reached += [
            f"{kind}{'' if name == 'count' else f' ({name})'}: {most} of {most}"
            for name, most in quota.reached()
        ]
    running_at_most = (yield from once(meta.get(), NO_RETRY)).max_running_executions
    if running_at_most is not None:
        running = yield from once(executions.count(status=ExecutionStatus.RUNNING), NO_RETRY)
        if running >= running_at_most:
            reached.append(f"running executions: {running} of {running_at_most}, so others wait")
    if not reached:
        return ok("No quota is reached.")
    return warning(
        f"Used up: {'; '.join(reached)}. Delete what is not needed, or ask SAP for more "
        "(component CA-ML-AIC)."
    )


def _verdict(status: ApplicationStatus) -> Verdict:
    refused = any(each.status == _REFUSED for each in status.sync_resources_status or ())
    if refused or status.health_status in _UNHEALTHY:
        return Verdict.WRONG
    in_step = status.sync_status in {None, "Synced"} and status.health_status in {None, "Healthy"}
    return Verdict.OK if in_step else Verdict.WARNING


def _state(status: ApplicationStatus) -> str:
    return ", ".join(filter(None, [status.health_status, status.sync_status])) or "in an unknown state"


def _why(status: ApplicationStatus) -> str:
    refused = [
        f"{each.kind or 'resource'} {each.name}: {each.message}"
        for each in status.sync_resources_status or ()
        if each.status == _REFUSED
    ]
    text = "; ".join(refused) or status.message or "no reason is given"
    return text[:_MESSAGE].rstrip(".")
