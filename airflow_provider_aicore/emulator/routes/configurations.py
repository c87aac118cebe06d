"""Operations ``configuration.create``, ``.query``, ``.count`` and ``.get``."""

from collections import Counter
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any

from airflow_provider_aicore.emulator import checks, render
from airflow_provider_aicore.emulator.definitions import Configuration, Executable
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, found
from airflow_provider_aicore.emulator.state import new_id


def create(request: ApiRequest) -> Reply:
    """Create a configuration; scenario and executable have to exist, the rest is for options to say."""
    body = request.body()
    configuration = Configuration(
        id=new_id(),
        name=checks.text(body, "name", pattern=checks.NAME, longest=256),
        scenario_id=checks.identifier(body, "scenarioId"),
        executable_id=checks.identifier(body, "executableId"),
        parameter_bindings=_parameter_bindings(body),
        input_artifact_bindings=_input_artifact_bindings(body),
        created_at=request.now,
    )
    executable = request.tenant.executables.get(configuration.executable_id)
    if executable is None or executable.scenario_id != configuration.scenario_id:
        raise bad_request(
            f"There is no executable {configuration.executable_id} in scenario {configuration.scenario_id}"
        )
    for verdict, complaint in _complaints(configuration, executable, request):
        if verdict == "refuse":
            raise bad_request(complaint)
    request.group.configurations[configuration.id] = configuration
    answer = {"id": configuration.id, "message": "Configuration created"}
    return Reply(201, answer, location=configuration.id)


def query(request: ApiRequest) -> Reply:
    """List a page of the configurations that pass all filters, in no particular order."""
    expand = request.query.choice("$expand", ("scenario",))
    page = request.query.page(_matching(request))
    scenarios = request.tenant.scenarios
    shaped = [
        render.configuration(each, scenarios.get(each.scenario_id) if expand else None) for each in page
    ]
    return Reply(200, render.listed(shaped))


def count(request: ApiRequest) -> Reply:
    """Count the configurations that pass all filters."""
    return Reply(200, text=str(len(_matching(request))))


def get(request: ApiRequest) -> Reply:
    """Give one configuration."""
    configuration = found(request.group.configurations, request.path_ids["configurationId"], "Configuration")
    expand = request.query.choice("$expand", ("scenario",))
    scenario = request.tenant.scenarios.get(configuration.scenario_id) if expand else None
    return Reply(200, render.configuration(configuration, scenario))


def runnable(request: ApiRequest, body: Mapping[str, Any], *, deployable: bool = False) -> Configuration:
    """Give the configuration that a request to start something names.

    :param deployable: True for deployments, False for executions.
    :raises Refusal: 400, there is none, or its executable is for the other.
    """
    configuration_id = checks.identifier(body, "configurationId")
    configuration = request.group.configurations.get(configuration_id)
    if configuration is None:
        raise bad_request(f"configurationId: there is no configuration {configuration_id}")
    if request.tenant.executables[configuration.executable_id].deployable is not deployable:
        what = "executions" if deployable else "deployments"
        raise bad_request(f"The executable {configuration.executable_id} is for {what} only")
    return configuration


def _matching(request: ApiRequest) -> list[Configuration]:
    scenario_id = request.query.identifier("scenarioId")
    executable_ids = request.query.identifiers("executableIds", most=1000)
    contains = request.query.search()
    listed_since = request.now - request.tenant.options.list_lag
    found = [
        each
        for each in request.group.configurations.values()
        if each.created_at <= listed_since
        and scenario_id in (None, each.scenario_id)
        and (executable_ids is None or each.executable_id in executable_ids)
        and contains(each.name)
    ]
    found.sort(key=attrgetter("id"))
    return found


def _complaints(
    configuration: Configuration, executable: Executable, request: ApiRequest
) -> Iterator[tuple[str, str]]:
    """Find what AI Core may or may not mind, with the option that says whether it does."""
    options = request.tenant.options
    parameters = [key for key, _ in configuration.parameter_bindings or ()]
    artifacts = [key for key, _ in configuration.input_artifact_bindings or ()]
    slots = [each.name for each in executable.input_artifacts]
    for name, bound, declared, needed in (
        (
            "parameterBindings",
            parameters,
            [each.name for each in executable.parameters],
            [each.name for each in executable.parameters if each.default is None],
        ),
        ("inputArtifactBindings", artifacts, slots, slots),
    ):
        for key, times in Counter(bound).items():
            if times > 1:
                yield options.repeated_bindings, f"{name}: {key} is bound {times} times"
            if key not in declared:
                yield options.undeclared_bindings, f"{name}: {executable.id} declares no {key}"
        for key in needed:
            if key not in bound:
                yield options.missing_bindings, f"{name}: {executable.id} needs {key}"
    for key, artifact_id in configuration.input_artifact_bindings or ():
        artifact = request.group.artifacts.get(artifact_id)
        if artifact is None or artifact.scenario_id != configuration.scenario_id:
            complaint = (
                f"inputArtifactBindings: {key}: scenario {configuration.scenario_id} has no {artifact_id}"
            )
            yield options.foreign_artifacts, complaint


def _parameter_bindings(body: dict[str, Any]) -> tuple[tuple[str, str], ...] | None:
    items = checks.objects(body, "parameterBindings", most=1000)
    if items is None:
        return None
    return tuple(
        (checks.text(each, "key", longest=256), checks.text(each, "value", longest=5000)) for each in items
    )


def _input_artifact_bindings(body: dict[str, Any]) -> tuple[tuple[str, str], ...] | None:
    items = checks.objects(body, "inputArtifactBindings", most=1000)
    if items is None:
        return None
    return tuple(
        (checks.text(each, "key", longest=256), checks.identifier(each, "artifactId")) for each in items
    )
