"""Faults as entries of a file or of the control path, and the `Fault` that each stands for."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, NonNegativeFloat, PositiveInt, TypeAdapter, field_validator

from airflow_provider_aicore.emulator import faults
from airflow_provider_aicore.emulator.entries import Entry
from airflow_provider_aicore.emulator.faults import Fault, Faults

Now = Callable[[], float]
ServerErrorStatus = Annotated[int, Field(ge=500, le=599)]


class FaultRule(Entry):
    """The requests that a fault strikes; each as in `Faults.add`."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    path: str = ""
    nth: PositiveInt = 1
    times: PositiveInt | None = 1

    @field_validator("path")
    @classmethod
    def _compiles(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as error:
            raise ValueError(f"{path!r} is no regular expression: {error}") from error
        return path


class AnswerRule(FaultRule):
    """Another answer than the right one."""

    fault: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    text: str = ""
    json_body: Any = Field(default=None, alias="json")
    headers: Mapping[str, str] = Field(default_factory=dict)
    takes_effect: bool = False

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.Answer(self.status, self.text, self.json_body, self.headers, self.takes_effect)


class TooManyRequestsRule(FaultRule):
    """A 429, with ``Retry-After`` in seconds, as a fixed date, or as a date in so many seconds."""

    fault: Literal["too_many_requests"]
    retry_after: NonNegativeFloat | AwareDatetime | None = None
    as_date: bool = False

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        if self.as_date and isinstance(self.retry_after, float):
            return faults.RetryAfterDate(self.retry_after, now)
        return faults.too_many_requests(self.retry_after)


class ServerErrorRule(FaultRule):
    """A 5xx with AI Core's error body."""

    fault: Literal["server_error"]
    status: ServerErrorStatus = 500
    takes_effect: bool = False

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.server_error(self.status, takes_effect=self.takes_effect)


class UnavailableRule(FaultRule):
    """The gateway's 503 in plain text."""

    fault: Literal["unavailable"]
    text: str | None = None

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.unavailable() if self.text is None else faults.unavailable(self.text)


class MalformedJsonRule(FaultRule):
    """A body that is cut in half, and sent as if it were whole."""

    fault: Literal["malformed_json"]

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.MalformedJson()


class SlowAnswerRule(FaultRule):
    """The right answer, late."""

    fault: Literal["slow_answer"]
    seconds: NonNegativeFloat

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.SlowAnswer(self.seconds)


class ConnectionLostRule(FaultRule):
    """The connection is closed without an answer, after or before the request took effect."""

    fault: Literal["connection_lost"]
    takes_effect: bool = True

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.ConnectionLost(takes_effect=self.takes_effect)


class BodyCutRule(FaultRule):
    """The connection is closed in the middle of the body."""

    fault: Literal["body_cut"]

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.BodyCut()


class TokenRefusedRule(FaultRule):
    """The gateway's 401 for a token that was good; strikes AI Core's paths, not the token's."""

    fault: Literal["token_refused"]
    path: str = "^/v2/"
    text: str | None = None

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.token_refused() if self.text is None else faults.token_refused(self.text)


class CredentialsRefusedRule(FaultRule):
    """The identity service refuses the secret."""

    fault: Literal["credentials_refused"]
    path: str = "^/oauth/token$"

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.credentials_refused()


class ClockSkewRule(FaultRule):
    """The right answer with a wrong ``Date``."""

    fault: Literal["clock_skew"]
    seconds: Annotated[float, Field(ge=-1e9, le=1e9)]

    def make(self, now: Now) -> Fault:
        """Make the fault."""
        return faults.ClockSkew(self.seconds)


AnyRule = Annotated[
    AnswerRule
    | TooManyRequestsRule
    | ServerErrorRule
    | UnavailableRule
    | MalformedJsonRule
    | SlowAnswerRule
    | ConnectionLostRule
    | BodyCutRule
    | TokenRefusedRule
    | CredentialsRefusedRule
    | ClockSkewRule,
    Field(discriminator="fault"),
]
RULE: TypeAdapter[AnyRule] = TypeAdapter(AnyRule)
"""One entry of a list of faults."""


def add(rules: list[AnyRule], store: Faults, now: Now) -> None:
    """Put rules in store, in order.

    :param now: the emulator's clock, seconds since the epoch.
    """
    for each in rules:
        store.add(each.make(now), method=each.method, path=each.path, nth=each.nth, times=each.times)
