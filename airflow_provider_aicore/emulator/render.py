"""How the things in the state look on the wire: camelCase, and without the fields that have no value."""

from typing import Any

from airflow_provider_aicore.emulator.definitions import (
    Artifact,
    ArtifactSlot,
    Configuration,
    Executable,
    Parameter,
    Scenario,
)
from airflow_provider_aicore.emulator.timestamps import whole_seconds, with_offset
from airflow_provider_aicore.emulator.workloads import (
    Deployment,
    Execution,
    ExecutionSchedule,
    Metrics,
    Workload,
)


class Shape(dict[str, Any]):
    """The fields of a thing that have a value."""

    absent: tuple[str, ...] = ()
    """Names of the optional fields that have none."""


def artifact(item: Artifact, expanded: Scenario | None = None) -> Shape:
    """Shape an artifact (schema ``AiArtifact``).

    :param expanded: the scenario, given when ``$expand=scenario`` asked for it.
    """
    return present(
        id=item.id,
        name=item.name,
        kind=item.kind,
        url=item.url,
        description=item.description,
        scenarioId=item.scenario_id,
        configurationId=item.configuration_id,
        executionId=item.execution_id,
        createdAt=whole_seconds(item.created_at),
        modifiedAt=whole_seconds(item.created_at),
        labels=pairs(item.labels, "value"),
        scenario=None if expanded is None else scenario(expanded),
    )


def configuration(item: Configuration, expanded: Scenario | None = None) -> Shape:
    """Shape a configuration (schema ``AiConfiguration``); it has no ``modifiedAt``.

    :param expanded: the scenario, given when ``$expand=scenario`` asked for it.
    """
    return present(
        id=item.id,
        name=item.name,
        executableId=item.executable_id,
        scenarioId=item.scenario_id,
        parameterBindings=pairs(item.parameter_bindings, "value"),
        inputArtifactBindings=pairs(item.input_artifact_bindings, "artifactId"),
        createdAt=whole_seconds(item.created_at),
        scenario=None if expanded is None else scenario(expanded),
    )


def execution(item: Execution) -> Shape:
    """Shape an execution as an item of a list (schema ``AiExecution``), which never has ``statusDetails``."""
    outputs = [present(artifact(each), labels=[]) for each in item.output_artifacts]
    return present(
        _workload(item),
        executionScheduleId=item.execution_schedule_id,
        outputArtifacts=outputs if outputs or item.status == "COMPLETED" else None,
    )


def deployment(item: Deployment, base_url: str) -> Shape:
    """Shape a deployment as an item of a list (schema ``AiDeployment``).

    :param base_url: of AI Core, without ``/v2``; the deployment's own is below it, once it runs.
    """
    url = f"{base_url}/v2/inference/deployments/{item.id}" if item.start_time is not None else ""
    return present(
        _workload(item),
        deploymentUrl=url,
        lastOperation="DELETE" if item.target_status == "DELETED" else item.last_operation,
        latestRunningConfigurationId=item.latest_running_configuration_id,
        ttl=item.ttl,
        details={"scaling": {"backendDetails": {}}, "resources": {"backendDetails": {}}},
    )


def with_details(shape: Shape, item: Workload) -> Shape:
    """Add the ``statusDetails``, which only the answer for a single execution or deployment has."""
    return present(shape, statusDetails=item.status_details)


def workload_status(item: Workload) -> Shape:
    """Shape what ``$select=status`` leaves of an execution or deployment.

    With the details SAP's client takes six fields and no other; whether list items carry details is not
    documented.
    """
    return present(
        id=item.id,
        configurationId=item.configuration.id,
        status=item.status,
        createdAt=whole_seconds(item.created_at),
        modifiedAt=whole_seconds(item.modified_at),
    )


def execution_schedule(item: ExecutionSchedule) -> Shape:
    """Shape a schedule (schema ``AiExecutionSchedule``)."""
    return present(
        id=item.id,
        name=item.name,
        cron=item.cron,
        configurationId=item.configuration.id,
        status=item.status,
        start=_instant(item.start),
        end=_instant(item.end),
        createdAt=whole_seconds(item.created_at),
        modifiedAt=whole_seconds(item.modified_at),
    )


def metrics(item: Metrics, selected: set[str]) -> Shape:
    """Shape what was tracked for an execution (schema ``TrckGetMetricResource``).

    :param selected: of ``metrics``, ``tags`` and ``customInfo`` those that were asked for.
    """
    parts = {"metrics": item.metrics, "tags": item.tags, "customInfo": item.custom_info}
    return present(
        executionId=item.execution_id,
        createdAt=whole_seconds(item.created_at),
        modifiedAt=whole_seconds(item.modified_at),
        **{name: part for name, part in parts.items() if name in selected},
    )


def scenario(item: Scenario) -> Shape:
    """Shape a scenario (schema ``AiScenario``)."""
    return present(
        id=item.id,
        name=item.name,
        description=item.description,
        createdAt=with_offset(item.created_at),
        modifiedAt=with_offset(item.created_at),
    )


def executable(item: Executable) -> Shape:
    """Shape an executable (schema ``AiExecutable``)."""
    return present(
        id=item.id,
        name=item.name,
        description=item.description,
        scenarioId=item.scenario_id,
        versionId=item.version_id,
        deployable=item.deployable,
        labels=[],
        parameters=[_parameter(each) for each in item.parameters],
        inputArtifacts=[_slot(each) for each in item.input_artifacts],
        outputArtifacts=[_slot(each) for each in item.output_artifacts],
        createdAt=with_offset(item.created_at),
        modifiedAt=with_offset(item.created_at),
    )


def version(scenario_id: str, version_id: str, created_at: float) -> Shape:
    """Shape a version of a scenario (schema ``AiVersion``)."""
    return present(
        id=version_id,
        scenarioId=scenario_id,
        createdAt=with_offset(created_at),
        modifiedAt=with_offset(created_at),
    )


def listed(resources: list[Shape]) -> dict[str, Any]:
    """Wrap the items of a list; ``count`` is how many are in this answer, not how many there are."""
    return {"count": len(resources), "resources": resources}


def present(base: Shape | None = None, /, **fields: Any) -> Shape:
    """Make a shape, of another one and more fields; what is None is absent."""
    shape = Shape(base or {})
    shape.update((name, value) for name, value in fields.items() if value is not None)
    shape.absent = (base.absent if base else ()) + tuple(
        name for name, value in fields.items() if value is None
    )
    return shape


def pairs(bindings: tuple[tuple[str, str], ...] | None, value_name: str) -> list[dict[str, str]] | None:
    """Shape what has keys: labels or bindings."""
    return None if bindings is None else [{"key": key, value_name: value} for key, value in bindings]


def _workload(item: Workload) -> Shape:
    return present(
        id=item.id,
        configurationId=item.configuration.id,
        configurationName=item.configuration.name,
        executableId=item.configuration.executable_id,
        scenarioId=item.configuration.scenario_id,
        targetStatus=item.target_status,
        status=item.status,
        statusMessage=item.status_message[:256],
        createdAt=whole_seconds(item.created_at),
        modifiedAt=whole_seconds(item.modified_at),
        submissionTime=_instant(item.submission_time),
        startTime=_instant(item.start_time),
        completionTime=_instant(item.completion_time),
    )


def _instant(seconds: float | None) -> str | None:
    return None if seconds is None else whole_seconds(seconds)


def _parameter(item: Parameter) -> Shape:
    return present(name=item.name, type="string", default=item.default, description=item.description)


def _slot(item: ArtifactSlot) -> Shape:
    return present(name=item.name, kind=item.kind)
