"""The URLs of links, and when a task has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred, XCom

from airflow_provider_aicore.emulator import Progress
from airflow_provider_aicore.exceptions import AICoreExecutionFailed
from airflow_provider_aicore.links.aicore import (
    AICoreConfigurationLink,
    AICoreExecutionLink,
    check_template,
    launchpad_url,
)
from airflow_provider_aicore.operators.configuration import AICoreCreateConfigurationOperator
from airflow_provider_aicore.operators.execution import (
    AICoreRunExecutableOperator,
    AICoreStartExecutionOperator,
)
from airflow_provider_aicore.sensors.aicore import AICoreExecutionSensor
from tests.deferral import run_to_the_end

EXECUTION, CONFIGURATION = AICoreExecutionLink(), AICoreConfigurationLink()
TEMPLATE = "https://l.test/#/{resource_group}/{scenario_id}?c={configuration_id}&e={execution_id}"
WITH_ALL: dict[str, Any] = {
    "scenario_id": "text-clf",
    "executable_id": "text-clf-train",
    "parameters": {"learning-rate": 1},
}


@pytest.fixture
def with_template(connection, network, monkeypatch):
    """Return a setter of the connection's template."""

    def set_template(template):
        extra = {"secret_service_key": network.service_key, "launchpad_url_template": template}
        monkeypatch.setenv("AIRFLOW_CONN_AICORE_DEFAULT", json.dumps({"conn_type": "aicore", "extra": extra}))

    return set_template


@pytest.fixture
def shown(context, monkeypatch):
    """Return what the link shows once a part of the task has ended, as Airflow's worker asks for it."""
    monkeypatch.setattr(XCom, "get_value", lambda *, ti_key, key: ti_key.xcoms.get(key))

    return lambda operator, link=EXECUTION: link.get_link(operator, ti_key=context["ti"])


def test_values_are_quoted_in_a_url():
    """A name is one part of a path or one value of a query, whatever it holds."""
    url = launchpad_url(
        "https://l.test/{scenario_id}?g={resource_group}", scenario_id="a/b", resource_group="&"
    )

    assert url == "https://l.test/a%2Fb?g=%26"


def test_what_is_not_known_leaves_no_link():
    """A button that leads to half a URL is worse than none."""
    assert launchpad_url("https://l.test/{execution_id}", execution_id=None, resource_group="default") is None
    assert launchpad_url(None, execution_id="e1") is None
    assert launchpad_url("", execution_id="e1") is None


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("https://l.test/{execution}", r"\{execution\} is unknown"),
        ("https://l.test/{}", r"\{\} is unknown"),
        ("https://l.test/{execution_id.__class__}", "is unknown"),
        ("https://l.test/{execution_id!r}", "more than a name"),
        ("https://l.test/{execution_id:>90}", "more than a name"),
        ("https://l.test/{execution_id", "of no use"),
        ("javascript:alert({execution_id})", r"no http\(s\) URL"),
        ("/aic/{execution_id}", r"no http\(s\) URL"),
        ("https:///{execution_id}", r"no http\(s\) URL"),
        ("https://me:secret@l.test/{execution_id}", "a user"),
        ("https://l.test/ {execution_id}", "white space"),
        (["https://l.test"], "of type list"),
    ],
)
def test_a_template_of_no_use_is_refused(template, why):
    """The error says why, what may stand there, and nothing that may be secret."""
    with pytest.raises(ValueError, match=why) as refused:
        check_template(template)
    assert "{configuration_id}" in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_a_brace_is_written_twice():
    """Some pages have braces in their URL."""
    assert launchpad_url("https://l.test/{{x}}/{execution_id}", execution_id="e1") == "https://l.test/{x}/e1"


def test_a_task_has_its_link_before_it_waits(with_template, context, shown, capfd):
    """It works while the task runs or is deferred, and after a SIGKILL, and is in the log."""
    with_template(TEMPLATE)
    operator = AICoreRunExecutableOperator(task_id="train", deferrable=True, **WITH_ALL)

    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)

    execution_id = deferred.value.trigger.execution_id
    url = context["ti"].xcoms[EXECUTION.xcom_key]
    assert url.startswith("https://l.test/#/default/text-clf?c=")
    assert url.endswith(f"&e={execution_id}")
    assert f" {url}" in capfd.readouterr().out
    assert shown(AICoreRunExecutableOperator(task_id="train", **WITH_ALL)) == url


def test_a_given_configuration_has_the_same_link(with_template, context, configuration_id, network, shown):
    """Its scenario is read from it."""
    with_template(TEMPLATE)
    network.script("text-clf-train", Progress.at_once("COMPLETED"))
    operator = AICoreStartExecutionOperator(
        task_id="train", configuration_id=configuration_id, wait_for_completion=False
    )

    execution_id = operator.execute(context)["id"]

    expected = f"https://l.test/#/default/text-clf?c={configuration_id}&e={execution_id}"
    assert context["ti"].xcoms[EXECUTION.xcom_key] == shown(operator) == expected


def test_a_failure_names_the_link(with_template, context, network):
    """Whoever reads the failure needs not look for the button."""
    with_template("https://l.test/{execution_id}")
    network.script("text-clf-train", Progress.at_once("DEAD"))
    operator = AICoreRunExecutableOperator(task_id="train", deferrable=True, **WITH_ALL)

    with pytest.raises(AICoreExecutionFailed) as failed:
        run_to_the_end(operator, context)

    assert f"https://l.test/{failed.value.execution_id}" in str(failed.value)


def test_a_sensor_has_its_link_before_it_waits_or_else_at_its_end(
    with_template, context, configuration_id, network, client_for_looking, shown
):
    """Of what others have started it knows scenario and configuration no sooner than it has looked."""
    from airflow_provider_aicore.api import executions

    execution_id = client_for_looking.send(executions.create(configuration_id)).id
    sensor = AICoreExecutionSensor(task_id="wait", execution_id=execution_id, deferrable=True)

    with_template("https://l.test/{execution_id}")
    with pytest.raises(TaskDeferred):
        sensor.execute(context)
    assert shown(sensor) == f"https://l.test/{execution_id}"

    context["ti"].xcoms.clear()
    with_template(TEMPLATE)
    with pytest.raises(TaskDeferred):
        sensor.execute(context)
    assert EXECUTION.xcom_key not in context["ti"].xcoms


def test_a_configuration_has_a_link_of_its_own(with_template, context, shown):
    """As far as the template names nothing that it has not."""
    with_template("https://l.test/{resource_group}/{scenario_id}/{configuration_id}")
    operator = AICoreCreateConfigurationOperator(task_id="configure", name="train", **WITH_ALL)

    configuration_id = operator.execute(context)["id"]

    assert shown(operator, CONFIGURATION) == f"https://l.test/default/text-clf/{configuration_id}"


@pytest.mark.parametrize("template", [None, "https://l.test/{nothing}"], ids=["none", "bad"])
def test_without_a_good_template_a_task_only_has_no_link(with_template, context, network, shown, template):
    """No task fails for its link; Airflow shows no button for an empty one."""
    with_template(template)
    network.script("text-clf-train", Progress.at_once("COMPLETED"))
    operator = AICoreRunExecutableOperator(task_id="train", **WITH_ALL)

    assert operator.execute(context)["status"] == "COMPLETED"

    assert EXECUTION.xcom_key not in context["ti"].xcoms
    assert shown(operator) == ""


def test_airflow_is_not_asked_for_a_url_that_nobody_can_have_pushed(
    connection, context, network, monkeypatch
):
    """It logs an error for each XCom that is not there, which would be one for each task."""
    asked = []
    monkeypatch.setattr(XCom, "get_value", lambda **what: asked.append(what))
    network.script("text-clf-train", Progress.at_once("COMPLETED"))
    operator = AICoreRunExecutableOperator(task_id="train", **WITH_ALL)
    operator.execute(context)

    assert EXECUTION.get_link(operator, ti_key=context["ti"]) == ""
    assert asked == []


def test_a_link_that_airflow_does_not_take_is_only_told(with_template, context, network, monkeypatch, capfd):
    """The execution runs already, and its id is known."""

    def refuse(key, value):
        if key == EXECUTION.xcom_key:
            raise ConnectionError("no server")

    with_template("https://l.test/{execution_id}")
    monkeypatch.setattr(context["ti"], "xcom_push", refuse)
    network.script("text-clf-train", Progress.at_once("COMPLETED"))

    assert AICoreRunExecutableOperator(task_id="train", **WITH_ALL).execute(context)["status"] == "COMPLETED"
    assert "no server" in capfd.readouterr().out
