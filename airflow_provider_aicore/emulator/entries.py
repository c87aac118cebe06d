"""Lists that people write, in a file or over the control path: read, checked, and refused in one line."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")


class Entry(BaseModel):
    """One entry; what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class EntryError(ValueError):
    """An entry is not as it should be; the message is one line and names it."""


def read(file: Path) -> Any:
    """Read a file of entries: YAML, of which JSON is a part.

    :raises EntryError: it cannot be read.
    """
    try:
        return yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EntryError(f"{file}: cannot be read as YAML or JSON: {' '.join(str(error).split())}") from error


def parse(kind: TypeAdapter[T], document: Any, where: str) -> list[T]:
    """Check a list of entries, or a single one.

    :param kind: what each entry has to be.
    :param where: names the document in messages.
    :raises EntryError: the first entry that is wrong, with its number, field and what is wrong there.
    """
    if not isinstance(document, dict | list):
        raise EntryError(f"{where}: a list of entries is expected, not {document!r:.60}")
    entries = document if isinstance(document, list) else [document]
    return [_parsed(kind, entry, f"{where}: entry {number}") for number, entry in enumerate(entries, 1)]


def _parsed(kind: TypeAdapter[T], entry: Any, where: str) -> T:
    try:
        return kind.validate_python(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        message = "is not known" if first["type"] == "extra_forbidden" else first["msg"]
        raise EntryError(f"{where}: {field}{': ' if field else ''}{' '.join(message.split())}") from error
