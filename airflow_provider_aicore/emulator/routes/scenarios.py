"""Operations on scenarios and executables: ``query``, ``get``, ``query_versions``, ``query_models``.

None of them is paged.
"""

from airflow_provider_aicore.emulator import checks, render
from airflow_provider_aicore.emulator.definitions import Executable
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, found, not_found


def query(request: ApiRequest) -> Reply:
    """List the tenant's scenarios."""
    return Reply(200, render.listed([render.scenario(each) for each in request.tenant.scenarios.values()]))


def get(request: ApiRequest) -> Reply:
    """Give one scenario."""
    scenario = found(request.tenant.scenarios, request.path_ids["scenarioId"], "Scenario")
    return Reply(200, render.scenario(scenario))


def query_executables(request: ApiRequest) -> Reply:
    """List the executables of a scenario, all or of one version."""
    version_id = request.query.text("versionId")
    found = [each for each in _executables(request) if version_id in (None, each.version_id)]
    return Reply(200, render.listed([render.executable(each) for each in found]))


def get_executable(request: ApiRequest) -> Reply:
    """Give one executable of a scenario."""
    executable = request.tenant.executables.get(request.path_ids["executableId"])
    if executable is None or executable.scenario_id != request.path_ids["scenarioId"]:
        raise not_found("Executable", request.path_ids["executableId"])
    return Reply(200, render.executable(executable))


def query_versions(request: ApiRequest) -> Reply:
    """List the versions of a scenario: those of its executables; none of them has a label to select by."""
    labels_fit = request.query.labels("labelSelector", key=checks.LABEL_KEY, most=1000)
    oldest: dict[str, float] = {}
    for each in _executables(request):
        oldest[each.version_id] = min(each.created_at, oldest.get(each.version_id, each.created_at))
    scenario_id = request.path_ids["scenarioId"]
    versions = oldest.items() if labels_fit({}) else ()
    return Reply(200, render.listed([render.version(scenario_id, *each) for each in versions]))


def query_models(request: ApiRequest) -> Reply:
    """List the foundation models of a scenario: the emulator has none."""
    _executables(request)
    return Reply(200, render.listed([]))


def _executables(request: ApiRequest) -> list[Executable]:
    # The description knows no 404 for the lists below a scenario, only 400.
    scenario_id = request.path_ids["scenarioId"]
    if scenario_id not in request.tenant.scenarios:
        raise bad_request(f"There is no scenario {scenario_id}")
    return request.tenant.executables_of(scenario_id)
