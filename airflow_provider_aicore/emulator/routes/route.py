"""A row of the route table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply

Operation = Callable[[ApiRequest], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    :param path: below ``/v2`` and *area*, ids in braces.
    :param resource_group: what ``AI-Resource-Group`` is to it: ``required``; ``optional``, then ``default``
        stands for a missing one; or ``ignored``, as SAP's clients send the header with whatever they ask.
    :param area: ``/lm`` or ``/admin``.
    """

    method: str
    path: str
    operation: Operation
    resource_group: Literal["required", "optional", "ignored"] = "required"
    area: str = "/lm"
