"""Argo's ``{{…}}`` tags: finding them and filling them in."""

import re
from collections.abc import Iterator, Mapping

from airflow_provider_aicore.emulator.argo import WorkflowError

TAG = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
"""One tag; its name is the first group."""
_EXPRESSION = re.compile(r"\{\{=.*?\}\}", re.DOTALL)
_OURS = ("workflow.", "inputs.", "outputs.", "steps.", "tasks.", "item.", "pod.", "node.", "lastRetry.")
_OURS_ALONE = ("item", "retries")


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of ``{{…}}``; what looks like somebody else's tag stays.

    :param values: by the full names in the braces, such as ``inputs.parameters.epochs``.
    :raises WorkflowError: one of Argo's tags has no value here.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name]
        if is_argos(name):
            raise WorkflowError(f"{{{{{name}}}}} has no value here; these have: {', '.join(sorted(values))}")
        return match[0]

    if expression := expression_in(text):
        raise WorkflowError(f"{expression} is an expression, which the emulator does not evaluate")
    return TAG.sub(value, text)


def tag_name(text: str) -> str:
    """Give the name in a text that is one ``{{…}}``, as in ``from`` of an artifact."""
    match = TAG.fullmatch(text.strip())
    if match is None:
        raise WorkflowError(f"{text!r} is not of the form {{{{steps.a.outputs.artifacts.b}}}}")
    return match[1]


def tag_names(text: str) -> Iterator[str]:
    """Give the names of all tags in a text, also of those that are none of Argo's."""
    return (match[1] for match in TAG.finditer(text))


def is_argos(name: str) -> bool:
    """Say whether Argo would want to fill in a tag of this name; it leaves others alone."""
    return name.startswith(_OURS) or name in _OURS_ALONE


def expression_in(text: str) -> str | None:
    """Give the first ``{{=…}}`` of a text."""
    found = _EXPRESSION.search(text)
    return found and found[0]
