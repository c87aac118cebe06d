"""What a task remembers from try to try, where Airflow has a place for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Record:
    """That a start was about to happen, and its execution once it is known.

    :param generation: of the task, see :class:`~.logical_run.Mark`.
    :param configuration_id: what was started.
    :param execution_id: ``None`` while it is not known whether there is one.
    :param resource_group: where it was started; ``None`` if that is not known.
    :param intended_at: AI Core's time just before the start, where others may start the same configuration.
    """

    generation: int
    configuration_id: str
    execution_id: str | None = None
    resource_group: str | None = None
    intended_at: datetime | None = None


class Memory(Protocol):
    """One record that outlives the task's process.

    :ivar is_lasting: whether it does: older versions of Airflow have no place for it.
    """

    is_lasting: bool

    def read(self) -> Record | None:
        """Return what was written last, by whichever try; ``None`` also where there is no memory."""

    def write(self, record: Record) -> None:
        """Replace it; one without `execution_id` is certain to be kept, or this raises."""

    def forget(self) -> None:
        """Drop it: nothing was started."""


@dataclass(frozen=True, slots=True)
class Started:
    """The execution of a run.

    :param adopted: an earlier try had started it.
    :param superfluous: executions of the same run that were stopped, since one is enough.
    :param ended_before: executions of earlier generations that were still live, and were ended.
    """

    execution_id: str
    configuration_id: str
    adopted: bool
    superfluous: tuple[str, ...] = ()
    ended_before: tuple[str, ...] = ()
