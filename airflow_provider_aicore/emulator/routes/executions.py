"""Operations ``execution.create``, ``.query``, ``.count`` and ``.get``."""

from operator import attrgetter

from airflow_provider_aicore.emulator import checks, lifecycle, render
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request
from airflow_provider_aicore.emulator.state import Execution

STATUSES = ("PENDING", "RUNNING", "COMPLETED", "DEAD", "STOPPING", "STOPPED", "UNKNOWN")


def create(request: ApiRequest) -> Reply:
    """Start an execution of a configuration; the same configuration twice gives two executions."""
    configuration_id = checks.identifier(request.body(), "configurationId")
    configuration = request.group.configurations.get(configuration_id)
    if configuration is None:
        raise bad_request(f"configurationId: there is no configuration {configuration_id}")
    if request.tenant.executables[configuration.executable_id].deployable:
        raise bad_request(f"The executable {configuration.executable_id} is for deployments only")
    execution = request.tenant.start(request.group, configuration)
    answer = {
        "id": execution.id,
        "message": "Execution scheduled",
        "status": "UNKNOWN",
        "targetStatus": "COMPLETED",
    }
    return Reply(202, answer, location=execution.id)


def query(request: ApiRequest) -> Reply:
    """List a page of the executions that pass all filters, in no particular order; each item is a read."""
    only_status = request.query.choice("$select", ("status",))
    page = request.query.page(_matching(request))
    shaped = [
        render.execution_status(each, details=False) if only_status else render.execution(each)
        for each in page
    ]
    for each in page:
        _count_read(each)
    return Reply(200, render.listed(shaped))


def count(request: ApiRequest) -> Reply:
    """Count the executions that pass all filters."""
    return Reply(200, text=str(len(_matching(request))))


def get(request: ApiRequest) -> Reply:
    """Give one execution, or with ``$select=status`` its status and details."""
    only_status = request.query.choice("$select", ("status",))
    execution = lifecycle.find(request.group, request.path_ids["executionId"], request.now)
    shape = (
        render.execution_status(execution, details=True)
        if only_status
        else render.execution_with_details(execution)
    )
    _count_read(execution)
    return Reply(200, shape)


def _count_read(execution: Execution) -> None:
    if execution.enactment is not None:
        execution.enactment.shown()


def _matching(request: ApiRequest) -> list[Execution]:
    wanted = request.query
    executable_ids = wanted.identifiers("executableIds", most=1000)
    configuration_id = wanted.identifier("configurationId")
    scenario_id = wanted.identifier("scenarioId")
    schedule_id = wanted.identifier("executionScheduleId")
    status = wanted.choice("status", STATUSES)
    lifecycle.refresh(request.group, request.now)
    listed_since = request.now - request.tenant.options.list_lag
    found = [
        each
        for each in request.group.executions.values()
        if each.created_at <= listed_since
        and (executable_ids is None or each.configuration.executable_id in executable_ids)
        and configuration_id in (None, each.configuration.id)
        and scenario_id in (None, each.configuration.scenario_id)
        and schedule_id is None  # no execution comes from a schedule yet
        and status in (None, each.status)
    ]
    found.sort(key=attrgetter("id"))  # once few are left: sorting is the dearest part
    return found
