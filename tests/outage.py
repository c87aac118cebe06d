"""Ten minutes of trouble with AI Core, of each kind."""

from __future__ import annotations

import random
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aicore.emulator import (
    Answer,
    BodyCut,
    ConnectionLost,
    MalformedJson,
    NoConnection,
    SlowAnswer,
    server_error,
    token_refused,
    too_many_requests,
    unavailable,
)

TEN_MINUTES = 600.0
LOOK = r"/lm/executions/"
TOKEN = r"/oauth/token"
LOOK_OF_ANY_KIND = r"/lm/executions"
FAULTS: dict[str, dict[str, Any]] = {
    "refused connections": {LOOK: NoConnection()},
    "timeouts in connecting": {LOOK: NoConnection(timeout=True)},
    "timeouts in answering": {LOOK: SlowAnswer(90)},
    "slow answers": {LOOK: SlowAnswer(30)},
    "resets": {LOOK: ConnectionLost()},
    "answers cut off": {LOOK: BodyCut()},
    "429": {LOOK: too_many_requests()},
    "429 with Retry-After": {LOOK: too_many_requests(7)},
    "429 with a long Retry-After": {LOOK: too_many_requests(240)},
    "500": {LOOK: server_error()},
    "502": {LOOK: Answer(502, "Bad Gateway")},
    "503": {LOOK: unavailable()},
    "503 with Retry-After": {LOOK: Answer(503, headers={"Retry-After": "45"})},
    "504": {LOOK: Answer(504, "upstream request timeout")},
    "half a JSON": {LOOK: MalformedJson()},
    "no JSON": {LOOK: Answer(200, "<html>Sign in</html>", headers={"content-type": "text/html"})},
    "redirects": {LOOK: Answer(302, headers={"Location": "https://sso.example/login"})},
    "another JSON": {LOOK: Answer(200, json={"status": "COMPLETED"})},
    "an empty answer": {LOOK: Answer(200)},
    "tokens refused": {LOOK: token_refused()},
    "no tokens": {LOOK: token_refused(), TOKEN: unavailable()},
    "no identity service": {LOOK: token_refused(), TOKEN: NoConnection()},
    "bad tokens": {LOOK: token_refused(), TOKEN: Answer(200, json={"token_type": "bearer"})},
}


as_gateways_do = pytest.mark.not_as_described("gateways do not answer as AI Core does")


class Outage:
    """Trouble for some time of the turned clock, from the first look at an execution on.

    :param draw: draws one of several faults for each request.
    """

    def __init__(self, network: Any, clock: Any, seconds: float, draw: random.Random | None = None) -> None:
        self._network, self._clock, self._seconds = network, clock, seconds
        self._draw = draw or random.Random(0)
        self._until: float | None = None

    def strike(self, path: str, *faults: Any) -> None:
        """Strike requests with any of the faults."""
        self._network.faults.add(
            SimpleNamespace(answer=partial(self._answer, path, faults)), path=path, times=None
        )

    def _answer(self, path: str, faults: Any, request: Any, proceed: Any) -> Any:
        if self._until is None and path != TOKEN:
            self._until = self._clock.time + self._seconds
        if self._until is None or self._clock.time >= self._until:
            return proceed(request)
        return self._draw.choice(faults).answer(request, proceed)
