"""How AI Core writes and reads instants: whole seconds on things, nanoseconds on log lines."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def whole_seconds(seconds: float) -> str:
    """Write an instant as artifacts, configurations and executions carry it: ``2024-09-09T19:09:57Z``.

    :param seconds: since the epoch; fractions are cut off, as on AI Core.
    """
    return _whole(int(seconds))


@lru_cache(maxsize=100_000)
def _whole(seconds: int) -> str:
    # A list of ten thousand executions has forty thousand instants, and the next list has the same ones.
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}Z"


def with_offset(seconds: float) -> str:
    """Write an instant as scenarios and executables carry it: ``2024-01-01T00:00:00+00:00``.

    :param seconds: since the epoch.
    """
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def with_nanoseconds(nanoseconds: int) -> str:
    """Write an instant as log lines carry it: ``2024-03-27T09:44:55.607617616+00:00``.

    :param nanoseconds: since the epoch.
    """
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{fraction:09d}+00:00"


def parse_nanoseconds(text: str) -> int:
    """Read an RFC 3339 instant without losing digits, which ``datetime`` would after the sixth.

    :param text: with a zone; a blank where ``+`` should stand is an unencoded ``+`` in a URL and is refused.
    :return: nanoseconds since the epoch.
    :raises ValueError: it is not RFC 3339.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 instant such as 2021-05-19T00:00:14.347Z")
    day, time_of_day, fraction, _zulu, sign, hours, minutes = match.groups()
    moment = datetime.fromisoformat(f"{day}T{time_of_day}+00:00")
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        try:
            moment = moment - offset if sign == "+" else moment + offset
        except OverflowError as error:
            raise ValueError(f"{text!r} lies outside the years 1 to 9999") from error
    whole = (moment - _EPOCH) // timedelta(seconds=1)
    return whole * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
