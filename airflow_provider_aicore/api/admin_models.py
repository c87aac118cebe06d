"""What AI Core answers to administrators, as far as the client reads it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from airflow_provider_aicore.api.models import Model


class ResourceGroup(Model):
    """A resource group of the tenant.

    :param status: ``PROVISIONED``, ``PROVISIONING`` or ``ERROR``; it can be used when it is the first.
    """

    resource_group_id: str
    status: str | None = None
    status_message: str | None = None


class Application(Model):
    """A folder in Git whose templates become executables."""

    application_name: str | None = None


class SyncedResource(Model):
    """What became of one template of an application."""

    name: str | None = None
    kind: str | None = None
    status: str | None = None
    message: str | None = None


class ApplicationStatus(Model):
    """How an application stands to Git; the words are Argo CD's.

    :param health_status: ``Healthy``, ``Progressing``, ``Degraded``, ``Missing``, …
    :param sync_status: ``Synced``, ``OutOfSync`` or ``Unknown``.
    """

    health_status: str | None = None
    sync_status: str | None = None
    message: str | None = None
    sync_resources_status: list[SyncedResource] | None = None


class Quota(Model):
    """How many of something there are, and may be."""

    usage: dict[str, Any] = Field(default_factory=dict)
    quota: dict[str, Any] = Field(default_factory=dict)

    def reached(self) -> list[tuple[str, int]]:
        """Return what is used up, such as ``workflowTemplateCount``, and the number that is the limit."""
        pairs = [
            (name, count, self.quota.get(_name_of_most(name)))
            for name, count in self.usage.items()
            if isinstance(count, int)
        ]
        return [(name, most) for name, count, most in pairs if isinstance(most, int) and 0 <= most <= count]


def _name_of_most(count: str) -> str:
    """Return what the quota calls the limit of a count: ``maxCount``, ``workflowTemplateMaxCount``."""
    return "maxCount" if count == "count" else f"{count.removesuffix('Count')}MaxCount"
