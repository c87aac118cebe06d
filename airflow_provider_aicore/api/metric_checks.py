"""Checks of what is tracked for an execution, before anything is sent.

Source: the schemas of AI Core's OpenAPI description that begin with ``Trck``, and SAP's documentation of the
limits on metrics.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from airflow_provider_aicore.api.validation import (
    MAX_NAME,
    check_count,
    check_mapping,
    check_number,
    check_range,
    check_text,
    instant,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

MAX_METRICS = 1000
"""Of one execution, so of one request as well; the same holds for tags and custom info."""
MAX_LABELS = 20
"""Of one metric."""
MAX_TAGS = 100
MAX_CUSTOM_INFO = 100
MAX_CUSTOM_INFO_BYTES = 5_000_000
MAX_TAG_EXPRESSIONS = 100
MAX_TAG_FILTERS = 5000

_IN_A_METRIC_NAME = re.compile(r"[\w-]", re.ASCII)


def points(metrics: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Check metrics and return them as AI Core takes them."""
    check_range("number of metrics", len(metrics), 0, MAX_METRICS)
    return [_point(f"metrics[{number}]", metric) for number, metric in enumerate(metrics)]


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Check tags and return them as AI Core takes them."""
    check_mapping("tags", tags)
    check_range("number of tags", len(tags), 0, MAX_TAGS)
    return [_pair("tag", name, value) for name, value in tags.items()]


def custom_info_list(custom_info: Mapping[str, str]) -> list[dict[str, str]]:
    """Check custom info and return it as AI Core takes it."""
    check_mapping("custom_info", custom_info)
    check_range("number of custom_info", len(custom_info), 0, MAX_CUSTOM_INFO)
    pairs = [_pair("custom_info", name, value, MAX_CUSTOM_INFO_BYTES) for name, value in custom_info.items()]
    size = sum(len(pair["value"].encode()) for pair in pairs)
    check_range("number of bytes in the values of custom_info", size, 0, MAX_CUSTOM_INFO_BYTES)
    return pairs


def tag_filters(tags: Mapping[str, str | None], tags_not: Mapping[str, str]) -> str | None:
    """Return the parameter ``tagFilters``; names and values are percent-encoded within it.

    :param tags: values by name; ``None`` stands for any value.
    :param tags_not: the tag is there, but has another value.
    """
    for what, given in (("tags", tags), ("tags_not", tags_not)):
        check_mapping(what, given)
    expressions = [_tag_expression("tags", name, "=", value) for name, value in tags.items()]
    expressions += [_tag_expression("tags_not", name, "!=", value) for name, value in tags_not.items()]
    check_range("number of tags to filter by", len(expressions), 0, MAX_TAG_EXPRESSIONS)
    text = ",".join(expressions)
    check_range("number of characters in the filter by tags, once encoded,", len(text), 0, MAX_TAG_FILTERS)
    return text or None


def _tag_expression(what: str, name: str, comparison: str, value: str | None) -> str:
    if value is None and comparison == "=":
        return quote(_pair(what, name, "any")["name"], safe="")
    pair = _pair(what, name, value)
    return f"{quote(pair['name'], safe='')}{comparison}{quote(pair['value'], safe='')}"


def _point(what: str, metric: Mapping[str, object]) -> dict[str, object]:
    """Check one metric; what is ``None`` counts as not given."""
    _check_keys(what, metric, {"name", "value"}, {"timestamp", "step", "labels"})
    point: dict[str, object] = {
        "name": _metric_name(f"name of {what}", metric["name"]),
        "value": check_number(f"value of {what}", metric["value"]),
    }
    if metric.get("timestamp") is not None:
        point["timestamp"] = instant(f"timestamp of {what}", metric["timestamp"])
    if metric.get("step") is not None:
        point["step"] = check_count(f"step of {what}", metric["step"])
    if metric.get("labels") is not None:
        point["labels"] = _labels(f"labels of {what}", metric["labels"])
    return point


def _metric_name(what: str, value: object) -> str:
    """Check a metric's name; beside a letter, digit, ``_`` or ``-`` any other character is taken."""
    name = check_text(what, value, MAX_NAME)
    if not _IN_A_METRIC_NAME.search(name):
        raise ValueError(f"{what} is {name!r}, but a letter, digit, '_' or '-' is needed in it.")
    return name


def _labels(what: str, labels: object) -> list[dict[str, str]]:
    if not isinstance(labels, list | tuple):
        raise ValueError(  # noqa: TRY004 - one kind of error for bad input
            f"{what} are {labels!r}, but a list of dicts with name and value is needed."
        )
    check_range(f"number of {what}", len(labels), 0, MAX_LABELS)
    for label in labels:
        _check_keys(f"a label in {what}", label, {"name", "value"})
    return [_pair(f"a label in {what}", label["name"], label["value"]) for label in labels]


def _pair(what: str, name: object, value: object, longest: int = MAX_NAME) -> dict[str, str]:
    """Check name and value of a tag, a label or custom info."""
    pair = {
        "name": check_text(f"name of {what}", name, MAX_NAME),
        "value": check_text(f"value of {what}", value, longest),
    }
    for part, text in pair.items():
        if not text:
            raise ValueError(f"{part} of {what} is empty: name is {name!r}, value is {value!r}.")
    return pair


def _check_keys(what: str, given: object, needed: set[str], optional: Collection[str] = ()) -> None:
    check_mapping(what, given)
    keys = set(cast("Mapping[str, object]", given))
    missing, unknown = sorted(needed - keys), sorted(map(repr, keys - needed - set(optional)))
    if missing:
        raise ValueError(f"{what} has no {' and no '.join(missing)}: {given!r}.")
    if unknown:
        known = ", ".join([*sorted(needed), *sorted(optional)])
        raise ValueError(f"{what} has {', '.join(unknown)}, but only {known} can be given.")
