"""Conditions on metrics, such as ``accuracy >= 0.9``: how they are written, and how they are read.

::

    condition  = quantity comparison bound
    quantity   = measured | measured "@" step | ("last" | "min" | "max" | "best") "(" measured ")"
    measured   = metric [ "{" label "=" value { "," label "=" value } "}" | "{" "*" "}" ]
    comparison = ">=" | ">" | "<=" | "<" | "==" | "!="
    bound      = number | [ number "*" ] "baseline" [ ( "+" | "-" ) number ]

Metrics, labels and their values stand in quotes where they have spaces or signs of the above. The client is
not loaded for it: each parse of a DAG file checks its conditions.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

Statistic: TypeAlias = Literal["last", "min", "max"]
Comparison: TypeAlias = Literal[">=", ">", "<=", "<", "==", "!="]

_STATISTICS = ("last", "min", "max", "best")
_WORD = r"""[^\s(){}@*,=<>!"']+|"[^"]+"|'[^']+'"""
_FUNCTION = r"([\w-]+)\s*\("
_COMPARISON = r">=|<=|==|!=|>|<"
_UNSIGNED = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.%])"
_NUMBER = rf"[+-]?{_UNSIGNED}"
_BASELINE = r"baseline(?![\w.])"


class UnreadableConditionError(ValueError):
    """Text that is no condition; the message shows where."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Which of an execution's values a condition looks at.

    :param statistic: which of several.
    :param step: only what was measured at this step, any if not given.
    :param labels: only what was measured with these; ``None``: whatever the labels are.
    """

    metric: str
    statistic: Statistic = "last"
    step: int | None = None
    labels: Mapping[str, str] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bound:
    """What the quantity is compared with: a number, or so many times the baseline's plus a number."""

    number: float
    times_baseline: float | None = None

    def value(self, baseline: float) -> float:
        """Return it for a value of the baseline."""
        if self.times_baseline is None:
            return self.number
        return self.times_baseline * baseline + self.number


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, and the text that it was read from."""

    text: str
    quantity: Quantity
    comparison: Comparison
    bound: Bound

    @property
    def needs_baseline(self) -> bool:
        """Whether it speaks of another execution."""
        return self.bound.times_baseline is not None


def read(text: str) -> Condition:
    """Read a condition.

    :raises UnreadableConditionError: it is none; the message shows where.
    """
    scanner = _Scanner(text)
    function = scanner.one_of(_FUNCTION, _STATISTICS)
    metric, labels = scanner.word("the name of a metric"), _labels(scanner)
    step = None
    if function:
        scanner.need(r"\)", "a closing parenthesis")
    elif scanner.take("@"):
        step = int(scanner.need(r"\d+(?![\w.])", "a step, which is a whole number from 0,")[0])
    comparison = scanner.need(_COMPARISON, "one of >=, >, <=, <, ==, !=")[0]
    if function == "best" and comparison in {"==", "!="}:
        raise scanner.error("one of >=, >, <=, <, which say what is best,", scanner.at - len(comparison))
    bound = _bound(scanner)
    scanner.need(r"$", "the end (give several conditions as a list)")
    statistic = function or "last"
    if statistic == "best":
        statistic = "max" if comparison.startswith(">") else "min"
    quantity = Quantity(metric, cast("Statistic", statistic), step, labels)
    return Condition(text.strip(), quantity, cast("Comparison", comparison), bound)


def _labels(scanner: _Scanner) -> dict[str, str] | None:
    if not scanner.take(r"\{"):
        return {}
    if scanner.take(r"\*"):
        scanner.need(r"\}", "a closing brace")
        return None
    labels: dict[str, str] = {}
    while not labels or scanner.take(","):
        name = scanner.word("a label's name, or * for any labels,")
        scanner.need("=", "an equals sign")
        labels[name] = scanner.word("the label's value")
    scanner.need(r"\}", "a comma or a closing brace")
    return labels


def _bound(scanner: _Scanner) -> Bound:
    times = 1.0
    if scanner.take(f"(?={_NUMBER})"):
        times = scanner.number(_NUMBER)
        if not scanner.take(r"\*"):
            return Bound(times)
        scanner.need(f"(?={_BASELINE})", "'baseline'")
    scanner.need(_BASELINE, "a number or 'baseline'")
    sign = scanner.take(r"[+-]")
    offset = scanner.number(_UNSIGNED) if sign else 0.0
    return Bound(-offset if sign and sign[0] == "-" else offset, times)


class _Scanner:
    """Goes through a text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def take(self, pattern: str) -> re.Match[str] | None:
        """Go on behind what comes next, spaces left out, if it is this."""
        while self.at < len(self._text) and self._text[self.at].isspace():
            self.at += 1
        found = re.compile(pattern).match(self._text, self.at)
        if found:
            self.at = found.end()
        return found

    def need(self, pattern: str, expected: str) -> re.Match[str]:
        """Go on behind what comes next, which has to be this."""
        found = self.take(pattern)
        if found is None:
            raise self.error(expected)
        return found

    def one_of(self, pattern: str, known: tuple[str, ...]) -> str | None:
        """Take a pattern's group, if it comes next; then it has to be one of these."""
        found = self.take(pattern)
        if found and found[1] not in known:
            raise self.error(f"one of {', '.join(known)} before a parenthesis", found.start())
        return found and found[1]

    def word(self, expected: str) -> str:
        """Take a name or a value, without its quotes."""
        word = self.need(_WORD, expected)[0]
        return word[1:-1] if word[0] in "\"'" else word

    def number(self, pattern: str) -> float:
        """Take a number."""
        found = self.need(pattern, "a number")
        value = float(found[0])
        if not math.isfinite(value):
            raise self.error("a number that a computer can hold", found.start())
        return value

    def error(self, expected: str, at: int | None = None) -> UnreadableConditionError:
        """Make the error that says what is expected where."""
        at = self.at if at is None else at
        return UnreadableConditionError(
            f"{self._text!r} is not a condition on a metric: "
            f"at character {at + 1}, {expected} is expected.\n"
            f"    {self._text}\n    {' ' * at}^\n"
            "Such are: accuracy >= 0.9, max(accuracy{split=test}) > baseline + 0.01, loss@40 < 2 * baseline."
        )
