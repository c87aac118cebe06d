"""Calls on ``/lm/deployments``, as far as a wait needs them."""

from __future__ import annotations

from airflow_provider_aicore.api.call import Call
from airflow_provider_aicore.api.models import Deployment, ExecutionSighting, ExecutionStatus
from airflow_provider_aicore.api.query import query as to_params
from airflow_provider_aicore.api.reading import Reader, sightings
from airflow_provider_aicore.api.validation import check_id

_DEPLOYMENT = Reader(Deployment)


def get(deployment_id: str) -> Call[Deployment]:
    """Read one deployment. Source: operation ``deployment.get``, ``GET /lm/deployments/{deploymentId}``."""
    path = f"/lm/deployments/{check_id('deployment_id', deployment_id)}"
    return Call("GET", path, _DEPLOYMENT, repeatable=True)


def query_statuses(
    *, status: ExecutionStatus, top: int, skip: int = 0, status_only: bool = True
) -> Call[list[ExecutionSighting]]:
    """Read one page of the deployments now in a status, and no more of each than a wait needs.

    Source: operation ``deployment.query``, ``GET /lm/deployments`` with ``$select=status``.

    :param status_only: let AI Core leave out the rest; what items it gives then is not documented.
    """
    params = to_params({"status": ExecutionStatus(status).value}, top=top, skip=skip)
    if status_only:
        params["$select"] = "status"
    return Call("GET", "/lm/deployments", sightings, params, repeatable=True)
