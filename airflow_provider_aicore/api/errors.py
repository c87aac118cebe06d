"""What the client raises, and how an answer becomes an error.

::

    AICoreError
    ├─ InvalidServiceKeyError     a field of the service key is missing or bad
    ├─ AuthenticationError        no token was issued             .request_id
    │    └─ TokenRefusedError     one was, but AI Core refused it
    ├─ APIConnectionError         no answer                    .may_have_taken_effect
    │    └─ APITimeoutError
    ├─ UnexpectedResponseError    the answer is not as described
    └─ APIStatusError             .status_code .code .server_message .request_id .target .details .method
    .path
         ├─ BadRequestError 400   ├─ PermissionDeniedError 403   ├─ NotFoundError 404
         ├─ PreconditionFailedError 412   ├─ RateLimitedError 429 (.retry_after, seconds)   └─ ServerError 5xx

A class stands only where a caller acts on it; every other refusal stays an :class:`APIStatusError`. Bad
arguments are a plain :class:`ValueError` and are raised before anything is sent.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from airflow_provider_aicore.api.retry import retry_after

EXCERPT_LENGTH = 300
"""Characters of an answer that is not AI Core's own JSON, as shown in a message."""

_REQUEST_ID_HEADERS = ("x-request-id", "x-correlationid", "x-vcap-request-id")


class AICoreError(Exception):
    """The base of everything that the client raises about AI Core."""


class InvalidServiceKeyError(AICoreError):
    """The service key lacks a field, has a bad one, or mixes two kinds of credentials."""


class AuthenticationError(AICoreError):
    """The identity service issued no token, or AI Core refused a fresh one.

    :param request_id: the id to name to SAP's support; ``None`` if the answer had none.
    """

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class TokenRefusedError(AuthenticationError):
    """AI Core refused a token that the identity service had just issued.

    The credentials are good, then: its gateway may be in trouble, or the two URLs be of different landscapes.
    """


class APIConnectionError(AICoreError):
    """No answer came.

    :param may_have_taken_effect: the request may have reached AI Core, so its effect has to be looked up
        before it is sent again.
    """

    def __init__(self, message: str, *, may_have_taken_effect: bool = False) -> None:
        super().__init__(message)
        self.may_have_taken_effect = may_have_taken_effect


class APITimeoutError(APIConnectionError):
    """No answer came in time."""


class UnexpectedResponseError(AICoreError):
    """An answer came that is not as AI Core's API describes it."""


class APIStatusError(AICoreError):
    """AI Core, or the gateway before it, refused the request.

    :param status_code: HTTP status of the answer.
    :param code: AI Core's own code, a string with leading zeros; ``None`` where the gateway answered.
    :param server_message: AI Core's text. It varies between releases: never decide by it.
    :param request_id: the id to name to SAP's support.
    :param target: the server's name of what was refused.
    :param details: what else the server said; an object or an array, by endpoint.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int = 0,
        code: str | None = None,
        server_message: str | None = None,
        request_id: str | None = None,
        target: str | None = None,
        details: Any = None,
        method: str = "",
        path: str = "",
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        self.server_message = server_message
        self.request_id = request_id
        self.target = target
        self.details = details
        self.method = method
        self.path = path


class BadRequestError(APIStatusError):
    """400: the input is not accepted, or the change is not possible in the present status."""


class PermissionDeniedError(APIStatusError):
    """403: resource group, scope or tenant is not allowed."""


class NotFoundError(APIStatusError):
    """404: the id is not, or no longer, or not yet known in this resource group."""


class PreconditionFailedError(APIStatusError):
    """412: the change is not allowed in the present status."""


class RateLimitedError(APIStatusError):
    """429: too many requests; `retry_after` is the server's wish in seconds, ``None`` where it gave none."""

    retry_after: float | None = None


class ServerError(APIStatusError):
    """5xx: AI Core or its gateway failed; a create may have taken effect all the same."""


def may_heal(error: AICoreError) -> bool:
    """Tell whether the same request may succeed later without anyone having changed anything."""
    if isinstance(error, TokenRefusedError):
        return True
    return not isinstance(
        error,
        (InvalidServiceKeyError, AuthenticationError, BadRequestError, PermissionDeniedError, NotFoundError),
    )


_CLASSES: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    403: PermissionDeniedError,
    404: NotFoundError,
    412: PreconditionFailedError,
    429: RateLimitedError,
}

_WHAT_TO_DO = {
    400: "Correct what the message names; repeating the same request does not help.",
    401: "Check that the service key is current, and that its token URL and AI API URL are of one landscape.",
    403: (
        "Check that this resource group exists for the tenant of the service key "
        "and that the key has the scope."
    ),
    404: "Check the id and the resource group; AI Core knows an id in its own resource group only.",
    412: "Look at the present status: it does not allow this change.",
    413: "Send or ask for less at once.",
    429: "Send fewer requests, or wait as long as the answer says.",
}
_WHAT_TO_DO_BY_CODE = {
    "02000005": (
        "An execution keeps at most 1000 metrics, 100 tags and 100 entries of custom info of 5 MB together, "
        "with what is there already: write less."
    ),
}
_WHAT_TO_DO_ON_SERVER_ERROR = (
    "AI Core or its gateway is in trouble; try again later, and name the request id to support."
)


def status_error(response: httpx.Response) -> APIStatusError:
    """Turn a refusal into its error.

    AI Core's JSON comes first, then a JSON with a string `error`, then the gateway's plain text.

    :param response: an answer that has been read, with its request.
    """
    code, text, request_id, target, details = _said(response)
    request = response.request
    status = response.status_code
    message = f"{_tried(request)} was refused: {status} {response.reason_phrase}".rstrip()
    message += f", code {code}" if code else ""
    message += f": {text}" if text else ""
    message = f"{message.rstrip('.')}."
    message += f" Details: {json.dumps(details)[:EXCERPT_LENGTH]}." if details else ""
    message += f" Request id: {request_id}." if request_id else ""
    remedy = (
        _WHAT_TO_DO_ON_SERVER_ERROR
        if status >= httpx.codes.INTERNAL_SERVER_ERROR
        else _WHAT_TO_DO_BY_CODE.get(code or "") or _WHAT_TO_DO.get(status)
    )
    message += f" {remedy}" if remedy else ""
    by_family = ServerError if status >= httpx.codes.INTERNAL_SERVER_ERROR else APIStatusError
    error = _CLASSES.get(status, by_family)(
        message,
        status_code=status,
        code=code,
        server_message=text or None,
        request_id=request_id,
        target=target,
        details=details,
        method=request.method,
        path=request.url.path,
    )
    if isinstance(error, RateLimitedError):
        error.retry_after = retry_after(response)
    return error


def request_id_of(response: httpx.Response) -> str | None:
    """Return the id to name to SAP's support, as far as AI Core or its gateway has put one on the answer."""
    return next((response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers), None)


def connection_error(error: httpx.RequestError, *, may_have_taken_effect: bool) -> APIConnectionError:
    """Turn a lost connection into its error."""
    cls = APITimeoutError if isinstance(error, httpx.TimeoutException) else APIConnectionError
    remedy = (
        "It may have taken effect: look before sending it again."
        if may_have_taken_effect
        else "Check the host name, the network, the proxy and the server's certificate."
    )
    url = error.request.url
    port = url.port or (80 if url.scheme == "http" else 443)
    said = f"{type(error).__name__}: {error}"
    if may_hold_a_header(error):
        said = f"{type(error).__name__} (its text is not shown, since it may hold the token)"
    return cls(
        f"{_tried(error.request)} on {url.host}:{port} got no answer: {said}. {remedy}",
        may_have_taken_effect=may_have_taken_effect,
    )


def may_hold_a_header(error: httpx.RequestError) -> bool:
    """Tell whether the error's text may hold the token: httpx quotes a header that it cannot send."""
    return isinstance(error, httpx.LocalProtocolError)


def unexpected_response(response: httpx.Response, why: str) -> UnexpectedResponseError:
    """Make the error for an answer that cannot be read, with the beginning of what came."""
    return UnexpectedResponseError(
        f"{_tried(response.request)} was answered with {response.status_code}, but {why}. "
        f"The answer begins: {response.text[:EXCERPT_LENGTH]!r}. "
        "Check that the AI API URL leads to AI Core and not to a proxy's page."
    )


def _tried(request: httpx.Request) -> str:
    """Say what was asked for, without the query.

    It may be long and adds nothing that the caller does not know.
    """
    group = request.headers.get("AI-Resource-Group")
    return f"{request.method} {request.url.path}" + (f" in resource group {group!r}" if group else "")


def _said(response: httpx.Response) -> tuple[str | None, str, str | None, str | None, Any]:
    """Read code, text, request id, target and details from any of the bodies AI Core is known to send."""
    request_id = request_id_of(response)
    try:
        body = response.json()
    except ValueError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        said_id = error.get("requestId") or error.get("request_id")
        code = error.get("code")
        return (
            None if code is None else str(code),
            str(error.get("message") or ""),
            said_id or request_id,
            error.get("target"),
            error.get("details"),
        )
    if isinstance(error, str):
        description = body.get("error_description")
        return None, f"{error}: {description}" if description else error, request_id, None, None
    return None, response.text.strip()[:EXCERPT_LENGTH], request_id, None, None
