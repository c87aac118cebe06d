"""Scripts as entries: how executions move, as a file of scripts and the control path say it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, TypeAdapter

from airflow_provider_aicore.emulator.checks import ID
from airflow_provider_aicore.emulator.emulator import Emulator
from airflow_provider_aicore.emulator.entries import Entry, EntryError
from airflow_provider_aicore.emulator.failures import failing
from airflow_provider_aicore.emulator.progress import Progress, Step


def _checked_id(text: str) -> str:
    if not ID.fullmatch(text):
        raise ValueError(f"{text!r} does not match the pattern {ID.pattern}")
    return text


Id = Annotated[str, AfterValidator(_checked_id)]
Kind = Literal["model", "dataset", "resultset", "other"]
Outcome = Literal["COMPLETED", "DEAD", "STOPPED"]
Status = Literal["UNKNOWN", "PENDING", "RUNNING", "STOPPING", "COMPLETED", "DEAD", "STOPPED"]


class AtOnce(Entry):
    """`Progress.at_once`."""

    way: Literal["at_once"]
    outcome: Outcome = "COMPLETED"
    message: str = ""
    details: Mapping[str, Any] | None = None
    log: tuple[str, ...] = ()

    def progress(self) -> Progress:
        """Make the progress."""
        return Progress.at_once(self.outcome, message=self.message, details=self.details, log=self.log)


class ByReads(Entry):
    """`Progress.by_reads`."""

    way: Literal["by_reads"]
    reads: PositiveInt = 1
    outcome: Outcome = "COMPLETED"
    through: tuple[Status, ...] = ("PENDING", "RUNNING")
    message: str = ""
    details: Mapping[str, Any] | None = None
    log: tuple[str, ...] = ()

    def progress(self) -> Progress:
        """Make the progress."""
        return Progress.by_reads(
            self.reads,
            self.outcome,
            through=self.through,
            message=self.message,
            details=self.details,
            log=self.log,
        )


class ByClock(Entry):
    """`Progress.by_clock`; seconds."""

    way: Literal["by_clock"]
    unknown: NonNegativeFloat = 15
    pending: NonNegativeFloat = 30
    running: NonNegativeFloat = 60
    stopping: NonNegativeFloat = 10
    outcome: Outcome = "COMPLETED"
    message: str = ""
    details: Mapping[str, Any] | None = None
    log: tuple[str, ...] = ()

    def progress(self) -> Progress:
        """Make the progress."""
        return Progress.by_clock(
            unknown=self.unknown,
            pending=self.pending,
            running=self.running,
            stopping=self.stopping,
            outcome=self.outcome,
            message=self.message,
            details=self.details,
            log=self.log,
        )


class Stuck(Entry):
    """`Progress.stuck`."""

    way: Literal["stuck"]
    status: Literal["UNKNOWN", "PENDING", "RUNNING"] = "UNKNOWN"

    def progress(self) -> Progress:
        """Make the progress."""
        return Progress.stuck(self.status)


def _known_cause(name: str) -> str:
    failing(name)
    return name


class Failing(Entry):
    """`failing`."""

    way: Literal["failing"]
    cause: Annotated[str, AfterValidator(_known_cause)]
    seconds: NonNegativeFloat = 0

    def progress(self) -> Progress:
        """Make the progress."""
        return failing(self.cause, seconds=self.seconds)


class StepEntry(Entry):
    """`Step`."""

    status: Status
    after_seconds: NonNegativeFloat = 0
    after_reads: NonNegativeInt = 0
    message: str = ""
    details: Mapping[str, Any] | None = None
    log: tuple[str, ...] = ()

    def step(self) -> Step:
        """Make the step."""
        return Step(self.status, self.after_seconds, self.after_reads, self.message, self.details, self.log)


class Steps(Entry):
    """Steps of one's own."""

    way: Literal["steps"]
    steps: tuple[StepEntry, ...]
    stop: StepEntry = StepEntry(status="STOPPED", after_reads=1)

    def progress(self) -> Progress:
        """Make the progress."""
        return Progress(tuple(each.step() for each in self.steps), self.stop.step())


Way = Annotated[AtOnce | ByReads | ByClock | Stuck | Failing | Steps, Field(discriminator="way")]


class Script(Entry):
    """How the executions of one executable move from now on.

    With *scenario_id* an executable that is not there is made, without a template; what it declares is as in
    `Emulator.add_executable`.
    """

    executable_id: Id
    progress: Way | Annotated[tuple[Way, ...], Field(min_length=1)]
    scenario_id: Id | None = None
    parameters: dict[str, str | None] = Field(default_factory=dict)
    input_artifacts: dict[str, Kind] = Field(default_factory=dict)
    output_artifacts: dict[str, Kind] = Field(default_factory=dict)


SCRIPT: TypeAdapter[Script] = TypeAdapter(Script)
"""One entry of a list of scripts."""


def follow(scripts: list[Script], emulator: Emulator) -> None:
    """Let executions move as scripts say; all of them, or none if one is wrong.

    :raises EntryError: an executable is not there, and nothing says of which scenario it should be made.
    """
    known = set(emulator.state.executables)
    for each in scripts:
        if each.executable_id not in known and each.scenario_id is None:
            raise EntryError(
                f"There is no executable {each.executable_id!r}: give scenario_id to make it, or name one of "
                f"those that are there: {', '.join(sorted(known)) or 'none'}"
            )
        known.add(each.executable_id)
    for each in scripts:
        if each.executable_id not in emulator.state.executables:
            emulator.add_executable(
                each.scenario_id or "",
                each.executable_id,
                parameters=each.parameters,
                input_artifacts=each.input_artifacts,
                output_artifacts=each.output_artifacts,
            )
        ways = each.progress if isinstance(each.progress, tuple) else (each.progress,)
        emulator.script(each.executable_id, [way.progress() for way in ways])
