"""What AI Core leaves open or varies: each is an option, with the careful default."""

import math
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

Verdict = Literal["accept", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How an `Emulator` behaves where AI Core's documentation is silent, or AI Core not always the same.

    :param refused_transition_status: HTTP status for a stop or delete at the wrong time; the description has
        412, what is known of AI Core's answers sounds like 400.
    :param list_lag: seconds for which what is new (an execution, a configuration, ...) is missing from lists,
        though not from GET by its id.
    :param deletion_seconds: seconds for which a deleted execution or deployment still shows, with
        ``targetStatus`` DELETED.
    :param resource_group_provisioning_seconds: seconds for which a new resource group is PROVISIONING and
        nobody may use it; on AI Core up to about a minute.
    :param bulk_updates: whether the tenant has bulk PATCH; ``/lm/meta`` says so too.
    :param logs_before_start: what the logs of an execution or deployment are before the runtime knows it:
        ``not_found`` for 404 with code 05011000, ``empty`` for no lines.
    :param cron_dialect: what is taken as the cron expression of a schedule: ``posix`` for five fields of
        numbers, lists, ranges and ``*``; ``lenient`` also for steps and names (``*/6``, ``mon``).
    :param schedule_jitter: the most seconds that an execution starts after the tick of its schedule; 5 to 11
        minutes were seen. Which it is follows from the schedule's id and the tick; with 0 it is on the dot.
    :param schedule_overlap: what a schedule does at a tick while an execution of it goes on: ``allow``
        starts another one, ``skip`` leaves the tick out.
    :param repeated_metrics: what a second report for an execution does: ``append`` keeps the earlier metrics,
        and of tags and custom info those with other names; ``replace`` does as a merge patch says, so each
        of the three lists takes the place of the earlier one.
    :param undeclared_bindings: whether a configuration may bind what its executable does not declare.
    :param missing_bindings: whether it may leave a parameter without default or an input artifact unbound;
        with a template its execution ends in DEAD then.
    :param repeated_bindings: whether it may bind the same key twice; the last one counts.
    :param foreign_artifacts: whether it may bind an artifact of another scenario, or one that is not there.
    :param null_fields: whether optional fields without a value are null in answers instead of absent; both
        were seen of AI Core.
    :param extra_field: whether answers, and the things in them, have a field that nobody knows.
    :param list_order_seed: shuffles the items of each list answer, in the same way for the same seed; None
        leaves them as they are, most lists sorted by random ids.
    :raises ValueError: a value is not possible.
    """

    refused_transition_status: Literal[400, 412] = 400
    list_lag: float = 0.0
    deletion_seconds: float = 5.0
    resource_group_provisioning_seconds: float = 0.0
    bulk_updates: bool = True
    logs_before_start: Literal["not_found", "empty"] = "not_found"
    cron_dialect: Literal["posix", "lenient"] = "posix"
    schedule_jitter: float = 660.0
    schedule_overlap: Literal["allow", "skip"] = "allow"
    repeated_metrics: Literal["append", "replace"] = "append"
    undeclared_bindings: Verdict = "accept"
    missing_bindings: Verdict = "accept"
    repeated_bindings: Verdict = "accept"
    foreign_artifacts: Verdict = "accept"
    null_fields: bool = False
    extra_field: bool = False
    list_order_seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is not possible: a misspelt choice would silently be the other."""
        hints = _hints()
        for each in fields(self):
            value = getattr(self, each.name)
            is_possible, possible = _possible(value, hints[each.name])
            if not is_possible:
                raise ValueError(f"Options({each.name}={value!r}): {possible} is possible")


@cache
def _hints() -> dict[str, Any]:
    """Give the types of the options; to find out takes long, and each emulator has options."""
    return get_type_hints(Options)


def _possible(value: object, hint: Any) -> tuple[bool, str]:
    """Tell whether a value is possible, and which are, in words."""
    # By type and value: True is no 1 here.
    kind = type(value)
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        is_choice = any(kind is type(each) and value == each for each in choices)
        return is_choice, f"one of {', '.join(map(str, choices))}"
    if hint is bool:
        return kind is bool, "one of true, false"
    if hint is float:
        is_duration = isinstance(value, int | float) and kind is not bool and 0 <= value < math.inf
        return is_duration, "a number of seconds from 0"
    return value is None or kind is int, "a whole number or null"
