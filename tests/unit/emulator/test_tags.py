"""Tags in texts: what is filled in, what stays, what is refused."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator.argo import WorkflowError
from airflow_provider_aicore.emulator.tags import substitute, tag_name


def test_tags_are_filled_in():
    """Every tag with a value is replaced, with or without blanks in the braces."""
    values = {"inputs.parameters.epochs": "20", "workflow.name": "e1"}
    text = "--epochs={{inputs.parameters.epochs}} {{ workflow.name }}"
    assert substitute(text, values) == "--epochs=20 e1"


def test_values_are_not_filled_in_again():
    """A value that looks like a tag stays as it is."""
    values = {"inputs.parameters.a": "{{inputs.parameters.b}}", "inputs.parameters.b": "secret"}
    assert substitute("{{inputs.parameters.a}}", values) == "{{inputs.parameters.b}}"


def test_tag_without_a_value_is_refused():
    """One of Argo's tags that has no value is an error that names it and what there is."""
    with pytest.raises(WorkflowError, match=r"inputs\.parameters\.epoch\b.*inputs\.parameters\.epochs"):
        substitute("{{inputs.parameters.epoch}}", {"inputs.parameters.epochs": "1"})


def test_braces_of_others_stay():
    """A program's own double braces are none of Argo's business."""
    assert substitute("{{ name }}: {{x|y}}", {}) == "{{ name }}: {{x|y}}"


def test_from_has_to_be_one_tag():
    """``from`` of an artifact is a tag and nothing else."""
    assert tag_name("{{steps.a.outputs.artifacts.b}}") == "steps.a.outputs.artifacts.b"
    with pytest.raises(WorkflowError):
        tag_name("/tmp/{{steps.a.outputs.artifacts.b}}")


@pytest.mark.parametrize(
    "tag", ["{{pod.name}}", "{{node.name}}", "{{retries}}", "{{lastRetry.status}}", "{{=1 + 1}}"]
)
def test_tags_that_argo_fills_and_that_have_no_value_are_refused(tag):
    """A tag that would stay as it is, other than on AI Core, is refused by name."""
    with pytest.raises(WorkflowError) as refusal:
        substitute(f"a {tag}", {})
    assert tag in str(refusal.value)
