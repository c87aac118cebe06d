"""The trigger for a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow.triggers.base import TriggerEvent

from airflow_provider_aicore.triggers.base import AICoreWaitTrigger
from airflow_provider_aicore.triggers.loading import load
from airflow_provider_aicore.wait_event import EVENT_VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_UNTIL = ("RUNNING", "STOPPED")


class AICoreDeploymentTrigger(AICoreWaitTrigger):
    """Waits until a deployment serves or is stopped, or has failed; never raises, stops nothing.

    All that wait in one resource group of a triggerer look together, as with
    :class:`~.aicore.AICoreExecutionTrigger`, whose arguments these are.

    It fires once with ``{"version": 1, "outcome": …, "deployment_id": …, "deployment_url": …, "status": …,
    "message": …, "deadline_at": …, "resource_group": …}``; for the outcomes see :mod:`.wait_event`. With
    ``ended`` the status says how: also DEAD or STOPPED where RUNNING was waited for. A deployment that AI
    Core has deleted, as it does after its time to live, is ``refused`` as not found.

    :param deployment_id: the deployment.
    :param until: ``RUNNING``: until it serves; ``STOPPED``: until it does no more.
    :raises ValueError: `until` is neither.
    """

    def __init__(
        self,
        *,
        deployment_id: str,
        until: Literal["RUNNING", "STOPPED"] = "RUNNING",
        aicore_conn_id: str = "aicore_default",
        resource_group: str | None = None,
        poll_interval: float = 30.0,
        poll_error_budget: float = 1800.0,
        deadline_at: str | None = None,
        first_look_after: float = 5.0,
    ) -> None:
        super().__init__(
            aicore_conn_id=aicore_conn_id,
            resource_group=resource_group,
            poll_interval=poll_interval,
            poll_error_budget=poll_error_budget,
            deadline_at=deadline_at,
            first_look_after=first_look_after,
        )
        if until not in _UNTIL:
            raise ValueError(f"until is {until!r}, but one of {', '.join(_UNTIL)} is needed.")
        self.deployment_id = deployment_id
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_aicore.triggers.aicore.AICoreDeploymentTrigger",
            {"deployment_id": self.deployment_id, "until": self.until, **self.arguments()},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await load("hooks.aicore", "poller")
        from airflow_provider_aicore.poller import DEPLOYMENTS_UNTIL

        end = await self.wait_for(self.deployment_id, DEPLOYMENTS_UNTIL[self.until])
        yield TriggerEvent(
            {
                "version": EVENT_VERSION,
                "outcome": end.outcome,
                "deployment_id": self.deployment_id,
                "deployment_url": getattr(end.entity, "deployment_url", None) or "",
                "status": end.status,
                "message": end.message,
                "deadline_at": self.deadline_at,
                "resource_group": self.resource_group,
            }
        )
