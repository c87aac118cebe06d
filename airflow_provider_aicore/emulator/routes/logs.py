"""The log lines of an execution or deployment, by window and page."""

from dataclasses import dataclass

from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request
from airflow_provider_aicore.emulator.timestamps import parse_nanoseconds, with_nanoseconds
from airflow_provider_aicore.emulator.workloads import Workload

NOT_KNOWN_YET = "05011000"
_HOUR = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """Which lines are asked for; both ends, in nanoseconds, are inclusive (AI Core does not say)."""

    start: int
    end: int
    top: int
    newest_first: bool


def window(request: ApiRequest) -> Window:
    """Read the window of a request, by default the last hour.

    :raises Refusal: 400, a parameter is bad.
    """
    now = int(request.now * 1_000_000_000)
    return Window(
        _instant(request, "start", now - _HOUR),
        _instant(request, "end", now),
        request.query.number("$top", default=1000, least=1, most=5000),
        request.query.choice("$order", ("asc", "desc")) == "desc",
    )


def get(request: ApiRequest, wanted: Window, workload: Workload, noun: str) -> Reply:
    """Give the lines of a window, cut at ``$top`` without any sign.

    Before the runtime knows the workload the answer is 404 with code 05011000, or empty, by option.

    :param noun: ``Execution`` or ``Deployment``.
    """
    if workload.submission_time is None and request.tenant.options.logs_before_start == "not_found":
        raise Refusal(404, f"{noun}NotFoundError: {noun} {workload.id} not found.", NOT_KNOWN_YET)
    inside = workload.logs.between(wanted.start, wanted.end, wanted.top, newest_first=wanted.newest_first)
    lines = [
        {
            "timestamp": with_nanoseconds(line.nanoseconds),
            "container": line.container,
            "pod": line.pod,
            "msg": line.msg,
        }
        for line in inside
    ]
    return Reply(200, {"data": {"result": lines}})


def _instant(request: ApiRequest, name: str, default: int) -> int:
    value = request.query.text(name)
    if value is None:
        return default
    try:
        return parse_nanoseconds(value)
    except ValueError as error:
        raise bad_request(f"{name}: {error}") from error
