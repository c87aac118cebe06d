"""What AI Core says when it says no: its JSON error body, or the plain text of the gateway in front of it."""

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Refusal(Exception):
    """A request that AI Core refuses with its own error body.

    :param status: HTTP status.
    :param message: for people; AI Core's texts vary, so nobody should branch on it.
    :param code: AI Core's code. Only a few are known; where none is, the HTTP status as text stands in.
    """

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or str(status)

    def error(self, *, request_id: str, target: str, details: dict[str, Any] | list[Any]) -> dict[str, Any]:
        """Shape the refusal as AI Core's ``error`` object.

        Source: schemas ``AiApiError`` (``details`` an object) and ``TrckApiError`` (``details`` an array).

        :param request_id: the same as in the answer's ``x-request-id``.
        :param target: the path that was called.
        :param details: empty, in the form of the endpoint's family.
        """
        return {
            "code": self.code,
            "message": self.message,
            "requestId": request_id,
            "target": target,
            "details": details,
        }


class GatewayRefusal(Exception):
    """A request that never reaches AI Core: the gateway answers in plain text.

    :param status: 401 or 403.
    :param text: the whole body.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def bad_request(message: str) -> Refusal:
    """Refuse input that is not as described (400).

    :param message: which field, what is wrong with it.
    """
    return Refusal(400, message)


def not_found(what: str, identifier: str, code: str | None = None) -> Refusal:
    """Refuse an id that names nothing in this resource group (404).

    :param what: ``Artifact``, ``Execution``, ...
    :param identifier: as it was asked for.
    :param code: AI Core's code where it is known.
    """
    return Refusal(404, f"{what} {identifier} not found.", code)


def found(things: Mapping[str, T], identifier: str, what: str, code: str | None = None) -> T:
    """Give the thing of this id, or refuse as :func:`not_found` does.

    :param things: by id.
    """
    if identifier not in things:
        raise not_found(what, identifier, code)
    return things[identifier]


def access_denied() -> GatewayRefusal:
    """Refuse a request without a usable token, or for a resource group that is not the tenant's."""
    return GatewayRefusal(403, "RBAC: access denied")
