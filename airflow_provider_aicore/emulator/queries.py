"""The query parameters of AI Core's lists, checked as described, and the page that they select.

Parameters that are not described are ignored, as AI Core seems to do (``top`` without its ``$``, for one).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from airflow_provider_aicore.emulator.checks import ID
from airflow_provider_aicore.emulator.refusals import bad_request

T = TypeVar("T")

_LABEL_EXPRESSION = re.compile(r"([^ =,!]+)(!?=)([^ =,]+)")


class Query:
    """The query parameters of one request.

    :param parameters: as sent, percent-decoded.
    """

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters

    def text(self, name: str) -> str | None:
        """Give a parameter as it is, None if it is missing."""
        return self._parameters.get(name)

    def matching(self, name: str, pattern: re.Pattern[str], *, longest: int) -> str | None:
        """Give a parameter of which the whole text has to match a pattern.

        :param longest: characters.
        """
        value = self.text(name)
        if value is not None and (len(value) > longest or not pattern.fullmatch(value)):
            raise bad_request(f"{name}: at most {longest} characters matching {pattern.pattern} are allowed")
        return value

    def identifier(self, name: str) -> str | None:
        """Give a parameter that holds an id."""
        value = self.text(name)
        return None if value is None else _checked_id(name, value)

    def identifiers(self, name: str, *, most: int) -> list[str] | None:
        """Give a parameter that holds ids with commas between them (``style: form``, ``explode: false``)."""
        value = self.text(name)
        if value is None:
            return None
        ids = value.split(",")
        if len(ids) > most:
            raise bad_request(f"{name}: at most {most} ids are allowed, not {len(ids)}")
        return [_checked_id(name, each) for each in ids]

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """Give a parameter of which only some values are allowed."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise bad_request(f"{name}: one of {', '.join(allowed)} is allowed, not {value!r}")
        return value

    def flag(self, name: str) -> bool:
        """Give a parameter that is true or false, in any case: SAP's SDK sends Python's ``True``."""
        value = self.text(name)
        if value is not None and value.lower() not in {"true", "false"}:
            raise bad_request(f"{name}: one of true, false is allowed, not {value!r}")
        return value is not None and value.lower() == "true"

    def number(self, name: str, *, default: int, least: int = 0, most: int | None = None) -> int:
        """Give a parameter that holds a whole number."""
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise bad_request(f"{name}: a whole number of at most 18 digits is required, not {value[:40]!r}")
        if int(value) < least or (most is not None and int(value) > most):
            raise bad_request(f"{name}: {least} to {most} is allowed, not {value}")
        return int(value)

    def search(self) -> Callable[[str], bool]:
        """Give the test that ``$search`` and ``searchCaseInsensitive`` ask for; without them all texts pass.

        Source: parameter ``AiquerySearch``: 1 to 80 characters, no ``~``.
        """
        wanted = self.text("$search")
        insensitive = self.flag("searchCaseInsensitive")
        if wanted is None:
            return lambda _text: True
        if not 1 <= len(wanted) <= 80 or "~" in wanted:
            raise bad_request("$search: 1 to 80 characters without ~ are allowed")
        if insensitive:
            return lambda text: wanted.lower() in text.lower()
        return lambda text: wanted in text

    def labels(self, name: str, *, key: re.Pattern[str], most: int) -> Callable[[Mapping[str, str]], bool]:
        """Give the test that a selector asks for: ``key=value`` and ``key!=value``, all of which must fit.

        Commas stand between them; one inside a value is written ``{comma}``. ``key!=value`` passes only what
        has the key at all: SAP's tests against the live service say so.
        Source: parameters ``AiartifactLabelSelector`` and ``AilabelSelector``.

        :param key: what the keys have to match.
        :param most: expressions.
        """
        selector = self.text(name)
        if selector is None:
            return lambda _labels: True
        expressions = [_LABEL_EXPRESSION.fullmatch(each) for each in selector.split(",")]
        wanted = [
            (match[1], match[2], match[3].replace("{comma}", ","))
            for match in expressions
            if match and key.fullmatch(match[1]) and len(match[0]) <= 5000
        ]
        if len(wanted) < len(expressions) or len(wanted) > most:
            raise bad_request(f"{name}: 1 to {most} of key=value or key!=value, keys matching {key.pattern}")
        return lambda labels: all(
            key in labels and (labels[key] == value) is (operator == "=") for key, operator, value in wanted
        )

    def page(self, items: Sequence[T], *, default: int = 10_000, most: int | None = 100_000) -> Sequence[T]:
        """Cut out the page that ``$top`` and ``$skip`` ask for.

        Source: parameters ``Aitop`` and ``Aiskip``; for metrics ``Trcktop`` and ``Trckskip``.

        :param default: ``$top`` where it is not given.
        :param most: the greatest ``$top``; None is no limit.
        """
        top = self.number("$top", default=default, most=most)
        skip = self.number("$skip", default=0)
        return items[skip : skip + top]


def _checked_id(name: str, value: str) -> str:
    if not ID.fullmatch(value):
        raise bad_request(f"{name}: {value!r} does not match the pattern {ID.pattern}")
    return value
