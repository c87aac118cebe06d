"""Parts of a template that know where they stand, so that a refusal can name the line."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NoReturn

import yaml

from airflow_provider_aicore.emulator.argo import WorkflowError, as_text

Way = tuple[str | int, ...]
"""The names and indices that lead to a part of a document."""


class PartRefused(WorkflowError):
    """A part of a template is not as it has to be.

    :param way: to it, from where reading began.
    """

    def __init__(self, message: str, way: Way) -> None:
        super().__init__(message)
        self.way = way


class Part:
    """A value in a template.

    :param value: as YAML has it.
    :param way: to it.
    """

    __slots__ = ("value", "way")

    def __init__(self, value: Any, way: Way = ()) -> None:
        self.value, self.way = value, way

    def __contains__(self, name: str) -> bool:
        return name in self.mapping()

    def refuse(self, message: str) -> NoReturn:
        """Say that this part cannot be taken, and where it stands.

        :raises PartRefused: always.
        """
        raise PartRefused(f"{where(self.way)}: {message}", self.way)

    def mapping(self) -> Mapping[str, Any]:
        """Give the value, which has to be a mapping or empty."""
        if self.value is None:
            return {}
        if not isinstance(self.value, Mapping):
            self.refuse(f"has to be a mapping, it is {self.value!r}")
        return self.value

    def only(self, *known: Collection[str]) -> None:
        """Refuse keys that are not among *known*: whatever is not run has to be said."""
        names = [name for each in known for name in each]
        for name in self.mapping():
            if name not in names:
                Part(None, (*self.way, name)).refuse(
                    f"{name} is not run by the emulator, which knows {', '.join(sorted(names))} here"
                )

    def part(self, name: str) -> "Part":
        """Give the part with a name, which may be missing."""
        return Part(self.mapping().get(name), (*self.way, name))

    def items(self, name: str) -> "Parts":
        """Give the items of the list with a name, which may be missing."""
        return self.part(name).list()

    def list(self) -> "Parts":
        """Give the items of this list, which may be empty."""
        if self.value is not None and not isinstance(self.value, list):
            self.refuse(f"has to be a list, it is {self.value!r}")
        return [Part(each, (*self.way, index)) for index, each in enumerate(self.value or [])]

    def word(self) -> str:
        """Give the value as text; numbers and truth values are texts too."""
        if self.value is None or isinstance(self.value, (Mapping, list)):
            self.refuse(f"has to be a text, it is {self.value!r}")
        return as_text(self.value)

    def text(self, name: str) -> str:
        """Give the text with a name, which must not be missing."""
        if self.mapping().get(name) is None:
            self.refuse(f"{name} is needed")
        return self.part(name).word()

    def optional_text(self, name: str) -> str | None:
        """Give the text with a name, None if it is missing."""
        return None if self.mapping().get(name) is None else self.text(name)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Give the truth value with a name."""
        part = self.part(name)
        if part.value is None:
            return default
        if not isinstance(part.value, bool):
            part.refuse(f"has to be true or false, it is {part.value!r}")
        return part.value

    def texts(self) -> Iterator["Part"]:
        """Give all texts in it."""
        if isinstance(self.value, str):
            yield self
        elif isinstance(self.value, Mapping):
            for name in self.value:
                yield from self.part(name).texts()
        elif isinstance(self.value, list):
            for each in self.list():
                yield from each.texts()


Parts = list[Part]


def where(way: Way) -> str:
    """Write a way as a person would: ``spec.templates[0].container``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).lstrip(".")


def line_of(node: yaml.Node, way: Way) -> int:
    """Give the number of the line where a way leads to, or where it ends in what is not there."""
    line = node.start_mark.line
    for step in way:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                break
            line, node = found[0][0].start_mark.line, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
    return int(line) + 1
