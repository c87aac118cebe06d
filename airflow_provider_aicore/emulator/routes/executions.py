"""Operations ``execution.*`` and ``kubesubmit.v4.executions.get_logs``."""

from collections.abc import Callable

from airflow_provider_aicore.emulator import render
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.routes.configurations import runnable
from airflow_provider_aicore.emulator.routes.workloads import Workloads
from airflow_provider_aicore.emulator.state import ResourceGroup
from airflow_provider_aicore.emulator.workloads import Execution


class Executions(Workloads[Execution]):
    """Executions can be stopped and deleted; nothing else of them can be changed."""

    noun = "Execution"
    not_found_code = "01010020"

    def all(self, group: ResourceGroup) -> dict[str, Execution]:
        """Give the executions of a resource group by id."""
        return group.executions

    def shape(self, request: ApiRequest, workload: Execution) -> render.Shape:
        """Shape an execution as an item of a list."""
        return render.execution(workload)

    def selection(self, request: ApiRequest) -> Callable[[Execution], bool]:
        """Give the test for ``executionScheduleId``."""
        schedule_id = request.query.identifier("executionScheduleId")
        return lambda execution: schedule_id in (None, execution.execution_schedule_id)

    def create(self, request: ApiRequest) -> Reply:
        """Start an execution of a configuration; the same configuration twice gives two executions."""
        execution = request.tenant.start(request.group, runnable(request, request.body()))
        answer = {
            "id": execution.id,
            "message": "Execution scheduled",
            "status": "UNKNOWN",
            "targetStatus": "COMPLETED",
        }
        return Reply(202, answer, location=execution.id)
