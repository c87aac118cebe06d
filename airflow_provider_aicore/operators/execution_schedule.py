"""The operators for execution schedules, AI Core's own clock: ensure, pause, resume, delete."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from airflow_provider_aicore import schedule_times
from airflow_provider_aicore.base import AICoreBaseOperator
from airflow_provider_aicore.exceptions import AICoreInvalidInput, refusing_bad_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.schedule_changes import Which
    from airflow_provider_aicore.api.scheduling import EnsuredSchedule

T = TypeVar("T")

# Sources: the start times in a screenshot of SAP's documentation; the rest is documented nowhere.
_NOT_PROMISED = (
    "AI Core counts in UTC and has been seen to start executions up to 11 min after the tick. It does not "
    "promise to wait with one until the one before it has ended, nor to make up for a tick that it missed."
)


class AICoreEnsureExecutionScheduleOperator(AICoreBaseOperator):
    """Makes AI Core start executions of a configuration by its own clock, as described here.

    The schedule is known by its name: it is created if there is none, and what differs is changed if there
    is. So the task can be run as often as one likes. A schedule that is paused stays paused.

    A cron expression, a start or an end without a template is checked when the DAG file is read.

    :param name: up to 256 characters; no other schedule of the resource group may have it. (templated)
    :param cron: five fields in UTC, at most once an hour, or a preset such as ``@daily``. Names, steps and
        ranges that wrap are written as numbers, lists and ranges for AI Core. (templated)
    :param configuration_id: what to execute; another one counts from the next tick on. (templated)
    :param start: from when, an aware datetime or its ISO 8601 text, cut to whole seconds. If not given at
        once, or as the schedule has it. (templated)
    :param end: until when, as `start`. If not given without end, or as the schedule has it: AI Core has no
        known way to take an end away. (templated)

    :return: ``{"id", "name", "status", "cron", "configuration_id", "start", "end", "resource_group",
        "created", "changed": [name of what was changed], "next_ticks": [up to five]}``; `cron` as AI Core has
        it, times are ISO 8601.
    :raises AICoreInvalidInput: an argument is bad, several schedules have the name, or nothing would ever be
        started; nothing was changed.
    """

    template_fields: Sequence[str] = (
        *AICoreBaseOperator.template_fields,
        "name",
        "cron",
        "configuration_id",
        "start",
        "end",
    )

    def __init__(
        self,
        *,
        name: str,
        cron: str,
        configuration_id: str,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        with refusing_bad_input():
            _check_what_is_known(cron, start, end)
        self.name = name
        self.cron = cron
        self.configuration_id = configuration_id
        self.start = start
        self.end = end

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import scheduling

        with self.connect() as client:
            with refusing_bad_input():
                wanted = scheduling.WantedSchedule.of(
                    self.name, self.cron, self.configuration_id, self.start, self.end
                )
            if wanted.cron != self.cron:
                self.log.info("%r is written %r for AI Core.", self.cron, wanted.cron)
            ensured = _run(client, scheduling.ensure(wanted, client.retry))
            self._tell(ensured)
            return _ensured_result(ensured, client.resource_group)

    def _tell(self, ensured: EnsuredSchedule) -> None:
        schedule = ensured.schedule
        if ensured.created:
            self.log.info(
                "Created execution schedule %s, %r: %r, configuration %s.",
                schedule.id,
                schedule.name,
                schedule.cron,
                schedule.configuration_id,
            )
        for what, (before, after) in ensured.changes.items():
            self.log.info("Changed %s of execution schedule %s: %s → %s.", what, schedule.id, before, after)
        if not ensured.created and not ensured.changes:
            self.log.info("Execution schedule %s, %r, is as described.", schedule.id, schedule.name)
        else:
            self.log.warning(_NOT_PROMISED)
        if ensured.removed:
            self.log.warning(
                "Deleted %s, made at the same time by the same description or another task; %s stays.",
                ", ".join(ensured.removed),
                schedule.id,
            )
        self._tell_what_comes(ensured)

    def _tell_what_comes(self, ensured: EnsuredSchedule) -> None:
        schedule = ensured.schedule
        if schedule.status == "INACTIVE":
            self.log.warning(
                "Execution schedule %s is INACTIVE and starts nothing: %s.",
                schedule.id,
                "it is paused, see AICoreResumeExecutionScheduleOperator"
                if schedule.end is None
                else f"it is paused, or its end, {schedule.end}, has passed",
            )
        else:
            ticks = ", ".join(f"{tick:%a %Y-%m-%d %H:%M}" for tick in ensured.next_ticks)
            self.log.info("Next ticks in UTC: %s.", ticks or "none before its end")
        if self.end is None and schedule.end is not None:
            self.log.warning(
                "Execution schedule %s ends at %s, though no end is described: AI Core has no known way to "
                "take it away. Give a later one, or delete the schedule first.",
                schedule.id,
                schedule.end,
            )


class _AICoreOneExecutionScheduleOperator(AICoreBaseOperator):
    """The base of operators for a schedule that is there."""

    template_fields: Sequence[str] = (*AICoreBaseOperator.template_fields, "execution_schedule_id", "name")

    def __init__(
        self, *, execution_schedule_id: str | None = None, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.execution_schedule_id = execution_schedule_id
        self.name = name

    def which(self) -> Which:
        """Return which one is meant."""
        from airflow_provider_aicore.api import schedule_changes

        with refusing_bad_input():
            return schedule_changes.Which.of(self.execution_schedule_id, self.name)

    def set_status(self, status: Literal["ACTIVE", "INACTIVE"]) -> dict[str, Any]:
        """Pause or resume the schedule."""
        from airflow_provider_aicore.api import schedule_changes

        which = self.which()
        with self.connect() as client:
            schedule, changed = _run(client, schedule_changes.set_status(which, status, client.retry))
        self.log.info(
            "Execution schedule %s, %r, %s %s.",
            schedule.id,
            schedule.name,
            "is now" if changed else "was already",
            schedule.status,
        )
        return {"id": schedule.id, "name": schedule.name, "status": schedule.status, "changed": changed}


class AICorePauseExecutionScheduleOperator(_AICoreOneExecutionScheduleOperator):
    """Pauses an execution schedule: it starts nothing until it is resumed. Its executions go on.

    :param execution_schedule_id: the schedule. (templated)
    :param name: its name, in place of the id. (templated)

    :return: ``{"id", "name", "status", "changed"}``; `changed` is false where it was paused already.
    :raises AICoreInvalidInput: not exactly one of both is given, or no single schedule has the name.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        return self.set_status("INACTIVE")


class AICoreResumeExecutionScheduleOperator(_AICoreOneExecutionScheduleOperator):
    """Resumes an execution schedule; what it would have started while it was paused is not made up for.

    :param execution_schedule_id: the schedule. (templated)
    :param name: its name, in place of the id. (templated)

    :return: ``{"id", "name", "status", "changed"}``; `changed` is false where it was active already.
    :raises AICoreInvalidInput: not exactly one of both is given, no single schedule has the name, or its end
        has passed.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        return self.set_status("ACTIVE")


class AICoreDeleteExecutionScheduleOperator(_AICoreOneExecutionScheduleOperator):
    """Deletes an execution schedule; its executions stay, and those that run go on.

    :param execution_schedule_id: the schedule. (templated)
    :param name: its name, in place of the id. (templated)

    :return: ``{"id", "deleted"}``; `deleted` is false where there was none, and the id of a name is ``None``
        then.
    :raises AICoreInvalidInput: not exactly one of both is given, or several schedules have the name.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import schedule_changes

        which = self.which()
        with self.connect() as client:
            deleted = _run(client, schedule_changes.delete(which, client.retry))
        self.log.info("Execution schedule %s %s.", which.text, "is deleted" if deleted else "was not there")
        return {"id": deleted or self.execution_schedule_id, "deleted": deleted is not None}


def _check_what_is_known(cron: object, start: object, end: object) -> None:
    """Refuse what is wrong whatever the templates give. Whether an end has passed would break a good file."""
    if _is_known(cron):
        schedule_times.check_interval(schedule_times.normalised(cron))
    times = {"start": start, "end": end}
    schedule_times.check_order(
        *(schedule_times.in_utc(name, time) if _is_known(time) else None for name, time in times.items())
    )


def _is_known(value: object) -> bool:
    return isinstance(value, datetime) or (isinstance(value, str) and "{" not in value)


def _run(client: Client, flow: Flow[T]) -> T:
    from airflow_provider_aicore.api.schedule_changes import ScheduleRefusedError

    try:
        return client.run(flow)
    except ScheduleRefusedError as error:
        raise AICoreInvalidInput(str(error)) from error


def _ensured_result(ensured: EnsuredSchedule, resource_group: str) -> dict[str, Any]:
    schedule = ensured.schedule
    return {
        "id": schedule.id,
        "name": schedule.name,
        "status": schedule.status,
        "cron": schedule.cron,
        "configuration_id": schedule.configuration_id,
        "start": None if schedule.start is None else schedule.start.isoformat(),
        "end": None if schedule.end is None else schedule.end.isoformat(),
        "resource_group": resource_group,
        "created": ensured.created,
        "changed": list(ensured.changes),
        "next_ticks": [tick.isoformat() for tick in ensured.next_ticks],
    }
