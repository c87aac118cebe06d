r"""The API's limits, checked before anything is sent.

Source: the schemas of AI Core's OpenAPI description. Each check returns the value, so that it can stand where
the value is used, and raises :class:`ValueError` with the name of what is wrong. ``\w`` is ASCII there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real

from airflow_provider_aicore.schedule_times import in_utc
from airflow_provider_aicore.signature import ID

MAX_NAME = 256
MAX_URL = 1024
MAX_TEXT = 5000
MAX_BINDINGS = 1000
MAX_SEARCH = 80

_NAME = re.compile(r"""[\w\s.!?,;:\[\](){}<>"'=+*/\\^&%@~$#|-]*""", re.ASCII)
_URL = re.compile(r"[a-z0-9-]+://.+", re.ASCII)
_LABEL_KEY = re.compile(r"ext\.ai\.sap\.com/[\w.-]+", re.ASCII)
_RESOURCE_GROUP = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]{1,251}[a-zA-Z0-9]", re.ASCII)
_SHOWN = 80


class Complaints:
    """Keeps what is wrong with each of several things, to tell it all at once."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what a check raises."""
        try:
            yield
        except ValueError as error:
            self._texts.append(str(error))

    def tell(self) -> None:
        """Raise what was kept, if anything was.

        :raises ValueError: with one complaint as it is, or with several, each in a line.
        """
        if self._texts:
            raise ValueError("\n".join(self._texts))


def check_id(what: str, value: object) -> str:
    """Check an id of anything in AI Core: 4 to 64 letters, digits, ``_``, ``.`` or ``-``.

    An empty id would turn the path of one thing into the path of the list of all.

    :param what: its name for the message, such as ``execution_id``.
    """
    if not isinstance(value, str) or not ID.fullmatch(value):
        of_type = "" if isinstance(value, str) else f" of type {type(value).__name__}"
        raise ValueError(
            f"{what} is {_shown(value)}{of_type}, "
            "but an id has 4 to 64 characters out of letters, digits, '_', '.' and '-'."
        )
    return value


def check_name(what: str, value: object) -> str:
    """Check the name of an artifact or a configuration: 1 to 256 characters of a limited set."""
    text = check_text(what, value, MAX_NAME)
    if not text.strip():
        raise ValueError(f"{what} is empty. Give it a name that a person recognises.")
    if not _NAME.fullmatch(text):
        wrong = "".join(sorted({character for character in text if not _NAME.fullmatch(character)}))
        raise ValueError(f"{what} {_shown(text)} has characters that AI Core refuses in names: {wrong!r}.")
    return text


def check_schedule_name(value: object) -> str:
    """Check the name of an execution schedule: 1 to 256 characters, of any kind."""
    text = check_text("name", value, MAX_NAME)
    if not text.strip():
        raise ValueError("name is empty. Give it a name that a person recognises.")
    return text


def check_text(what: str, value: object, limit: int) -> str:
    """Check that it is text within a length."""
    if not isinstance(value, str):
        raise ValueError(f"{what} is {_shown(value)} of type {type(value).__name__}, but text is needed.")  # noqa: TRY004 - one kind of error for bad input
    if len(value) > limit:
        raise ValueError(
            f"{what} has {len(value)} characters, but AI Core takes at most {limit}: {_shown(value)}."
        )
    return value


def check_url(what: str, value: object) -> str:
    """Check an artifact's URL, such as ``ai://<object store secret>/<path>``."""
    text = check_text(what, value, MAX_URL)
    if not _URL.fullmatch(text):
        raise ValueError(f"{what} is {_shown(text)}, but a URL such as ai://default/some/path is needed.")
    return text


def check_labels(labels: Mapping[str, object]) -> dict[str, str]:
    """Check labels: keys begin with ``ext.ai.sap.com/``, values are text."""
    check_mapping("labels", labels)
    for key, value in labels.items():
        check_text("label key", key, MAX_NAME)
        if not _LABEL_KEY.fullmatch(key):
            raise ValueError(f"label key {_shown(key)} must look like ext.ai.sap.com/my-label.")
        check_text(f"value of label {key!r}", value, MAX_TEXT)
    return {key: str(value) for key, value in labels.items()}


def check_mapping(what: str, value: object) -> None:
    """Check that it is a mapping: a template gives text where a dict was meant."""
    if not isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004 - one kind of error for bad input
            f"{what} is {_shown(value)} of type {type(value).__name__}, but a dict is needed. "
            "A template gives text: use task.output, or set render_template_as_native_obj on the DAG."
        )


def check_resource_group(value: object) -> str:
    """Check a resource group's id.

    It has 3 to 253 letters, digits, ``.`` or ``-``, with a letter or digit at both ends.
    """
    if not isinstance(value, str) or not _RESOURCE_GROUP.fullmatch(value):
        raise ValueError(
            f"resource_group is {_shown(value)}, "
            "but a resource group's id has 3 to 253 letters, digits, '.' or '-', "
            "and begins and ends with a letter or digit."
        )
    return value


def check_range(what: str, value: int, least: int, most: int) -> int:
    """Check a number against both its ends, which are allowed."""
    if not least <= value <= most:
        raise ValueError(f"{what} is {value}, but must be from {least} to {most}.")
    return value


def check_number(what: str, value: object) -> float:
    """Check that it is a finite number; JSON has no other."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{what} is {_shown(value)} of type {type(value).__name__}, but a number is needed.")  # noqa: TRY004 - one kind of error for bad input
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{what} is {_shown(value)}, but a finite number is needed.")
    return number


def check_count(what: str, value: object) -> int:
    """Check that it is a whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise ValueError(f"{what} is {_shown(value)}, but a whole number from 0 is needed.")
    return int(value)


def instant(what: str, value: object) -> str:
    """Check an aware datetime, or its ISO 8601 text, and return it in UTC as AI Core takes it."""
    return in_utc(what, value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_in_seconds(what: str, value: object) -> str:
    """Check an instant as :func:`instant` does, and cut it to whole seconds, for where AI Core wants those.

    Source: SAP's documentation of training schedules.
    """
    return in_utc(what, value).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_search(value: object) -> str:
    """Check a search text: 1 to 80 characters without ``~``."""
    text = check_text("search", value, MAX_SEARCH)
    if not text or "~" in text:
        raise ValueError(f"search is {_shown(text)}, but 1 to 80 characters without '~' are needed.")
    return text


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
