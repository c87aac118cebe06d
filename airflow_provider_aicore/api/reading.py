"""From the answer to a call to what it says: JSON as one of the models, or an error that says what is off."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from airflow_provider_aicore.api.errors import status_error, unexpected_response
from airflow_provider_aicore.api.models import ExecutionSightings

if TYPE_CHECKING:
    import httpx

    from airflow_provider_aicore.api.models import ExecutionSighting

T = TypeVar("T")


class Reader(Generic[T]):
    """Reads a JSON answer as one type.

    Its validator is built on first use, since not every process needs each.

    :param kind: the type.
    :param within: the keys of the answer under which it stands; the whole answer if not given.
    """

    def __init__(self, kind: type[T], *within: str) -> None:
        self._kind = kind
        self._within = within
        self._adapter: TypeAdapter[T] | None = None

    def __call__(self, response: httpx.Response) -> T:
        """Read the answer.

        :raises UnexpectedResponseError: it is not of this type.
        :raises APIStatusError: the answer is a success by its status but holds an error.
        """
        body = json_body(response)
        for key in self._within:
            body = body.get(key) if isinstance(body, dict) else None
        self._adapter = self._adapter or TypeAdapter(self._kind)
        try:
            return self._adapter.validate_python(body)
        except ValidationError as error:
            raise unexpected_response(response, _where(error)) from error


def sightings(response: httpx.Response) -> list[ExecutionSighting]:
    """Read one page of a list from the bytes, without making Python's objects of the JSON first.

    :raises UnexpectedResponseError: it is not such a page.
    """
    try:
        return _sightings_adapter().validate_json(response.content).resources
    except ValidationError as error:
        raise unexpected_response(response, _where(error)) from error


@functools.cache
def _sightings_adapter() -> TypeAdapter[ExecutionSightings]:
    return TypeAdapter(ExecutionSightings)


def resources(kind: type[T]) -> Reader[list[T]]:
    """Make the reader of one page of a list."""
    return Reader(list[kind], "resources")  # type: ignore[valid-type]  # a type made from an argument


def json_body(response: httpx.Response) -> Any:
    """Return the JSON of an answer."""
    try:
        body = response.json()
    except ValueError as error:
        raise unexpected_response(response, "it is not JSON") from error
    if isinstance(body, dict) and isinstance(body.get("error"), dict) and "id" not in body:
        raise status_error(response)
    return body


def nothing(response: httpx.Response) -> None:
    """Read an answer without a body."""


def number(response: httpx.Response) -> int:
    """Read a bare number, as the ``$count`` paths answer it."""
    try:
        return int(response.text)
    except ValueError as error:
        raise unexpected_response(response, "it is not a number") from error


def _where(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or 'the answer'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    ]
    more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
    return f"it is not as described ({'; '.join(faults[:3])}{more})"
