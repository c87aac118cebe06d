"""How a scripted execution's status moves: at once, after so many reads, or by the clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.emulator.changes import Entity
from airflow_provider_aicore.emulator.status_details import PodReport, describe, tail
from airflow_provider_aicore.emulator.workloads import Workload

if TYPE_CHECKING:
    from airflow_provider_aicore.emulator.state import ResourceGroup


@dataclass(frozen=True, slots=True)
class Step:
    """A status, and what has to happen in the status before it is entered.

    :param status: one of AI Core's execution statuses; steps may skip some, repeat some or go back.
    :param after_seconds: seconds of the emulator's clock spent in the status before.
    :param after_reads: answers (to a GET of the execution or a list with it) that showed the status before.
    :param message: the ``statusMessage`` from then on.
    :param details: the ``statusDetails`` from then on; default: what AI Core says in such a status.
    :param log: lines that its container ``main`` writes when it is entered.
    :param pod: how its only pod is doing from then on, in place of *details*; its name and log are filled in.
    """

    status: str
    after_seconds: float = 0.0
    after_reads: int = 0
    message: str = ""
    details: Mapping[str, Any] | None = None
    log: tuple[str, ...] = ()
    pod: PodReport | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The way of an execution after UNKNOWN, which each one starts in; where the steps end it stays.

    :param steps: what comes after UNKNOWN, in order.
    :param stop: the step from STOPPING to its end, once somebody has stopped the execution.
    """

    steps: tuple[Step, ...] = ()
    stop: Step = Step("STOPPED", after_reads=1)

    @classmethod
    def at_once(
        cls,
        outcome: str = "COMPLETED",
        *,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        log: tuple[str, ...] = (),
    ) -> "Progress":
        """Reach *outcome* before the first look; only the answer to the POST says UNKNOWN."""
        return cls((Step("RUNNING"), Step(outcome, message=message, details=details, log=log)))

    @classmethod
    def by_reads(
        cls,
        reads: int = 1,
        outcome: str = "COMPLETED",
        *,
        through: tuple[str, ...] = ("PENDING", "RUNNING"),
        message: str = "",
        details: Mapping[str, Any] | None = None,
        log: tuple[str, ...] = (),
    ) -> "Progress":
        """Show every status on the way *reads* times, UNKNOWN included.

        :param outcome: the last status.
        :param through: the statuses between UNKNOWN and *outcome*.
        :param message: the ``statusMessage`` that comes with *outcome*.
        :param details: the ``statusDetails`` that come with *outcome*; default: made to fit.
        :param log: the lines that are written just before *outcome*.
        """
        way = tuple(Step(status, after_reads=reads) for status in through)
        return cls((*way, Step(outcome, after_reads=reads, message=message, details=details, log=log)))

    @classmethod
    def by_clock(
        cls,
        *,
        unknown: float = 15.0,
        pending: float = 30.0,
        running: float = 60.0,
        stopping: float = 10.0,
        outcome: str = "COMPLETED",
        message: str = "",
        details: Mapping[str, Any] | None = None,
        log: tuple[str, ...] = (),
    ) -> "Progress":
        """Spend so many seconds of the emulator's clock in each status.

        :param unknown: seconds in UNKNOWN; 15 to 75 were seen on AI Core.
        :param pending: seconds in PENDING; 0 skips it.
        :param running: seconds in RUNNING.
        :param stopping: seconds from the stop to STOPPED.
        :param outcome: the last status.
        :param message: the ``statusMessage`` that comes with *outcome*.
        :param details: the ``statusDetails`` that come with *outcome*; default: made to fit.
        :param log: the lines that are written just before *outcome*.
        """
        pending_step = (Step("PENDING", after_seconds=unknown),) if pending else ()
        running_step = Step("RUNNING", after_seconds=pending or unknown)
        last = Step(outcome, after_seconds=running, message=message, details=details, log=log)
        return cls((*pending_step, running_step, last), Step("STOPPED", after_seconds=stopping))

    @classmethod
    def stuck(cls, status: str = "UNKNOWN") -> "Progress":
        """Reach *status* before the first look, and stay there for ever.

        :raises ValueError: *status* is none of UNKNOWN, PENDING and RUNNING.
        """
        if status not in {"UNKNOWN", "PENDING", "RUNNING"}:
            raise ValueError(f"stuck({status!r}): one of UNKNOWN, PENDING and RUNNING is possible")
        return cls(() if status == "UNKNOWN" else (Step(status),))

    def endless(self) -> "Progress":
        """Give the same way without COMPLETED, which deployments do not reach."""
        return replace(self, steps=tuple(step for step in self.steps if step.status != "COMPLETED"))


@dataclass(slots=True)
class Script(Entity):
    """How the next executions or deployments of an executable move.

    :param queue: one for each that starts, the last for all later.
    """

    executable_id: str
    queue: tuple[Progress, ...]

    def take(self) -> Progress | None:
        """Give the one for the next."""
        if len(self.queue) < 2:
            return self.queue[0] if self.queue else None
        first, *rest = self.queue
        self.queue = tuple(rest)
        return first


@dataclass(slots=True)
class Way(Entity):
    """Where one execution or deployment is on its way.

    :param ahead: the steps that are still to come.
    :param stop: the step from STOPPING to its end.
    :param entered_at: when it entered its present status, seconds since the epoch.
    :param reads: how often an answer has shown that status, as far as the next step cares; after a restart
        it may count anew.
    """

    ahead: tuple[Step, ...]
    stop: Step
    entered_at: float
    reads: int = 0


class ScriptedEnactment:
    """Moves one execution or deployment along its way; it is looked at, it does not act on its own.

    :param group: has the way, for as long as there is one.
    :param write_outputs: called when the execution completes, with the instant.
    """

    def __init__(
        self, group: "ResourceGroup", workload_id: str, write_outputs: Callable[[float], None]
    ) -> None:
        self._group, self._way = group, group.ways[workload_id]
        self._write_outputs = write_outputs

    def advance(self, workload: Workload, now: float) -> None:
        """Enter every status that is due; one that the clock made due is entered at its own instant."""
        way = self._way
        while way.ahead and self._is_due(way.ahead[0], now):
            step, *ahead = way.ahead
            way.ahead = tuple(ahead)
            self._enter(workload, step, now if step.after_reads else way.entered_at + step.after_seconds)

    def shown(self) -> None:
        """Count one read of the present status."""
        way = self._way
        if way.ahead and way.reads < way.ahead[0].after_reads:
            # Past the notice of changes: a look is no write, and one list can be ten thousand of them.
            object.__setattr__(way, "reads", way.reads + 1)

    def stop(self, workload: Workload, now: float) -> None:
        """Go to STOPPING; the script's ``stop`` says when that ends."""
        self._way.ahead = (self._way.stop,)
        self._enter(workload, Step("STOPPING"), now)

    def abandon(self) -> None:
        """Stay where it is."""
        self._way.ahead = ()

    def _is_due(self, step: Step, now: float) -> bool:
        return self._way.reads >= step.after_reads and now >= self._way.entered_at + step.after_seconds

    def _enter(self, workload: Workload, step: Step, at: float) -> None:
        if step.status == "COMPLETED":
            self._write_outputs(at)
        for line in step.log:
            workload.log(line, at)
        workload.move(step.status, at)
        workload.status_message = step.message
        workload.status_details = _details(workload, step)
        self._way.entered_at, self._way.reads = at, 0
        if not self._way.ahead and workload.completion_time is not None:
            # It has arrived: nobody need look after it any more, however many there are of its kind.
            workload.enactment = None
            self._group.ways.pop(workload.id, None)


def _details(workload: Workload, step: Step) -> dict[str, Any] | None:
    if step.details is not None:
        return dict(step.details)
    if not workload.has_workflow:
        return {}  # The rest is about workflows.
    if step.status == "DEAD" or step.pod is not None:
        pod = step.pod or PodReport("", 1, "Error (exit code 1)", culprit="main")
        log_tail = tail(line.msg for line in workload.logs)
        return describe([replace(pod, name=workload.id, log_tail=log_tail)])
    if step.status == "COMPLETED":
        return describe([PodReport(workload.id, 0)])
    return describe([PodReport(workload.id)] if step.status == "RUNNING" else [])
