"""Conditions of ``when``."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator.argo import WorkflowError
from airflow_provider_aicore.emulator.expressions import check, is_true


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("heads == heads", True),
        ("heads == tails", False),
        ("heads != 'tails'", True),
        ("\"two words\" == 'two words'", True),
        ("10 > 9", True),
        ("-1.5 <= -1.5", True),
        ("2 < 1", False),
        ("2 >= 3", False),
        ("'10' > '9'", False),
        ("4 == '4'", False),
        ("true", True),
        ("!(true == false)", True),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("a == a && 1 == 1 || false", True),
    ],
)
def test_conditions(text, expected):
    """Words, numbers and truth values are compared and joined as in Argo."""
    assert is_true(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "== heads",
        "heads",
        "1 == 1 1",
        "(1 == 1",
        "a-b == c",
        "1 < a",
        "1 == 1 && a",
        "a =~ b",
        "1 in (1)",
    ],
)
def test_what_is_no_condition_is_refused(text):
    """An empty value without quotes, a lone word, and operators that are not known are errors."""
    with pytest.raises(WorkflowError, match="when: "):
        is_true(text)


def test_form_is_checked_without_values():
    """A condition with tags is checked before there are values for them."""
    check("{{steps.a.outputs.result}} > 5 && '{{item}}' != x || {{inputs.parameters.fast}}")
    with pytest.raises(WorkflowError):
        check("{{steps.a.outputs.result}} = 5")
