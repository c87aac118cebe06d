"""Requests as data, and flows: how several of them make one thing that is done.

A :class:`Call` says what to ask and how to read the answer. A *flow* is a plain generator that yields steps
and is sent their answers; it performs no I/O, so that it is written once and driven by
:class:`~.client.Client` and :class:`~.client.AsyncClient` alike, and tested by feeding it answers. Flows
compose with ``yield from``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeGuard, TypeVar

import httpx

from airflow_provider_aicore.api.errors import (
    TokenRefusedError,
    connection_error,
    may_hold_a_header,
    status_error,
    unexpected_response,
)
from airflow_provider_aicore.api.retry import RetryPolicy, never_sent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request of AI Core's API and how to read its answer.

    :param path: below the API's base URL, or an absolute URL for the identity service.
    :param parse: reads a successful answer.
    :param json: body, sent as JSON of `content_type`.
    :param form: body, sent as a form instead of JSON.
    :param repeatable: sending it twice has the effect of sending it once, so it may be sent again after a
        lost answer.
    :param authorized: carries the bearer token and the resource group; ``False`` only for the token request.
    """

    method: str
    path: str
    parse: Callable[[httpx.Response], T]
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    content_type: str = "application/json"
    repeatable: bool = False
    authorized: bool = True


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DropToken:
    """Forget the token that this refused request carried, so that the next call fetches a fresh one."""

    refused: httpx.Request


Step = Call[Any] | Sleep | DropToken
Answer = httpx.Response | httpx.RequestError | None
"""What a driver sends back: for a call the response or the reason why there is none, else ``None``."""

Flow = Generator[Step, Answer, T]


def once(call: Call[T], retry: RetryPolicy) -> Flow[T]:
    """Get one call's result, with the repeats that the policy allows and one renewal of a refused token.

    :raises TokenRefusedError: a fresh token was refused as well.
    :raises APIConnectionError: no answer came; its `may_have_taken_effect` says whether that is all that is
        known.
    :raises APIStatusError: AI Core refused.
    :raises UnexpectedResponseError: the answer is not as described.
    """
    repeated = 0
    renewed = False
    while True:
        answer = yield call
        if _is_refused_token(answer) and call.authorized and not renewed:
            renewed = True
            yield DropToken(answer.request)
            continue
        wait = retry.wait(repeated, answer, repeatable=call.repeatable)
        if wait is None:
            return result(call, answer)
        repeated += 1
        yield Sleep(wait)


def pages(
    page: Callable[[int, int], Call[list[T]]], retry: RetryPolicy, *, size: int = 1000
) -> Flow[list[T]]:
    """Get a whole list, page by page, until a page is not full.

    AI Core promises no order and items may appear in between, so one item can come twice: the caller tells
    them apart by id.

    :param page: makes the call for (`top`, `skip`).
    :param size: items of one page. AI Core would give up to 100 000, but a sister endpoint is known to refuse
        more than 1 000 with 413.
    """
    items: list[T] = []
    while True:
        new = yield from once(page(size, len(items)), retry)
        items.extend(new)
        if len(new) < size:
            return items


def _is_refused_token(answer: Answer) -> TypeGuard[httpx.Response]:
    return isinstance(answer, httpx.Response) and answer.status_code == httpx.codes.UNAUTHORIZED


def result(call: Call[T], answer: Answer) -> T:
    """Read the answer to a call; for the errors see :func:`once`."""
    if isinstance(answer, httpx.RequestError):
        in_doubt = not (call.repeatable or never_sent(answer))
        # A cause is printed along with the traceback.
        cause = None if may_hold_a_header(answer) else answer
        raise connection_error(answer, may_have_taken_effect=in_doubt) from cause
    if not isinstance(answer, httpx.Response):
        msg = f"a driver answered a call with {answer!r}"
        raise TypeError(msg)
    if answer.is_success:
        return call.parse(answer)
    if answer.is_redirect:
        raise unexpected_response(answer, "AI Core does not send its callers elsewhere")
    error = status_error(answer)
    if call.authorized and answer.status_code == httpx.codes.UNAUTHORIZED:
        raise TokenRefusedError(str(error), request_id=error.request_id) from error
    raise error
