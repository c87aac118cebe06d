"""What OpenLineage is told of executions."""

from __future__ import annotations

import copy
import sys
from types import ModuleType, SimpleNamespace

import attrs
import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_aicore.api import artifacts, executions
from airflow_provider_aicore.emulator import Progress, server_error
from airflow_provider_aicore.exceptions import AICoreExecutionFailed
from airflow_provider_aicore.operators.execution import AICoreRunExecutableOperator
from tests.deferral import first_event

OF_S3 = {"name": "default", "type": "S3", "bucket": "models", "pathPrefix": "p", "data": {}}


@attrs.define
class RunFacet:
    """Stands for OpenLineage's."""


@pytest.fixture
def openlineage(monkeypatch):
    """Stand in for the provider of OpenLineage and its client, and return what can be set of them."""
    conf = SimpleNamespace(is_disabled=lambda: False)
    provider = ModuleType("airflow.providers.openlineage")
    vars(provider)["conf"] = conf
    facet = SimpleNamespace(
        Dataset=SimpleNamespace,
        Identifier=SimpleNamespace,
        SymlinksDatasetFacet=SimpleNamespace,
        RunFacet=RunFacet,
    )
    for name, module in {
        "airflow.providers.openlineage": provider,
        "airflow.providers.openlineage.conf": conf,
        "airflow.providers.openlineage.extractors": SimpleNamespace(OperatorLineage=SimpleNamespace),
        "airflow.providers.common.compat.openlineage.facet": facet,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    return conf


@pytest.fixture
def operator(connection, client_for_looking, network, api):
    """Return an operator whose execution reads an artifact and writes one, in a store that is known."""
    api.post(f"{network.url}/v2/admin/objectStoreSecrets", json=OF_S3).raise_for_status()
    creation = artifacts.create(
        name="texts", kind="dataset", url="ai://default/texts", scenario_id="text-clf"
    )
    texts = client_for_looking.send(creation).id
    network.script("text-clf-train", Progress.by_clock(unknown=0, pending=5, running=60))
    return AICoreRunExecutableOperator(
        task_id="train",
        scenario_id="text-clf",
        executable_id="text-clf-train",
        parameters={"learning-rate": 0.1},
        input_artifacts={"text-data": texts},
        deferrable=True,
    )


def _ended(operator, context):
    """Run a task to its end and return the operator of its last part, as Airflow has it then."""
    with pytest.raises(TaskDeferred) as deferred:
        copy.copy(operator).execute(context)
    last = copy.copy(operator)
    last.execute_complete(context, first_event(deferred.value.trigger.serialize()[1]))
    return last


def test_a_deferred_task_tells_what_its_execution_has_read_and_written(operator, openlineage, context):
    """Files have the names of their places; what is an asset as well has that name beside."""
    told = _ended(operator, context).get_openlineage_facets_on_complete(context["ti"])

    (read,) = told.inputs
    assert (read.namespace, read.name, read.facets) == ("s3://models", "p/texts", {})
    (written,) = told.outputs
    execution_id = context["ti"].xcoms["execution_id"]
    assert (written.namespace, written.name) == ("s3://models", f"p/{execution_id}/text-model")
    (also,) = written.facets["symlinks"].identifiers
    assert (also.namespace, also.name) == ("aicore://default", "text-clf/text-model")


def test_the_run_has_a_facet_of_its_own(operator, openlineage, context):
    """Whoever follows a data set to its run finds the execution, and how it went."""
    last = _ended(operator, context)

    facet = last.get_openlineage_facets_on_complete(context["ti"]).run_facets["aicore_execution"]

    assert isinstance(facet, RunFacet)
    result = last.outcome
    assert attrs.asdict(facet) == {
        "executionId": result["id"],
        "status": "COMPLETED",
        "configurationId": result["configuration_id"],
        "configurationName": result["configuration_name"],
        "scenarioId": "text-clf",
        "executableId": "text-clf-train",
        "resourceGroup": "default",
        "queueSeconds": 5.0,
        "runSeconds": 60.0,
        "metrics": result["metrics"],
    }


def test_an_output_that_is_late_is_told(operator, openlineage, context, network, client_for_looking):
    """The execution is looked at once more where the task needs it."""
    network.script("text-clf-train", Progress.at_once("COMPLETED"))
    execution_id = operator.execute(context)["id"]
    early = client_for_looking.send(executions.get(execution_id)).model_copy(update={"output_artifacts": []})
    operator.expected_outputs = ["text-model"]

    operator.result(client_for_looking, early)

    assert len(operator.get_openlineage_facets_on_complete(context["ti"]).outputs) == 1


def test_a_failed_task_tells_what_its_execution_has_read(operator, openlineage, context, network):
    """Its end is told as well, but no metrics, which nobody has read."""
    network.script("text-clf-train", Progress.at_once("DEAD"))

    with pytest.raises(AICoreExecutionFailed):
        operator.execute(context)

    told = operator.get_openlineage_facets_on_failure(context["ti"])
    assert [read.name for read in told.inputs] == ["p/texts"]
    facet = told.run_facets["aicore_execution"]
    assert (facet.status, facet.metrics) == ("DEAD", None)


@pytest.mark.parametrize("path", ["/lm/configurations/.*", "/lm/artifacts/.*", "/admin/objectStoreSecrets"])
def test_trouble_leaves_something_out_and_no_more(operator, openlineage, context, network, path):
    """Lineage is not worth a task, nor a wait."""
    network.script("text-clf-train", Progress.at_once("COMPLETED"))
    network.faults.add(server_error(), path=path, method="GET", times=None)

    assert operator.execute(context)["status"] == "COMPLETED"

    (written,) = operator.get_openlineage_facets_on_complete(context["ti"]).outputs
    assert written.name.endswith("/text-model")


def test_trouble_of_openlineage_itself_is_not_the_task_s(operator, openlineage, context, network, capfd):
    """Its settings may be as wrong as ours."""
    network.script("text-clf-train", Progress.at_once("COMPLETED"))

    def is_disabled():
        raise ValueError("[openlineage] disabled is 'perhaps'")

    openlineage.is_disabled = is_disabled

    assert operator.execute(context)["status"] == "COMPLETED"
    assert "disabled is 'perhaps'" in capfd.readouterr().out


@pytest.mark.parametrize("is_there", [True, False], ids=["disabled", "missing"])
def test_without_openlineage_nothing_is_asked_for_it(
    operator, openlineage, context, network, monkeypatch, is_there
):
    """It would cost requests for nothing."""
    openlineage.is_disabled = lambda: True
    if not is_there:
        monkeypatch.setitem(sys.modules, "airflow.providers.openlineage", None)
    network.script("text-clf-train", Progress.at_once("COMPLETED"))

    operator.execute(context)

    assert operator.get_openlineage_facets_on_complete(context["ti"]) is None
    asked = {(each.method, each.path.rpartition("/")[2]) for each in network.requests}
    assert ("GET", "objectStoreSecrets") not in asked
