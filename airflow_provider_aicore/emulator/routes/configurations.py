"""Operations ``configuration.create``, ``.query``, ``.count`` and ``.get``."""

from operator import attrgetter
from typing import Any

from airflow_provider_aicore.emulator import checks, render
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, not_found
from airflow_provider_aicore.emulator.state import Configuration, new_id


def create(request: ApiRequest) -> Reply:
    """Create a configuration; scenario and executable have to exist, bindings are not compared with them."""
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
    configuration_id = request.path_ids["configurationId"]
    configuration = request.group.configurations.get(configuration_id)
    if configuration is None:
        raise not_found("Configuration", configuration_id)
    expand = request.query.choice("$expand", ("scenario",))
    scenario = request.tenant.scenarios.get(configuration.scenario_id) if expand else None
    return Reply(200, render.configuration(configuration, scenario))


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
