"""How triggers get a client: patiently."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aicore.api import AsyncClient
    from airflow_provider_aicore.hooks.aicore import AICoreHook
    from airflow_provider_aicore.poller import Log


async def connect(hook: AICoreHook, log: Log, *, patience: float, pause: float) -> AsyncClient:
    """Make a client; Airflow's own trouble in giving the connection is waited out as AI Core's is.

    Airflow says "not found" also when its API server does not answer.

    :param patience: seconds after which its trouble is raised.
    :param pause: seconds between two questions.
    :raises AICoreError: the connection's service key is incomplete or of two kinds.
    :raises ValueError: the resource group has the wrong form.
    """
    from airflow_provider_aicore.api import AICoreError

    until = time.monotonic() + patience
    while True:
        try:
            return await hook.aget_conn()
        except (AICoreError, ValueError):
            raise
        except Exception as error:
            if time.monotonic() >= until:
                raise
            log.warning("No connection %r yet; asking again. %s", hook.aicore_conn_id, error)
            await asyncio.sleep(pause)
