"""What the emulator remembers of the requests that it was sent."""

import json
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(slots=True)
class RecordedRequest:
    """A request that was sent to the emulator.

    :param path: decoded, without the query.
    :param headers: names in lower case, without ``authorization``.
    :param json: the body, None if there is none or it is not JSON (the form of a token request, for one);
        without the contents of secrets.
    :param status: of the answer; None if the connection broke.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    json: Any = None
    status: int | None = None


def record(request: httpx.Request) -> RecordedRequest:
    """Note a request that has come, without what is secret in it."""
    headers = dict(request.headers.items())  # httpx gives the names in lower case.
    headers.pop("authorization", None)
    try:
        body = json.loads(request.content) if request.content else None
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict) and request.url.path.startswith("/v2/admin/"):
        body = {name: value for name, value in body.items() if name not in {"data", "password"}}
    return RecordedRequest(request.method, request.url.path, dict(request.url.params), headers, body)
