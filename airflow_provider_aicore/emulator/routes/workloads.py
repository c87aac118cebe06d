"""What executions and deployments have in common: lists, reads, stops, deletions and logs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar

from airflow_provider_aicore.emulator import checks, lifecycle, render
from airflow_provider_aicore.emulator.exchange import MERGE_PATCH, ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request, not_found
from airflow_provider_aicore.emulator.routes import logs
from airflow_provider_aicore.emulator.state import ResourceGroup
from airflow_provider_aicore.emulator.workloads import Workload

STATUSES = ("PENDING", "RUNNING", "COMPLETED", "DEAD", "STOPPING", "STOPPED", "UNKNOWN")
W = TypeVar("W", bound=Workload)


class Workloads(ABC, Generic[W]):
    """The operations on one of the two kinds."""

    noun: ClassVar[str]
    """``Execution`` or ``Deployment``; with a small letter and an ``s`` it is the path."""
    not_found_code: ClassVar[str]
    """AI Core's code for an id that is not there."""

    @abstractmethod
    def all(self, group: ResourceGroup) -> dict[str, W]:
        """Give those of a resource group by id."""

    @abstractmethod
    def shape(self, request: ApiRequest, workload: W) -> render.Shape:
        """Shape one as an item of a list."""

    def selection(self, request: ApiRequest) -> Callable[[W], bool]:
        """Give the test for filters that only this kind has."""
        return lambda _workload: True

    def query(self, request: ApiRequest) -> Reply:
        """List a page of those that pass all filters, in no particular order; each item is a read."""
        only_status = request.query.choice("$select", ("status",))
        page = request.query.page(self._matching(request))
        shaped = [render.workload_status(each) if only_status else self.shape(request, each) for each in page]
        for each in page:
            _count_read(each)
        return Reply(200, render.listed(shaped))

    def count(self, request: ApiRequest) -> Reply:
        """Count those that pass all filters."""
        return Reply(200, text=str(len(self._matching(request))))

    def get(self, request: ApiRequest) -> Reply:
        """Give one, or with ``$select=status`` its status; either with its details."""
        only_status = request.query.choice("$select", ("status",))
        workload = self.asked_for(request)
        shape = render.workload_status(workload) if only_status else self.shape(request, workload)
        _count_read(workload)
        return Reply(200, render.with_details(shape, workload))

    def get_logs(self, request: ApiRequest) -> Reply:
        """Give log lines of one."""
        window = logs.window(request)
        return logs.get(request, window, self.asked_for(request), self.noun)

    def modify(self, request: ApiRequest) -> Reply:
        """Change one; most of it cannot be changed."""
        body = request.body()
        change = self.change(request, body)
        workload = self.asked_for(request)
        change(workload)
        return Reply(202, {"id": workload.id, "message": f"{self.noun} modification scheduled"})

    def change(self, request: ApiRequest, body: Mapping[str, Any]) -> Callable[[W], None]:
        """Read which change of one is asked for: to begin to stop it."""
        checks.choice(body, "targetStatus", ("STOPPED",))
        return lambda workload: lifecycle.stop(workload, request.now, request.tenant.options)

    def delete(self, request: ApiRequest) -> Reply:
        """Begin to delete one."""
        workload = self.asked_for(request)
        lifecycle.delete(workload, request.now, request.tenant.options)
        return Reply(202, {"id": workload.id, "message": "Deletion scheduled", "targetStatus": "DELETED"})

    def batch_modify(self, request: ApiRequest) -> Reply:
        """Begin to stop or delete up to a hundred, with a verdict for each, in the same order."""
        if not request.tenant.options.bulk_updates:
            raise bad_request("Bulk updates are not switched on for this tenant, see /v2/lm/meta")
        name = f"{self.noun.lower()}s"
        changes = checks.objects(request.body(MERGE_PATCH), name, least=1, most=100)
        if changes is None:
            raise bad_request(f"{name}: 1 to 100 items are required")
        wanted = [
            (checks.identifier(each, "id"), checks.choice(each, "targetStatus", ("STOPPED", "DELETED")))
            for each in changes
        ]
        if len(set(wanted)) != len(wanted):
            raise bad_request(f"{name}: the items have to be unique")
        return Reply(202, {name: [self._verdict(request, *each) for each in wanted]})

    def asked_for(self, request: ApiRequest) -> W:
        """Give the one that the path names, up to date.

        :raises Refusal: 404, the resource group has none with that id, or no longer.
        """
        return self._find(request, request.path_ids[f"{self.noun.lower()}Id"])

    def _find(self, request: ApiRequest, workload_id: str) -> W:
        workload = lifecycle.find(
            request.group, self.all(request.group), workload_id, request.now, request.tenant.options
        )
        if workload is None:
            raise not_found(self.noun, workload_id, self.not_found_code)
        return workload

    def _verdict(self, request: ApiRequest, workload_id: str, target_status: str) -> dict[str, Any]:
        change = lifecycle.stop if target_status == "STOPPED" else lifecycle.delete
        try:
            change(self._find(request, workload_id), request.now, request.tenant.options)
        except Refusal as refusal:
            target = f"/v2/lm/{self.noun.lower()}s"
            error = refusal.error(request_id=request.request_id, target=target, details={})
            return {"id": workload_id, "error": error}
        return {"id": workload_id, "message": f"{self.noun} modification scheduled"}

    def _matching(self, request: ApiRequest) -> list[W]:
        wanted = request.query
        executable_ids = wanted.identifiers("executableIds", most=1000)
        configuration_id = wanted.identifier("configurationId")
        scenario_id = wanted.identifier("scenarioId")
        status = wanted.choice("status", STATUSES)
        is_selected = self.selection(request)
        lifecycle.refresh(request.group, request.now, request.tenant.options)
        listed_since = request.now - request.tenant.options.list_lag
        found = [
            each
            for each in self.all(request.group).values()
            if each.created_at <= listed_since
            and (executable_ids is None or each.configuration.executable_id in executable_ids)
            and configuration_id in (None, each.configuration.id)
            and scenario_id in (None, each.configuration.scenario_id)
            and status in (None, each.status)
            and is_selected(each)
        ]
        found.sort(key=attrgetter("id"))  # once few are left: sorting is the dearest part
        return found


def _count_read(workload: Workload) -> None:
    if workload.enactment is not None:
        workload.enactment.shown()
