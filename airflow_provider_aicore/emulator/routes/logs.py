"""Operation ``kubesubmit.v4.executions.get_logs``."""

from airflow_provider_aicore.emulator import lifecycle
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request
from airflow_provider_aicore.emulator.timestamps import parse_nanoseconds, with_nanoseconds

NOT_KNOWN_YET = "05011000"
_HOUR = 3_600_000_000_000


def get_logs(request: ApiRequest) -> Reply:
    """Give the log lines of a window, by default the last hour, cut at ``$top`` without any sign.

    Both ends of the window are inclusive (AI Core does not say). Before the runtime knows the execution the
    answer is 404 with code 05011000.
    """
    now = int(request.now * 1_000_000_000)
    start = _instant(request, "start", now - _HOUR)
    end = _instant(request, "end", now)
    top = request.query.number("$top", default=1000, least=1, most=5000)
    newest_first = request.query.choice("$order", ("asc", "desc")) == "desc"
    execution = lifecycle.find(request.group, request.path_ids["executionId"], request.now)
    if execution.submission_time is None:
        raise Refusal(404, f"ExecutionNotFoundError: Execution {execution.id} not found.", NOT_KNOWN_YET)
    inside = execution.logs.between(start, end, top, newest_first=newest_first)
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
