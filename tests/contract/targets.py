"""What the contract is asked of: an emulator in process, an emulator over TCP, a real tenant."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.emulators import with_text_clf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_aicore.emulator import Emulator

_SETTINGS = "SERVICE_KEY", "RESOURCE_GROUP", "SCENARIO_ID", "EXECUTABLE_ID"
TENANT_VARIABLES = tuple(f"AICORE_TENANT_{each}" for each in _SETTINGS)
"""The service key is JSON or the path of a file; its client secret is used."""


@dataclass(frozen=True)
class Target:
    """Something that claims to be an AI Core.

    :param connect: makes an HTTP client that reaches it and its identity service.
    :param emulator: that answers there; None: nobody can look behind it, and what is created there stays.
    :param breathe: waits a little before a status is asked for again.
    """

    connect: Callable[[], httpx.Client]
    service_key: Mapping[str, Any]
    resource_group: str = "default"
    scenario_id: str = "text-clf"
    executable_id: str = "text-clf-train"
    emulator: Emulator | None = None
    breathe: Callable[[], None] = lambda: None

    @classmethod
    def of(cls, emulator: Emulator, connect: Callable[[], httpx.Client]) -> Self:
        """Give an emulator with one executable as target."""
        with_text_clf(emulator, {"text-data": "dataset"})
        return cls(connect, emulator.service_key, emulator=emulator)

    @property
    def nulls_count_as_absent(self) -> bool:
        """Whether optional fields may be null: AI Core does so at times, the emulator when it is told to."""
        return self.emulator is None or self.emulator.state.options.null_fields


def tenant_is_named() -> bool:
    """Say whether the environment names a tenant."""
    return all(os.environ.get(name) for name in TENANT_VARIABLES)


def tenant() -> Target:
    """Give the tenant that the environment names."""
    service_key, resource_group, scenario_id, executable_id = (os.environ[name] for name in TENANT_VARIABLES)
    if not service_key.lstrip().startswith("{"):
        service_key = Path(service_key).read_text()
    trusted = httpx.create_ssl_context()  # Takes as long to read as a dozen answers.
    return Target(
        lambda: httpx.Client(timeout=60, verify=trusted),
        json.loads(service_key),
        resource_group,
        scenario_id,
        executable_id,
        breathe=lambda: time.sleep(5),
    )
