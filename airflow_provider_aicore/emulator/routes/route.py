"""A row of the route table."""

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply

Operation = Callable[[ApiRequest], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    :param path: below ``/v2`` and *area*, ids in braces.
    :param grouped: whether ``AI-Resource-Group`` is required.
    :param area: ``/lm`` or ``/admin``.
    """

    method: str
    path: str
    operation: Operation
    grouped: bool = True
    area: str = "/lm"
