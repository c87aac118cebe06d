"""The checks that AI Core makes on a request's body, with the patterns and limits of its description.

An optional field may be missing or null. Fields that are not described are ignored.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_aicore.emulator.refusals import bad_request
from airflow_provider_aicore.emulator.timestamps import parse_nanoseconds

ID = re.compile(r"[\w.-]{4,64}", re.ASCII)
"""Source: schema ``AiId`` and all its kin."""
NAME = re.compile(r"""[\w\s.!?,;:\[\](){}<>"'=+*/\\^&%@~$#|-]*""", re.ASCII)
"""Source: schemas ``AiArtifactName`` and ``AiConfigurationName``."""
ARTIFACT_URL = re.compile(r".*([a-z0-9-]+)://.+", re.ASCII | re.DOTALL)
"""Source: schema ``AiArtifactUrl``, whose pattern is not anchored."""
LABEL_KEY = re.compile(r"ext\.ai\.sap\.com/[\w.-]+", re.ASCII)
"""Source: schema ``AiLabelKey``."""
METRIC_NAME = re.compile(r".*[\w-]{1,64}.*", re.ASCII | re.DOTALL)
"""Source: schema ``TrckMetricName``, whose pattern is not anchored: names with blanks are accepted."""
ARTIFACT_KINDS = ("model", "dataset", "resultset", "other")


def text(
    body: Mapping[str, Any],
    name: str,
    *,
    pattern: re.Pattern[str] | None = None,
    shortest: int = 0,
    longest: int | None = None,
) -> str:
    """Read a required text.

    :param name: the field's name.
    :param pattern: matched against the whole text.
    :param shortest: characters.
    :param longest: characters; None is no limit.
    :raises Refusal: 400, naming the field.
    """
    value = body.get(name)
    if not isinstance(value, str):
        raise bad_request(f"{name}: a string is required")
    if len(value) < shortest or (longest is not None and len(value) > longest):
        raise bad_request(f"{name}: {shortest} to {longest} characters are allowed, not {len(value)}")
    if pattern is not None and not pattern.fullmatch(value):
        raise bad_request(f"{name}: does not match the pattern {pattern.pattern}")
    return value


def optional_text(body: Mapping[str, Any], name: str, *, longest: int | None = None) -> str | None:
    """Read a text that may be missing or null."""
    return None if body.get(name) is None else text(body, name, longest=longest)


def identifier(body: Mapping[str, Any], name: str) -> str:
    """Read a required id."""
    return text(body, name, pattern=ID)


def choice(body: Mapping[str, Any], name: str, allowed: Iterable[str]) -> str:
    """Read a required text of which only some values are allowed."""
    value = body.get(name)
    if value not in tuple(allowed):
        raise bad_request(f"{name}: one of {', '.join(allowed)} is required")
    return str(value)


def objects(
    body: Mapping[str, Any], name: str, *, most: int | None = None, least: int = 0
) -> list[dict[str, Any]] | None:
    """Read a list of objects that may be missing or null.

    :param most: items; None is no limit.
    :param least: items.
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad_request(f"{name}: an array of objects is required")
    if len(value) < least or (most is not None and len(value) > most):
        raise bad_request(f"{name}: {least} to {most} items are allowed, not {len(value)}")
    return value


def number(body: Mapping[str, Any], name: str) -> float | int:
    """Read a required, finite number."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise bad_request(f"{name}: a number is required")
    return value


def instant(body: Mapping[str, Any], name: str) -> float | None:
    """Read an instant that may be missing or null.

    :return: seconds since the epoch; fractions are cut off.
    """
    value = optional_text(body, name)
    try:
        return None if value is None else float(parse_nanoseconds(value) // 1_000_000_000)
    except ValueError as error:
        raise bad_request(f"{name}: {error}") from error


def labels(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
    """Read the ``labels`` of an artifact."""
    items = objects(body, "labels")
    if items is None:
        return None
    return tuple(
        (text(item, "key", pattern=LABEL_KEY, longest=256), text(item, "value", longest=5000))
        for item in items
    )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # A whole number that no double can hold.
        return False
