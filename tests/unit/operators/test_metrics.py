"""The gate: what it asks, what it lets pass, and what it says."""

from __future__ import annotations

import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_aicore.api import executions, metrics
from airflow_provider_aicore.exceptions import (
    AICoreInvalidInput,
    AICoreMetricGateClosed,
    AICoreMetricMissing,
)
from airflow_provider_aicore.operators.metrics import AICoreMetricGateOperator


def _gate(**change):
    arguments = {"task_id": "gate", "execution_id": "e0001", "conditions": ["accuracy >= 0.9"]}
    return AICoreMetricGateOperator(**{**arguments, **change})


@pytest.fixture
def trained(configuration_id, client_for_looking):
    """Return what starts an execution and writes metrics for it, and gives its id."""

    def train(**values):
        execution_id = client_for_looking.send(executions.create(configuration_id)).id
        points = [{"name": name, "value": value, "step": 7} for name, value in values.items()]
        client_for_looking.send(metrics.modify(execution_id, metrics=points))
        return execution_id

    return train


def test_a_gate_whose_conditions_all_hold_returns_what_it_saw(trained, context, capfd):
    """The result has each condition with its value; the log has them as a table."""
    execution_id = trained(accuracy=0.95, loss=0.2)

    result = _gate(execution_id=execution_id, conditions=["accuracy >= 0.9", "loss < 0.3"]).execute(context)

    assert result == {
        "passed": True,
        "execution_id": execution_id,
        "baseline_execution_id": None,
        "conditions": [
            {
                "condition": "accuracy >= 0.9",
                "value": 0.95,
                "wanted": 0.9,
                "passed": True,
                "reason": "0.95 (step 7) is >= 0.9",
            },
            {
                "condition": "loss < 0.3",
                "value": 0.2,
                "wanted": 0.3,
                "passed": True,
                "reason": "0.2 (step 7) is < 0.3",
            },
        ],
    }
    assert json.loads(json.dumps(result)) == result
    logged = capfd.readouterr().out
    assert f"Conditions on execution {execution_id}" in logged
    assert "holds          loss < 0.3        0.2 (step 7) is < 0.3" in logged


def test_a_condition_that_does_not_hold_fails_the_task_for_good(trained, context, capfd):
    """The error names execution, condition, value, step and what to do; a retry would see the same."""
    execution_id = trained(accuracy=0.85, loss=0.2)

    with pytest.raises(AICoreMetricGateClosed) as error:
        _gate(execution_id=execution_id, conditions=["accuracy >= 0.9", "loss < 0.3"]).execute(context)

    assert isinstance(error.value, AirflowFailException)
    assert error.value.execution_id == execution_id
    assert str(error.value) == (
        f"Execution {execution_id} does not meet 1 of 2 conditions. 'accuracy >= 0.9': 0.85 (step 7) is not "
        ">= 0.9. Run it again with other parameters or data, or change the condition. The task is not "
        "retried: what was measured stays as it is."
    )
    assert "does not hold  accuracy >= 0.9   0.85 (step 7) is not >= 0.9" in capfd.readouterr().out


def test_a_closed_gate_can_skip_and_still_tells_what_it_saw(trained, context):
    """Airflow takes no result from a task that is skipped, so it is pushed before."""
    execution_id = trained(accuracy=0.85)

    with pytest.raises(AirflowSkipException, match="does not meet 1 of 1 conditions"):
        _gate(execution_id=execution_id, otherwise="skip").execute(context)
    assert context["ti"].xcoms["return_value"]["passed"] is False
    assert context["ti"].xcoms["conditions"][0]["value"] == 0.85


def test_what_a_skipped_gate_saw_is_kept_to_itself_where_that_is_wanted(trained, context):
    """`do_xcom_push=False` holds here too."""
    with pytest.raises(AirflowSkipException):
        _gate(execution_id=trained(accuracy=0.85), otherwise="skip", do_xcom_push=False).execute(context)
    assert context["ti"].xcoms == {}


@pytest.mark.parametrize("otherwise", ["fail", "skip"])
def test_a_missing_metric_fails_the_task_whatever_it_does_otherwise(trained, context, otherwise):
    """A misspelt name must not skip what follows for ever."""
    gate = _gate(execution_id=trained(acuracy=0.95), otherwise=otherwise)

    with pytest.raises(AICoreMetricMissing, match=r"no metric .accuracy.; there are acuracy\. Correct"):
        gate.execute(context)


def test_an_execution_without_metrics_is_said_to_have_none(configuration_id, client_for_looking, context):
    """AI Core answers 404 for it, which is no trouble but an answer."""
    execution_id = client_for_looking.send(executions.create(configuration_id)).id

    with pytest.raises(AICoreMetricMissing, match=f"Execution {execution_id} .* no metrics were written"):
        _gate(execution_id=execution_id).execute(context)


def test_a_missing_metric_can_count_as_a_condition_that_does_not_hold(trained, context):
    """Then `otherwise` says what is done."""
    arguments = {"execution_id": trained(loss=0.2), "on_missing": "not_passed"}

    with pytest.raises(AirflowSkipException, match="no metric 'accuracy'"):
        _gate(otherwise="skip", **arguments).execute(context)
    with pytest.raises(AICoreMetricGateClosed, match="no metric 'accuracy'"):
        _gate(**arguments).execute(context)


def test_a_new_model_is_compared_with_the_one_before(trained, context, network):
    """Both executions are read with one request, and only their metrics."""
    earlier, later = trained(accuracy=0.9), trained(accuracy=0.92)
    arguments = {"execution_id": later, "baseline_execution_id": earlier}
    before = len(network.requests)

    assert _gate(conditions="accuracy > baseline", **arguments).execute(context)["passed"]
    (asked,) = [one for one in network.requests[before:] if one.path.endswith("/lm/metrics")]
    assert asked.query == {"executionIds": f"{later},{earlier}", "$select": "metrics"}

    with pytest.raises(AICoreMetricGateClosed, match=f"0.92 .* is not > 0.95.*; baseline {earlier} has 0.9 "):
        _gate(conditions="accuracy > baseline + 0.05", **arguments).execute(context)


@pytest.mark.parametrize("nothing", [None, "", "None"], ids=["none", "empty", "text"])
def test_the_first_model_has_nothing_to_be_better_than(trained, context, nothing, capfd):
    """Without a baseline conditions on it hold, which is told; a template gives "None" as text."""
    execution_id = trained(accuracy=0.92)
    gate = _gate(
        execution_id=execution_id,
        baseline_execution_id=nothing,
        conditions=["accuracy > baseline", "accuracy > 0.9"],
    )

    result = gate.execute(context)

    assert (result["passed"], result["baseline_execution_id"]) == (True, None)
    assert result["conditions"][0]["reason"] == "0.92 (step 7); there is no baseline"
    assert "no baseline_execution_id" in capfd.readouterr().out


def test_a_baseline_without_metrics_is_no_baseline_missing(
    trained, configuration_id, client_for_looking, context
):
    """An id that leads nowhere is a mistake, not the first model."""
    empty = client_for_looking.send(executions.create(configuration_id)).id
    gate = _gate(
        execution_id=trained(accuracy=0.92), baseline_execution_id=empty, conditions="accuracy > baseline"
    )

    with pytest.raises(AICoreMetricMissing, match=f"baseline {empty}: no metrics were written"):
        gate.execute(context)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"conditions": "accuracy => 0.9"}, "at character 10, one of >=, >, <=, <, ==, != is expected"),
        ({"conditions": ["loss < 1", "accuracy"]}, "'accuracy' is not a condition on a metric"),
        ({"conditions": ["loss < 1", 0.9]}, "conditions has 0.9, but text such as"),
        ({"conditions": []}, r"conditions is \[\], but text such as"),
        ({"otherwise": "stop"}, "otherwise is 'stop', but it is one of fail, skip, branch"),
        ({"on_missing": "skip"}, "on_missing is 'skip', but it is one of fail, not_passed"),
        ({"if_failed": "train_more"}, "if_passed and if_failed need otherwise='branch'"),
        ({"otherwise": "branch"}, "otherwise='branch' needs if_passed or if_failed"),
    ],
)
def test_a_bad_argument_is_refused_when_the_dag_is_read(change, complaint):
    """A condition that cannot be read shows where, before any run."""
    with pytest.raises(AICoreInvalidInput, match=complaint):
        _gate(**change)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"conditions": "accuracy >= {{ x }}"}, "at character 13, a number or 'baseline' is expected"),
        ({"conditions": {"accuracy": 0.9}}, "conditions is {'accuracy': 0.9}, but text such as"),
        ({"execution_id": None}, "execution_id is None: the task that gives it has given none"),
        ({"execution_id": "None"}, "execution_id is 'None': the task"),
        ({"execution_id": "a/b"}, "execution_id is 'a/b'"),
        (
            {"conditions": "loss < baseline", "baseline_execution_id": "a/b"},
            "baseline_execution_id is 'a/b'",
        ),
    ],
)
def test_what_only_a_run_can_know_is_refused_before_anything_is_asked(
    connection, context, network, change, complaint
):
    """Conditions with a template are read when it is filled in."""
    with pytest.raises(AICoreInvalidInput, match=complaint):
        _gate(**change).execute(context)
    assert network.requests == []
