"""What becomes of a condition with an execution's metrics."""

from __future__ import annotations

import math

import pytest

from airflow_provider_aicore.api.metric_verdicts import judge
from airflow_provider_aicore.api.models import ExecutionMetrics, Metric, MetricLabel
from airflow_provider_aicore.metric_conditions import read


def _tracked(*points, execution_id="e0001"):
    """Return metrics; a point is name, value, step and labels."""
    metrics = [
        Metric(
            name=name,
            value=value,
            step=step,
            labels=[MetricLabel(name=key, value=text) for key, text in labels.items()],
        )
        for name, value, step, labels in points
    ]
    return ExecutionMetrics(execution_id=execution_id, metrics=metrics)


CURVE = _tracked(
    ("loss", 0.9, 1, {}), ("loss", 0.2, 2, {}), ("loss", 0.4, 3, {}), ("accuracy", 0.8, None, {})
)
SPLIT = _tracked(
    ("accuracy", 0.99, 1, {"split": "train"}),
    ("accuracy", 0.91, 1, {"split": "test", "fold": "1"}),
    ("accuracy", 0.93, 1, {"split": "test", "fold": "2"}),
    ("f1", 0.7, 1, {"artifact": "model"}),
    ("recall", 0.5, 1, {}),
    ("recall", 0.6, 1, {"split": "train"}),
)


@pytest.mark.parametrize(
    ("tracked", "text", "value", "passed"),
    [
        (CURVE, "loss < 0.5", 0.4, True),
        (CURVE, "loss <= 0.4", 0.4, True),
        (CURVE, "loss < 0.4", 0.4, False),
        (CURVE, "loss == 0.4", 0.4, True),
        (CURVE, "loss != 0.4", 0.4, False),
        (CURVE, "min(loss) < 0.3", 0.2, True),
        (CURVE, "best(loss) < 0.3", 0.2, True),
        (CURVE, "max(loss) < 0.3", 0.9, False),
        (CURVE, "loss@1 > 0.5", 0.9, True),
        (CURVE, "accuracy >= 0.9", 0.8, False),
        (SPLIT, "accuracy{split=train} > 0.9", 0.99, True),
        (SPLIT, "accuracy{fold=2} > 0.92", 0.93, True),
        (SPLIT, "min(accuracy{*}) >= 0.9", 0.91, True),
        (SPLIT, "f1 > 0.5", 0.7, True),
        (SPLIT, "recall > 0.4", 0.5, True),
    ],
)
def test_a_condition_is_judged_by_the_value_it_names(tracked, text, value, passed):
    """Of several values that are meant the statistic chooses; points without labels go before those with."""
    verdict = judge(read(text), tracked, None)

    assert (verdict.value, verdict.passed, verdict.is_missing) == (value, passed, False)


@pytest.mark.parametrize(
    ("tracked", "text", "reason"),
    [
        (_tracked(), "loss < 1", "no metrics were written, or the execution is not in this resource group"),
        (CURVE, "los < 1", "no metric 'los'; there are accuracy, loss"),
        (CURVE, "loss@4 < 1", "no value of 'loss' at step 4; the steps are 1 to 3"),
        (CURVE, "accuracy@0 < 1", "no value of 'accuracy' at step 0; it has no steps"),
        (CURVE, "loss{split=test} < 1", "no 'loss' with {split=test}; there are {}"),
        (SPLIT, "f1{artifact=a} < 1", "no 'f1' with {artifact=a}; there are {artifact=model}"),
        (
            SPLIT,
            "max(accuracy{split=test}) > 0",
            (
                "'accuracy' has values with different labels: {fold=1, split=test}, {fold=2, split=test}; "
                "say which, or write accuracy{*} for all of them"
            ),
        ),
    ],
)
def test_what_is_not_there_cannot_be_judged(tracked, text, reason):
    """No metrics, another name, step or labels, or several kinds of labels: the reason says what there is."""
    verdict = judge(read(text), tracked, None)

    assert (verdict.passed, verdict.is_missing, verdict.value) == (False, True, None)
    assert verdict.reason == reason


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("text", ["a >= 0", "a < 1", "a != 1", "max(a) > 0", "min(a) < 1", "a > baseline"])
def test_what_is_no_finite_number_meets_no_condition(text, value):
    """A loss that has become NaN is not unequal to 1, and an infinite accuracy is not good."""
    verdict = judge(read(text), _tracked(("a", value, None, {})), None)

    assert (verdict.passed, verdict.is_missing, verdict.value) == (False, False, None)
    assert verdict.reason == f"{value} is no finite number"


@pytest.mark.parametrize("order", [1, -1])
def test_one_nan_spoils_what_is_chosen_of_many(order):
    """Whether Python's max() sees a NaN depends on the order of the values."""
    none: dict[str, str] = {}
    points = [("a", math.nan, 1, none), ("a", 0.5, 2, none)][::order]

    for text in ("max(a) > 0", "min(a) > 0"):
        assert judge(read(text), _tracked(*points), None).reason == "nan (step 1) is no finite number"


@pytest.mark.parametrize(
    ("text", "passed", "wanted"),
    [
        ("loss < baseline", False, 0.4),
        ("loss <= baseline", True, 0.4),
        ("loss <= 1.05 * baseline", True, 1.05 * 0.4),
        ("loss < baseline + 0.01", True, 0.41000000000000003),
        ("loss < baseline - 0.01", False, 0.39),
        ("min(loss) < baseline", False, 0.1),
        ("loss@1 < baseline", True, 1.0),
    ],
)
def test_a_baseline_is_asked_for_the_same_quantity(text, passed, wanted):
    """A tie does not beat it; statistic and step are those of the condition."""
    baseline = _tracked(
        ("loss", 1.0, 1, {}), ("loss", 0.1, 2, {}), ("loss", 0.4, 3, {}), execution_id="e0000"
    )

    verdict = judge(read(text), CURVE, baseline)

    assert (verdict.passed, verdict.wanted) == (passed, wanted)
    assert "; baseline e0000 has" in verdict.reason


def test_without_a_baseline_there_is_nothing_to_be_better_than():
    """The first model passes, if only it has been measured."""
    assert judge(read("loss < baseline"), CURVE, None).passed
    assert judge(read("los < baseline"), CURVE, None).is_missing


def test_a_baseline_without_the_metric_is_missing_like_any_other():
    """It is not taken for no baseline."""
    verdict = judge(read("loss < baseline"), CURVE, _tracked(("f1", 1.0, None, {}), execution_id="e0000"))

    assert (verdict.passed, verdict.is_missing, verdict.value) == (False, True, 0.4)
    assert verdict.reason == "baseline e0000: no metric 'loss'; there are f1"


def test_a_baseline_of_nan_is_not_beaten():
    """Nothing can be better or worse than NaN."""
    verdict = judge(read("loss < baseline"), CURVE, _tracked(("loss", math.nan, 7, {}), execution_id="e0000"))

    assert (verdict.passed, verdict.is_missing, verdict.wanted) == (False, False, None)
    assert verdict.reason == "0.4 (step 3) cannot be compared with nan; baseline e0000 has nan (step 7)"


def test_the_reason_says_what_was_measured_where():
    """Value, step, labels and what was wanted."""
    verdict = judge(read("accuracy{split=train} < 0.9"), SPLIT, None)

    assert verdict.reason == "0.99 (step 1, {split=train}) is not < 0.9"
    assert verdict.as_dict() == {
        "condition": "accuracy{split=train} < 0.9",
        "value": 0.99,
        "wanted": 0.9,
        "passed": False,
        "reason": verdict.reason,
    }
