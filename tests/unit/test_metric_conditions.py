"""How a condition on metrics is read."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.metric_conditions import Bound, Quantity, UnreadableConditionError, read


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("accuracy >= 0", Quantity("accuracy")),
        ("  accuracy>=0  ", Quantity("accuracy")),
        ("val-loss/x.y >= 0", Quantity("val-loss/x.y")),
        ("'Error Rate' >= 0", Quantity("Error Rate")),
        ('"a >= b" >= 0', Quantity("a >= b")),
        ("max >= 0", Quantity("max")),
        ("last(loss) >= 0", Quantity("loss")),
        ("max(loss) >= 0", Quantity("loss", "max")),
        ("min ( loss{split=test} ) >= 0", Quantity("loss", "min", labels={"split": "test"})),
        ("best(loss) >= 0", Quantity("loss", "max")),
        ("best(loss) > 0", Quantity("loss", "max")),
        ("best(loss) <= 0", Quantity("loss", "min")),
        ("best(loss) < 0", Quantity("loss", "min")),
        ("loss@40 >= 0", Quantity("loss", step=40)),
        ("loss {*} @ 0 >= 0", Quantity("loss", step=0, labels=None)),
        ("loss{a=1, 'b c'=\"d,e\"} >= 0", Quantity("loss", labels={"a": "1", "b c": "d,e"})),
        (
            "loss{metrics.ai.sap.com/Artifact.name=m} >= 0",
            Quantity("loss", labels={"metrics.ai.sap.com/Artifact.name": "m"}),
        ),
    ],
)
def test_the_left_side_says_which_value(text, quantity):
    """A metric, the last, smallest, largest or best of its values, at a step, with labels."""
    condition = read(text)

    assert condition.quantity == quantity
    assert condition.text == text.strip()


@pytest.mark.parametrize(
    ("text", "comparison", "bound"),
    [
        ("loss < -1.5e-3", "<", Bound(-0.0015)),
        ("loss<+.5", "<", Bound(0.5)),
        ("loss <= 3.", "<=", Bound(3.0)),
        ("loss == baseline", "==", Bound(0.0, 1.0)),
        ("loss != baseline+0.01", "!=", Bound(0.01, 1.0)),
        ("loss > baseline - 1", ">", Bound(-1.0, 1.0)),
        ("loss >= 1.05*baseline", ">=", Bound(0.0, 1.05)),
        ("loss >= -2 * baseline - 1e2", ">=", Bound(-100.0, -2.0)),
    ],
)
def test_the_right_side_is_a_number_or_made_of_the_baseline(text, comparison, bound):
    """A number, or a number times the baseline plus or minus a number."""
    condition = read(text)

    assert (condition.comparison, condition.bound) == (comparison, bound)
    assert condition.needs_baseline is ("baseline" in text)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("", 1, "the name of a metric"),
        ("accuracy", 9, "one of >=, >, <=, <, ==, !="),
        ("accuracy => 0.9", 10, "one of >="),
        ("accuracy = 0.9", 10, "one of >="),
        ("error rate > 0.9", 7, "one of >="),
        ("mean(loss) > 1", 1, "one of last, min, max, best before a parenthesis"),
        ("max() > 1", 5, "the name of a metric"),
        ("max(loss@3) > 1", 9, "a closing parenthesis"),
        ("loss@x > 1", 6, "a step"),
        ("loss@1.5 > 1", 6, "a step"),
        ("loss@-1 > 1", 6, "a step"),
        ("loss{} > 1", 6, "a label's name"),
        ("loss{split} > 1", 11, "an equals sign"),
        ("loss{split=} > 1", 12, "the label's value"),
        ("loss{split=a > 1", 14, "a comma or a closing brace"),
        ("loss{*, a=b} > 1", 7, "a closing brace"),
        ("best(loss) == 1", 12, "one of >=, >, <=, <, which say what is best"),
        ("loss >", 7, "a number or 'baseline'"),
        ("loss > 90%", 8, "a number or 'baseline'"),
        ("loss > nan", 8, "a number or 'baseline'"),
        ("loss > 0x10", 8, "a number or 'baseline'"),
        ("loss > 1e999", 8, "a number that a computer can hold"),
        ("loss > baselines", 8, "a number or 'baseline'"),
        ("loss > 2 * 3", 12, "'baseline'"),
        ("loss > baseline + x", 19, "a number"),
        ("loss > baseline * 2", 17, "the end"),
        ("loss > 0.9 and accuracy > 1", 12, "the end (give several conditions as a list)"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_place(text, place, expected):
    """The message names what is expected, and shows where."""
    with pytest.raises(UnreadableConditionError) as error:
        read(text)

    message = str(error.value).splitlines()
    assert f"at character {place}, {expected}" in message[0]
    assert message[1:3] == [f"    {text}", f"    {' ' * (place - 1)}^"]
