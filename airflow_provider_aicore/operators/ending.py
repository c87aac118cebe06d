"""The operators that end executions, or delete them; users import them from ``operators.execution``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aicore.base import AICoreBaseOperator, seconds
from airflow_provider_aicore.exceptions import (
    AICoreDeletionIncomplete,
    AICoreInvalidInput,
    AICoreWaitTimeout,
    refusing_bad_input,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aicore.api import Client
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.housekeeping import Selection
    from airflow_provider_aicore.api.termination import Patience

T = TypeVar("T")

ENDED = ("COMPLETED", "DEAD", "STOPPED")
"""The statuses of what filters may choose."""
_MOST_IDS = 100
"""So many ids are in an XCom or an exception; the log has all."""
_FILTERS_BY_ID = ("scenario_id", "executable_id", "configuration_id", "execution_schedule_id")
_LEFT_OUT: Any = object()
"""``None`` is no default of what narrows down: as one of mapped values it would let more be deleted."""


class _AICoreEndExecutionOperator(AICoreBaseOperator):
    """The base of operators that end executions."""

    template_fields: Sequence[str] = (*AICoreBaseOperator.template_fields, "execution_id")

    def __init__(self, *, patience: float | timedelta = 300.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.patience = seconds("patience", patience, least=0.0)

    def _end_one(self, execution_id: Any, how: Callable[[str, Patience], Flow[T]]) -> T:
        from airflow_provider_aicore.api import validation

        with refusing_bad_input():
            validation.check_id("execution_id", execution_id)
        return self._run(lambda patience: how(execution_id, patience))

    def _run(self, how: Callable[[Patience], Flow[T]]) -> T:
        from airflow_provider_aicore.api.termination import Patience

        with self.connect() as client:
            try:
                return client.run(how(Patience(client.retry, self.patience)))
            except TimeoutError as error:
                raise AICoreWaitTimeout(str(error)) from error


class AICoreStopExecutionOperator(_AICoreEndExecutionOperator):
    """Stops an execution, or all that a task of this DAG run has left, and waits until they have ended.

    What has ended already is left as it is.

    :param execution_id: the execution. (templated)
    :param of_task_id: in place of an id: a task of this DAG run that starts executions with configurations of
        its own, which are :class:`AICoreRunExecutableOperator` and
        :class:`AICoreStartExecutionOperator` with ``dedupe="clone"``; those of all its map indexes and tries
        are ended. Meant for ``trigger_rule="all_done"``: a worker that dies in the last try ends nothing.
        (templated)
    :param patience: seconds or timedelta to try for: AI Core refuses to stop an execution whose status is
        UNKNOWN, with which each begins, and a stop takes a while.

    :return: ``{"id", "status"}``, the status in which it ended; with `of_task_id` ``{"ended": [ids]}``.
    :raises AICoreInvalidInput: the id is malformed, or not exactly one of the two is given; nothing was sent.
    :raises AICoreWaitTimeout: it has not ended in time.
    """

    template_fields: Sequence[str] = (*_AICoreEndExecutionOperator.template_fields, "of_task_id")

    def __init__(
        self, *, execution_id: str | None = None, of_task_id: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if (execution_id is None) == (of_task_id is None):
            raise AICoreInvalidInput(
                f"execution_id is {execution_id!r} and of_task_id {of_task_id!r}, but exactly one is needed."
            )
        self.execution_id = execution_id
        self.of_task_id = of_task_id

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import termination
        from airflow_provider_aicore.ledger import left_behind

        if self.of_task_id is None:
            ended = self._end_one(self.execution_id, termination.stop)
            self.log.info("Execution %s has ended: it is %s.", ended.id, ended.status)
            return {"id": ended.id, "status": ended.status.value}
        ti, task_id = context["ti"], self.of_task_id
        ids = self._run(lambda patience: left_behind.end_those_of(ti.dag_id, ti.run_id, task_id, patience))
        self.log.info(
            "Of task %s, %s.",
            task_id,
            f"ended {', '.join(ids)}" if ids else "none with a configuration of its own was found live",
        )
        return {"ended": list(ids)}


class AICoreDeleteExecutionOperator(_AICoreEndExecutionOperator):
    """Deletes one execution, or all that filters choose; artifacts and their files stay.

    The one is stopped first where it still runs, and waited for until it is gone. Of many, only those that
    have ended are ever deleted, and AI Core does that some time after it has accepted it. A retry goes on
    with what is left.

    An id or age of ``None``, as a mapped value may be, is refused: leave out what is not to choose.

    :param execution_id: the execution; then no filter may be given. (templated)
    :param scenario_id: only executions of this scenario. (templated)
    :param executable_id: only executions of this executable. (templated)
    :param configuration_id: only executions of this configuration. (templated)
    :param execution_schedule_id: only executions that this schedule has started. (templated)
    :param older_than: seconds or timedelta since they ended. This or one of the four ids is needed.
    :param statuses: only executions that have ended so.
    :param keep_last: of each executable, spare so many of those that pass the filters by id and status, the
        ones that were created last, whatever their age.
    :param dry_run: tell what the filters choose, and delete nothing.
    :param patience: seconds or timedelta to try for with the one; AI Core stops and deletes later than it
        answers.

    :return: for one ``{"id", "deleted"}``; `deleted` is false where there was none. With filters
        ``{"deleted": [ids], "deleted_count", "kept", "dry_run"}``: the first 100 ids, in a dry run those that
        would be deleted; how many there are; and how many pass the filters by id and status but are too young
        or among the last.
    :raises AICoreInvalidInput: an argument is bad, or nothing narrows down what is deleted; nothing was sent.
    :raises AICoreWaitTimeout: the one is not gone in time.
    :raises AICoreDeletionIncomplete: some of the many were not deleted; the message has ids and a reason.
    """

    template_fields: Sequence[str] = (*_AICoreEndExecutionOperator.template_fields, *_FILTERS_BY_ID)

    def __init__(
        self,
        *,
        execution_id: str = _LEFT_OUT,
        scenario_id: str = _LEFT_OUT,
        executable_id: str = _LEFT_OUT,
        configuration_id: str = _LEFT_OUT,
        execution_schedule_id: str = _LEFT_OUT,
        older_than: float | timedelta = _LEFT_OUT,
        statuses: Sequence[str] = ENDED,
        keep_last: int = 0,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution_id = _unless_left_out("execution_id", execution_id)
        self.scenario_id = _unless_left_out("scenario_id", scenario_id)
        self.executable_id = _unless_left_out("executable_id", executable_id)
        self.configuration_id = _unless_left_out("configuration_id", configuration_id)
        self.execution_schedule_id = _unless_left_out("execution_schedule_id", execution_schedule_id)
        age = _unless_left_out("older_than", older_than)
        self.older_than = None if age is None else seconds("older_than", age, least=1.0)
        self.statuses = statuses
        self.keep_last = keep_last
        self._is_one = self.execution_id is not None
        self._only_tell = dry_run  # BaseOperator has a method of that name.
        self._filters_given = [name for name in _FILTERS_BY_ID if getattr(self, name) is not None]
        self._refuse_what_cannot_be()

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import termination

        if not self._is_one:
            with self.connect() as client:
                return self._delete_all(client)
        deleted = self._end_one(self.execution_id, termination.delete)
        self.log.info("Execution %s %s.", self.execution_id, "is deleted" if deleted else "was not there")
        return {"id": self.execution_id, "deleted": deleted}

    def _refuse_what_cannot_be(self) -> None:
        """Refuse at parse what can be told then: which arguments there are, and the values of no template."""
        if isinstance(self.keep_last, bool) or not isinstance(self.keep_last, int) or self.keep_last < 0:
            raise AICoreInvalidInput(f"keep_last is {self.keep_last!r}, but a whole number from 0 is needed.")
        if isinstance(self.statuses, str) or not self.statuses or not set(self.statuses) <= set(ENDED):
            raise AICoreInvalidInput(
                f"statuses is {self.statuses!r}, but a list of {', '.join(ENDED)} is needed: what is live is "
                "never deleted by a filter."
            )
        choosing = {
            **{name: getattr(self, name) is not None for name in (*_FILTERS_BY_ID, "older_than")},
            "statuses": tuple(self.statuses) != ENDED,
            "keep_last": self.keep_last > 0,
            "dry_run": self._only_tell,
        }
        given = ", ".join(name for name, is_given in choosing.items() if is_given)
        if self.execution_id is not None and given:
            raise AICoreInvalidInput(f"execution_id chooses one execution; {given} cannot be given with it.")
        if self.execution_id is None and self.older_than is None and not self._filters_given:
            raise AICoreInvalidInput(
                "Nothing narrows down what is to be deleted: give execution_id, older_than, or one or more "
                f"of {', '.join(_FILTERS_BY_ID)}."
            )

    def _delete_all(self, client: Client) -> dict[str, Any]:
        from airflow_provider_aicore.api import housekeeping, meta

        choice = client.run(housekeeping.choose(self._selection(client), client.retry))
        told = {
            "deleted": choice.doomed[:_MOST_IDS],
            "deleted_count": len(choice.doomed),
            "kept": choice.spared,
            "dry_run": self._only_tell,
        }
        what = "would be deleted" if self._only_tell else "are to be deleted"
        self.log.info("%d executions %s, %d are kept.", len(choice.doomed), what, choice.spared)
        for begin in range(0, len(choice.doomed), _MOST_IDS):
            self.log.info("%s: %s", what, ", ".join(choice.doomed[begin : begin + _MOST_IDS]))
        if self._only_tell or not choice.doomed:
            return told
        bulk = client.send(meta.get()).bulk_updates_of_executions
        deletion = client.run(housekeeping.delete(choice.doomed, client.retry, bulk=bulk))
        self.log.info("The deletion of %d executions was accepted.", len(deletion.deleted))
        if deletion.refusals:
            raise _incomplete(deletion.refusals, len(deletion.deleted))
        return told

    def _selection(self, client: Client) -> Selection:
        """Read the filters as they are now; one that a template has made empty would let more through."""
        from airflow_provider_aicore.api import ExecutionStatus
        from airflow_provider_aicore.api.housekeeping import Selection

        empty = [name for name in self._filters_given if not getattr(self, name)]
        if empty:
            raise AICoreInvalidInput(
                f"{', '.join(empty)} came out empty, which would let more be deleted. Nothing was deleted."
            )
        ended_before = None
        if self.older_than is not None:
            ended_before = datetime.fromtimestamp(client.now(), UTC) - timedelta(seconds=self.older_than)
        with refusing_bad_input():
            return Selection(
                **{name: getattr(self, name) for name in _FILTERS_BY_ID},
                statuses=tuple(map(ExecutionStatus, self.statuses)),
                ended_before=ended_before,
                keep_last=self.keep_last,
            )


def _unless_left_out(name: str, value: Any) -> Any:
    """Return what was given, or ``None`` if nothing was."""
    if value is None:
        raise AICoreInvalidInput(
            f"{name} is None, which would let more be deleted: leave {name} out, or give a value."
        )
    return None if value is _LEFT_OUT else value


def _incomplete(refusals: dict[str, str], accepted: int) -> AICoreDeletionIncomplete:
    ids = list(refusals)
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    return AICoreDeletionIncomplete(
        f"Of {accepted + len(ids)} executions, {len(ids)} were not deleted: "
        f"{', '.join(ids[:_MOST_IDS])}{more}. Of {ids[0]} is known: {refusals[ids[0]]} "
        "The deletion of the others was accepted; the next try goes on with what is left."
    )
