"""Operations ``artifact.create``, ``.query``, ``.count`` and ``.get``."""

from operator import attrgetter

from airflow_provider_aicore.emulator import checks, render
from airflow_provider_aicore.emulator.definitions import Artifact
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request, found
from airflow_provider_aicore.emulator.state import new_id


def create(request: ApiRequest) -> Reply:
    """Register an artifact; its scenario has to exist (whether AI Core looks is not documented)."""
    body = request.body()
    artifact = Artifact(
        id=new_id(),
        name=checks.text(body, "name", pattern=checks.NAME, longest=256),
        kind=checks.choice(body, "kind", checks.ARTIFACT_KINDS),
        url=checks.text(body, "url", pattern=checks.ARTIFACT_URL, longest=1024),
        scenario_id=checks.identifier(body, "scenarioId"),
        description=checks.optional_text(body, "description", longest=5000),
        labels=checks.labels(body),
        created_at=request.now,
    )
    if artifact.scenario_id not in request.tenant.scenarios:
        raise bad_request(f"scenarioId: there is no scenario {artifact.scenario_id}")
    request.group.artifacts[artifact.id] = artifact
    answer = {"id": artifact.id, "message": "Artifact acknowledged", "url": artifact.url}
    return Reply(201, answer, location=artifact.id)


def query(request: ApiRequest) -> Reply:
    """List a page of the artifacts that pass all filters, in no particular order."""
    expand = request.query.choice("$expand", ("scenario",))
    page = request.query.page(_matching(request))
    scenarios = request.tenant.scenarios
    shaped = [render.artifact(each, scenarios.get(each.scenario_id) if expand else None) for each in page]
    return Reply(200, render.listed(shaped))


def count(request: ApiRequest) -> Reply:
    """Count the artifacts that pass all filters."""
    return Reply(200, text=str(len(_matching(request))))


def get(request: ApiRequest) -> Reply:
    """Give one artifact."""
    artifact = found(request.group.artifacts, request.path_ids["artifactId"], "Artifact")
    expand = request.query.choice("$expand", ("scenario",))
    scenario = request.tenant.scenarios.get(artifact.scenario_id) if expand else None
    return Reply(200, render.artifact(artifact, scenario))


def _matching(request: ApiRequest) -> list[Artifact]:
    wanted = request.query
    exact = {
        "scenario_id": wanted.identifier("scenarioId"),
        "execution_id": wanted.identifier("executionId"),
        "name": wanted.matching("name", checks.NAME, longest=256),
        "kind": wanted.choice("kind", checks.ARTIFACT_KINDS),
    }
    exact = {field: value for field, value in exact.items() if value is not None}
    contains = wanted.search()
    labels_fit = wanted.labels("artifactLabelSelector", key=checks.LABEL_KEY, most=10)
    found = [
        each
        for each in request.group.artifacts.values()
        if all(getattr(each, field) == value for field, value in exact.items())
        and (contains(each.name) or contains(each.description or ""))
        and labels_fit(dict(each.labels or ()))
    ]
    found.sort(key=attrgetter("id"))
    return found
