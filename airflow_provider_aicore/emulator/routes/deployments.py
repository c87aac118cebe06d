"""Operations ``deployment.*`` and ``kubesubmit.v4.deployments.get_logs``; nothing is served."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_aicore.emulator import checks, lifecycle, render
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import bad_request
from airflow_provider_aicore.emulator.routes.configurations import runnable
from airflow_provider_aicore.emulator.routes.workloads import Workloads
from airflow_provider_aicore.emulator.state import ResourceGroup
from airflow_provider_aicore.emulator.workloads import Deployment

_TTL = re.compile(r"([0-9]{1,9})([mMhHdD])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_SHORTEST_TTL = 600


class Deployments(Workloads[Deployment]):
    """Deployments can be stopped, deleted, and given another configuration."""

    noun = "Deployment"
    not_found_code = "01010016"

    def all(self, group: ResourceGroup) -> dict[str, Deployment]:
        """Give the deployments of a resource group by id."""
        return group.deployments

    def shape(self, request: ApiRequest, workload: Deployment) -> render.Shape:
        """Shape a deployment as an item of a list."""
        return render.deployment(workload, request.base_url)

    def create(self, request: ApiRequest) -> Reply:
        """Start a deployment of a configuration; the same configuration twice gives two deployments."""
        body = request.body()
        configuration, ttl = runnable(request, body, deployable=True), checks.optional_text(body, "ttl")
        deployment = request.tenant.deploy(request.group, configuration, ttl, _ttl_seconds(ttl))
        answer = {
            "id": deployment.id,
            "message": "Deployment scheduled.",
            "deploymentUrl": "",
            "status": "UNKNOWN",
            "ttl": ttl,
        }
        return Reply(202, answer, location=deployment.id)

    def change(self, request: ApiRequest, body: Mapping[str, Any]) -> Callable[[Deployment], None]:
        """Read which change is asked for: ``targetStatus`` or ``configurationId``, one of the two."""
        if body.get("configurationId") is None:
            return super().change(request, body)
        if body.get("targetStatus") is not None:
            raise bad_request("targetStatus and configurationId cannot be changed together")
        configuration = runnable(request, body, deployable=True)
        options = request.tenant.options
        return lambda deployment: lifecycle.reconfigure(deployment, configuration, request.now, options)


def _ttl_seconds(ttl: str | None) -> float | None:
    """Read a time to live, of ten minutes at least.

    Source: schema ``AiDeploymentTimeToLive``; ``limits`` of ``/lm/meta``.
    """
    if ttl is None:
        return None
    match = _TTL.fullmatch(ttl)
    seconds = 0 if match is None else int(match[1]) * _SECONDS[match[2].lower()]
    if seconds < _SHORTEST_TTL:
        raise bad_request("ttl: a number of minutes, hours or days (10m, 2h, 1d) is required, at least 10m")
    return seconds
