"""Conditions of ``when``: comparisons of words and numbers, with ``&&``, ``||``, ``!`` and parentheses.

As in Argo a word needs no quotes, ``4 == "4"`` is false, and what is less than what is asked only of two
numbers or two words.
"""

import operator
import re
from collections.abc import Callable
from typing import Any, NoReturn

from airflow_provider_aicore.emulator.argo import WorkflowError
from airflow_provider_aicore.emulator.tags import TAG

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d+)?)(?![\w.-])
          |(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
          |(?P<word>[A-Za-z_][\w.]*)(?![\w.-])
          |(?P<sign>==|!=|<=|>=|&&|\|\||[<>()!])(?!=))""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, other: type(one) is type(other) and one == other,
    "!=": lambda one, other: type(one) is not type(other) or one != other,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def is_true(text: str) -> bool:
    """Evaluate a condition whose tags have been filled in.

    :raises WorkflowError: it is no condition, or compares what cannot be compared.
    """
    condition = _Condition(text)
    value = condition.alternatives()
    if condition.tokens:
        condition.refuse()
    return condition.truth(value)


def check(text: str) -> None:
    """Look whether a condition is one, whatever the values of its tags.

    :raises WorkflowError: it is none.
    """
    condition = _Condition(text, form_only=True)
    condition.alternatives()
    if condition.tokens:
        condition.refuse()


class _Condition:
    """A reader of one condition, from the loosest operator to the tightest.

    :param form_only: whether values are taken as they come, and tags as values.
    """

    def __init__(self, text: str, *, form_only: bool = False) -> None:
        self.text, self.form_only = text, form_only
        self.tokens = _tokens(TAG.sub("0", text) if form_only else text)

    def refuse(self) -> NoReturn:
        """Say that this is no condition."""
        raise _refusal(self.text)

    @property
    def sign(self) -> str | None:
        """The operator or parenthesis that comes next, None for a value or the end."""
        return self.tokens[0][1] if self.tokens and self.tokens[0][0] == "sign" else None

    def alternatives(self) -> Any:
        """Evaluate all up to the end, or to a parenthesis that closes."""
        value = self._all()
        while self.sign == "||":
            self.tokens.pop(0)
            value = self.truth(self._all()) or self.truth(value)
        return value

    def _all(self) -> Any:
        value = self._comparison()
        while self.sign == "&&":
            self.tokens.pop(0)
            value = self.truth(self._comparison()) and self.truth(value)
        return value

    def _comparison(self) -> Any:
        one = self._single()
        if self.sign not in _COMPARISONS:
            return one
        sign = self.tokens.pop(0)[1]
        other = self._single()
        if self.form_only:
            return True
        if sign not in {"==", "!="} and (type(one) is not type(other) or isinstance(one, bool)):
            self.refuse()
        return _COMPARISONS[sign](one, other)

    def _single(self) -> Any:
        if not self.tokens:
            self.refuse()
        kind, text = self.tokens.pop(0)
        if kind == "number":
            return float(text)
        if kind == "quoted":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "word":
            return {"true": True, "false": False}.get(text, text)
        if text == "!":
            return not self.truth(self._single())
        if text != "(":
            self.refuse()
        value = self.alternatives()
        if self.sign != ")":
            self.refuse()
        self.tokens.pop(0)
        return value

    def truth(self, value: Any) -> bool:
        """Give *value* if it is one of true and false."""
        if self.form_only:
            return True
        if not isinstance(value, bool):
            self.refuse()
        return value


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _refusal(text)
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


def _refusal(text: str) -> WorkflowError:
    return WorkflowError(
        f"when: {text!r} cannot be evaluated: compare words or numbers with ==, !=, <, >, <=, >=, join with "
        "&&, || and !, and put quotes around what holds blanks or hyphens or may be empty"
    )
