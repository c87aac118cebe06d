"""The call on ``/lm/meta``."""

from __future__ import annotations

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.models import Meta
from airflow_provider_aicore.api.reading import Reader

_META = Reader(Meta)


def get() -> Call[Meta]:
    """Read what this installation can do. Source: operation ``meta.get``, ``GET /lm/meta``."""
    return Call("GET", "/lm/meta", _META, repeatable=True)
