"""How triggers load what they need: not when Airflow reads DAG files, and not in the event loop."""

from __future__ import annotations

import asyncio
from importlib import import_module

_LOADED: set[str] = set()
_BY_THE_FIRST_REQUEST = ("anyio", "anyio._backends._asyncio")
"""What httpx would load in the event loop."""


async def load(*modules: str) -> None:
    """Import modules of this package in a thread, since for a tenth of a second no other trigger would run.

    :param modules: their names below the package's.
    """
    for module in (*(f"airflow_provider_aicore.{name}" for name in modules), *_BY_THE_FIRST_REQUEST):
        if module not in _LOADED:
            await asyncio.to_thread(import_module, module)
            _LOADED.add(module)
