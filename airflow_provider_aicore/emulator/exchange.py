"""What a route is given and what it gives back; neither knows HTTP libraries."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_aicore.emulator.queries import Query
from airflow_provider_aicore.emulator.refusals import bad_request
from airflow_provider_aicore.emulator.state import ResourceGroup, Tenant

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON, or the plain text of a ``$count``.

    :param body: JSON; None for an empty answer.
    :param text: a plain text in place of *body*.
    :param location: id of the thing that was created, appended to the request's path for ``Location``.
    """

    status: int
    body: Any = None
    text: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request that has passed the gateway.

    :param group: the resource group of the header; of the routes without one, the group ``default``.
    :param path_ids: the ids in the path, by their names in the description (``executionId``), checked.
    :param now: the instant at which it is handled, seconds since the epoch.
    :param content: the body.
    :param base_url: of AI Core, without ``/v2``.
    :param request_id: as in the answer's header.
    """

    tenant: Tenant
    group: ResourceGroup
    path_ids: Mapping[str, str]
    query: Query
    now: float
    content_type: str = ""
    content: bytes = b""
    base_url: str = ""
    request_id: str = ""

    def body(self, *content_types: str) -> dict[str, Any]:
        """Read the body as a JSON object.

        :param content_types: what the operation takes; default: ``application/json``.
        :raises Refusal: 400, another content type or no JSON object.
        """
        accepted = content_types or (JSON,)
        if self.content_type.partition(";")[0].strip().lower() not in accepted:
            raise bad_request(f"Content-Type {' or '.join(accepted)} is required, not {self.content_type!r}")
        try:
            body = json.loads(self.content)
            if b"\\u" in self.content:
                # Half a surrogate pair is JSON, but no text that an answer or a file could hold.
                json.dumps(body, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise bad_request("The body is not JSON, is no Unicode, or is nested too deep") from error
        if not isinstance(body, dict):
            raise bad_request("The body has to be a JSON object")
        return body
