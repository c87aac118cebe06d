"""What an executable wants to be given, and what can be told of bindings without asking anybody.

It stands below the client, so that a DAG file is checked without loading that.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ID = re.compile(r"[\w.-]{4,64}", re.ASCII)
"""What an id of AI Core looks like."""
MAX_VALUE = 5000
"""Characters of a parameter's value."""


class Problem(NamedTuple):
    """Something that is wrong, or that may be.

    :param text: what, and what to do, as sentences.
    :param is_error: the execution cannot come out as it was meant; else it is a warning.
    """

    text: str
    is_error: bool = True


@dataclass(frozen=True)
class Signature:
    """The parameters and artifacts that an executable declares.

    :param executable_id: its template's `metadata.name`.
    :param parameters: defaults by name; ``None`` where there is none, so that a value has to be bound.
    :param input_artifacts: kinds by name; ``None`` where the template does not say.
    :param output_artifacts: likewise.
    :param optional_inputs: names of the input artifacts that may be left out. AI Core does not tell them.
    """

    scenario_id: str
    executable_id: str
    parameters: Mapping[str, str | None]
    input_artifacts: Mapping[str, str | None]
    output_artifacts: Mapping[str, str | None]
    optional_inputs: tuple[str, ...] = ()


class _Side(NamedTuple):
    """Parameters, or input artifacts.

    :param argument: in which an operator takes them.
    :param bound: ``None`` if that is not known yet.
    :param needed: those of the declared ones that have to be bound.
    """

    what: str
    argument: str
    bound: Collection[str] | None
    declared: Collection[str]
    needed: Collection[str]

    def misplaced(self, other: _Side) -> set[str]:
        """Give the names that are bound here, but declared on the other side only, and not bound there."""
        return {
            name
            for name in self.bound or ()
            if name not in self.declared and name in other.declared and name not in (other.bound or ())
        }


def check_names(
    signature: Signature,
    parameters: Collection[str] | None,
    input_artifacts: Collection[str] | None,
    *,
    undeclared_is_error: bool = False,
) -> list[Problem]:
    """Compare the names that are bound with those that are declared.

    :param parameters: the names that are bound; ``None`` if they are not known yet.
    :param input_artifacts: likewise.
    :param undeclared_is_error: any name that is not declared is one, not only what certainly is a mistake.
        AI Core does not say what it does with such a binding.
    """
    defaults, kinds = signature.parameters, signature.input_artifacts
    needed = [name for name, default in defaults.items() if default is None]
    needed_inputs = [name for name in kinds if name not in signature.optional_inputs]
    sides = (
        _Side("parameter", "parameters", parameters, defaults, needed),
        _Side("input artifact", "input_artifacts", input_artifacts, kinds, needed_inputs),
    )
    return [
        problem
        for side, other in (sides, sides[::-1])
        if side.bound is not None
        for problem in _check_side(side, other, undeclared_is_error=undeclared_is_error)
    ]


def _check_side(side: _Side, other: _Side, *, undeclared_is_error: bool) -> list[Problem]:
    bound = side.bound or ()
    missing = [name for name in side.needed if name not in bound and name not in other.misplaced(side)]
    problems = []
    for name in bound:
        if name in side.declared:
            continue
        meant = closest(name, [each for each in side.declared if each not in bound or _same(each, name)])
        problems.append(_undeclared(name, meant, side, other, missing, is_error=undeclared_is_error))
        if meant in missing:
            missing.remove(meant)
    why = " and has no default" if side.argument == "parameters" else ""
    problems += [
        Problem(f"The {side.what} {name!r} is not bound{why}: give it in `{side.argument}`.")
        for name in missing
    ]
    return problems


def _undeclared(
    name: str, meant: str | None, side: _Side, other: _Side, missing: Collection[str], *, is_error: bool
) -> Problem:
    text = f"The {side.what} {name!r} is not declared by the executable"
    if name in side.misplaced(other):
        return Problem(f"{text} as one, but as {other.what}: give it in `{other.argument}`.")
    if meant is None:
        known = f"It declares {', '.join(map(repr, side.declared))}" if side.declared else "It declares none"
        return Problem(f"{text}. {known}.", is_error)
    if _same(name, meant):
        return Problem(f"{text}; did you mean {meant!r}? A name has to match to the letter, case included.")
    if meant in missing:
        return Problem(f"{text}; did you mean {meant!r}, which is needed and not bound?")
    return Problem(f"{text}; did you mean {meant!r}?", is_error)


def check_outputs(signature: Signature, expected: Collection[str]) -> list[Problem]:
    """Compare the output artifacts that are expected with those that are declared."""
    problems = []
    for name in expected:
        if name in signature.output_artifacts:
            continue
        meant = closest(name, signature.output_artifacts)
        hint = f"; did you mean {meant!r}?" if meant else ", so that it may never be written."
        text = f"The output artifact {name!r} is expected, but not declared by the executable{hint}"
        problems.append(Problem(text, is_error=meant is not None))
    return problems


def closest(name: str, known: Collection[str]) -> str | None:
    """Give the known name that was probably meant."""
    for each in known:
        if _same(each, name):
            return each
    plain = {_plain(each): each for each in known}
    matches = difflib.get_close_matches(_plain(name), plain, n=1)
    return plain[matches[0]] if matches else None


def _same(one: object, other: object) -> bool:
    return str(one).strip().casefold() == str(other).strip().casefold()


def _plain(name: object) -> str:
    return re.sub(r"[\s_.-]", "", str(name)).casefold()


def parameter_value(key: str, value: object) -> str:
    """Turn one value into text.

    Text as it is, ``true``/``false``, numbers as Python writes them, the rest as JSON.

    :raises ValueError: it is ``None``, of another type, or longer than 5000 characters as text.
    """
    what = f"parameter {key!r}"
    if value is None:
        raise ValueError(
            f"{what} is None, but AI Core knows text only. Leave it out to take the executable's default."
        )
    match value:
        case str():
            text = str(value)
        case bool():
            text = "true" if value else "false"
        case int():
            text = int.__repr__(value)
        case float():
            text = float.__repr__(value)
        case dict() | list() | tuple():
            text = _json(what, value)
        case _:
            raise ValueError(
                f"{what} is of type {type(value).__name__}: "
                "give text, a number, a bool, or a dict or list for JSON."
            )
    if len(text) > MAX_VALUE:
        raise ValueError(
            f"{what} has {len(text)} characters, but AI Core takes at most {MAX_VALUE}: {text[:80]!r}…."
        )
    return text


def _json(what: str, value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} cannot be written as JSON: {error}.") from error
