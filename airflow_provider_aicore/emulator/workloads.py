"""Executions and deployments, what was tracked for them, and the schedules that start executions."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from airflow_provider_aicore.emulator.changes import NOT_KEPT, Entity
from airflow_provider_aicore.emulator.definitions import Artifact, Configuration
from airflow_provider_aicore.emulator.logbook import Logbook, LogLine

TERMINAL = frozenset({"COMPLETED", "DEAD", "STOPPED"})


class Enactment(Protocol):
    """What makes the status of an execution or deployment move: a script, or processes."""

    def advance(self, workload: "Workload", now: float) -> None:
        """Bring the workload up to date, as somebody is about to look at it."""

    def shown(self) -> None:
        """Take note that an answer showed the workload."""

    def stop(self, workload: "Workload", now: float) -> None:
        """Begin to stop a workload that is PENDING or RUNNING."""

    def abandon(self) -> None:
        """End whatever is still going on: the workload is deleted."""


@dataclass(slots=True)
class Workload(Entity):
    """What executions and deployments have in common.

    Instants are seconds since the epoch and None until reached.
    """

    has_workflow: ClassVar[bool] = True
    """Whether a workflow runs for it, which ends."""

    id: str
    configuration: Configuration
    created_at: float
    modified_at: float
    enactment: Enactment | None = field(default=None, metadata={NOT_KEPT: True})
    status: str = "UNKNOWN"
    target_status: str = "COMPLETED"
    status_message: str = ""
    status_details: dict[str, Any] | None = None
    submission_time: float | None = None
    start_time: float | None = None
    completion_time: float | None = None
    gone_at: float | None = None
    logs: Logbook = field(default_factory=Logbook, metadata={NOT_KEPT: True})

    def move(self, status: str, at: float) -> None:
        """Enter *status* and set the instants that go with it.

        :param status: any of AI Core's; going back (RUNNING to PENDING) is allowed, it happens.
        :param at: seconds since the epoch.
        """
        self.status = status
        self.modified_at = at
        if status != "UNKNOWN" and self.submission_time is None:
            self.submission_time = at
        if status == "RUNNING" and self.start_time is None:
            self.start_time = at
        if status in TERMINAL:
            self.completion_time = at

    def log(self, msg: str, at: float, *, container: str = "main", pod: str | None = None) -> None:
        """Write a line to the log.

        :param at: seconds since the epoch; it may lie in the past, lines do arrive late on AI Core.
        :param pod: default: the pod of a workflow with a single step, which has the execution's id.
        """
        line = LogLine(int(at * 1_000_000_000), container, pod or self.id, msg)
        self.logs.add(line)
        self.note_appended(line)


@dataclass(slots=True)
class Execution(Workload):
    """An execution.

    :param execution_schedule_id: of the schedule that started it, if one did.
    """

    execution_schedule_id: str | None = None
    output_artifacts: list[Artifact] = field(default_factory=list)


@dataclass(slots=True)
class Deployment(Workload):
    """A deployment.

    :param ttl: its time to live as it was asked for; None: no end.
    :param expires_at: when that is over, seconds since the epoch.
    :param latest_running_configuration_id: of the configuration that ran before it was given another one.
    """

    has_workflow: ClassVar[bool] = False
    target_status: str = "RUNNING"
    ttl: str | None = None
    expires_at: float | None = None
    last_operation: str = "CREATE"
    latest_running_configuration_id: str | None = None


@dataclass(slots=True)
class Metrics(Entity):
    """What was tracked for one execution; lists of objects as they came in, with their timestamps."""

    execution_id: str
    created_at: float
    modified_at: float
    metrics: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    custom_info: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class ExecutionSchedule(Entity):
    """An execution schedule; all instants are seconds since the epoch.

    :param next_tick: of its cron expression, among those whose execution has not been started; None for none.
    :param next_start: when the execution for *next_tick* starts.
    """

    id: str
    name: str
    cron: str
    configuration: Configuration
    created_at: float
    modified_at: float
    start: float | None = None
    end: float | None = None
    status: str = "ACTIVE"
    next_tick: float | None = None
    next_start: float | None = None
