"""What an administrator keeps in a tenant: secrets for storage and images, repositories, applications.

Of secrets, only generic ones keep their contents: nothing in the emulator needs the others'.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_aicore.emulator.definitions import Executable

QUOTA = 50
"""Resource groups, applications, repositories, docker registry secrets, and templates of either kind that a
tenant may have. Source: SAP's documentation of quotas; a ticket raises them."""


@dataclass(frozen=True, slots=True)
class GenericSecret:
    """A generic secret, for the environment of containers.

    :param data: values in base64, as they came.
    :param tenant_wide: whether it is the tenant's, of which each resource group has a copy.
    """

    name: str
    data: Mapping[str, str]
    created_at: float
    labels: tuple[tuple[str, str], ...] | None = None
    tenant_wide: bool = False

    def plain(self) -> dict[str, str]:
        """Give the plain values; what is no text keeps its bytes on the way into an environment variable."""
        return {
            key: base64.b64decode(value).decode(errors="surrogateescape") for key, value in self.data.items()
        }


@dataclass(frozen=True, slots=True)
class ObjectStoreSecret:
    """An object store secret of a resource group, by whose name ``ai://`` URLs begin.

    :param metadata: all that AI Core shows of it, by the names that it has there.
    """

    name: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DockerRegistrySecret:
    """A docker registry secret; only its name can ever be seen."""

    name: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A Git repository. The emulator never reaches for it: its folder of templates stands for all of them."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Application:
    """An application, which keeps a folder of a repository in step with the tenant's executables."""

    name: str
    repository_url: str
    revision: str
    path: str


@dataclass(frozen=True, slots=True)
class WarmNodes:
    """How many nodes of one resource plan are to be kept warm; the emulator notes it, and starts none."""

    count: int


@dataclass(frozen=True, slots=True)
class SyncedTemplate:
    """What became of one template.

    :param name: of the executable; of the file, if the template was refused.
    :param refusal: why it was refused, None if it was not.
    :param kind: one that was refused passes for a WorkflowTemplate.
    """

    name: str
    refusal: str | None = None
    kind: str = "WorkflowTemplate"

    @classmethod
    def of(cls, executable: Executable) -> "SyncedTemplate":
        """Say that a template has become an executable."""
        return cls(executable.id, kind="ServingTemplate" if executable.deployable else "WorkflowTemplate")


@dataclass(frozen=True, slots=True)
class Sync:
    """One reading of the folder of templates.

    :param at: seconds since the epoch.
    """

    at: float
    templates: tuple[SyncedTemplate, ...] = ()

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why templates were refused, one text for each."""
        return tuple(each.refusal for each in self.templates if each.refusal is not None)
