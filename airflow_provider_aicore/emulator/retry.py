"""``retryStrategy``: what failed runs again."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from airflow_provider_aicore.emulator.argo import Retry, WorkflowError

T = TypeVar("T")
POLICIES = {"Always": {"Failed", "Error"}, "OnFailure": {"Failed"}, "OnError": {"Error"}}
"""Name of a policy to the ends that lead to another try."""
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd]?)")


def seconds(text: str) -> float:
    """Read a duration: seconds, or a number with ``ms``, ``s``, ``m``, ``h`` or ``d``.

    :raises ValueError: it is neither.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration: give seconds, or a number with ms, s, m, h or d")
    return float(match[1]) * _UNITS[match[2]]


def run_with_retries(retry: Retry | None, attempt: Callable[[int], T], pause: Callable[[float], bool]) -> T:
    """Run something until it ends well or may not be tried again.

    :param retry: None: it is tried once.
    :param attempt: is given the number of tries before it.
    :param pause: waits for some seconds, and says whether all has to end meanwhile.
    :raises WorkflowError: that of the last try.
    """
    begin, tries = time.monotonic(), 0
    while True:
        try:
            return attempt(tries)
        except WorkflowError as error:
            if retry is None or error.status not in POLICIES[retry.policy] or tries == retry.limit:
                raise
            delay = retry.delay * retry.factor**tries
            if retry.longest is not None and time.monotonic() + delay - begin > retry.longest:
                raise
            if pause(delay):
                raise
        tries += 1
