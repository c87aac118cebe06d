"""How a line that an execution printed is shown: at which level, how much of it, and without secrets.

A line comes as it was printed, so its level can only be recognised by the forms that are usual; what says
nothing of a level is shown as ``INFO``.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aicore.api.models import LogLine

MAX_SHOWN = 8192
"""Characters that are shown of one line; those of some megabytes get lost on their way through Airflow."""
MASK = "***"

_LOOKED_AT = 2 * MAX_SHOWN
"""Characters of a line that are looked at: a triggerer stands still meanwhile."""
_ARGO_S_OWN = frozenset({"wait", "init"})
_HEAD = 120
"""Characters in which a line names its level; a word further behind is part of what it says."""
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "information": logging.INFO,
    "notice": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "err": logging.ERROR,
    "severe": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
_KLOG = {"I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR, "F": logging.CRITICAL}
_IS_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d")
_KEYED = re.compile(r"\b(?:level|lvl|severity|levelname)=\"?([A-Za-z]+)")
_WORD = re.compile(rf"(?<![\w.])({'|'.join(_LEVELS).upper()})(?![\w.])")
_RAISED = re.compile(
    r"Traceback \(most recent call last\)|(?:[a-zA-Z_]\w*\.)*[A-Z]\w*(?:Error|Exception)(?::|$)"
)
_JSON_KEYS = ("level", "levelname", "severity", "log_level", "lvl")
_SECRETS = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"),
    re.compile(r"(\b[a-z][a-z+]{1,15}://[^\s:/@]{0,200}:)[^\s/@]{1,500}(?=@)"),
    re.compile(r"(?i)([?&](?:sig|signature|x-amz-(?:signature|credential|security-token)|token)=)[^&\s\"']+"),
    re.compile(
        r"""(?ix)((?:client_?secret|secret_?(?:access_?)?key|access_?token|api_?key|private_?key|passwo?r?d)
        ["']?\s*[:=]\s*["']?)[^\s"',;&}]+"""
    ),
    re.compile(r"()\beyJ[\w-]{10,500}+\.[\w-]+(?:\.[\w-]*)?"),
)


class ShownLine(NamedTuple):
    """A line as it is to be logged.

    :param level: of the standard library's logging.
    """

    level: int
    text: str


def shown(line: LogLine, execution_id: str) -> ShownLine:
    """Say how to log a line: with its time, its pod if that is not the only one, and its level."""
    # Without its end, and what a progress bar has overwritten.
    text = line.msg.rstrip()
    text = text.rpartition("\r")[2] or text
    said = scrubbed(text[:_LOOKED_AT])
    where = _where(line, execution_id)
    return ShownLine(
        level_of(said),
        f"{_time(line.timestamp)}{f' {where}' if where else ''} | {cut(said, unseen=len(text) - _LOOKED_AT)}",
    )


def cut(text: str, most: int = MAX_SHOWN, *, unseen: int = 0) -> str:
    """Cut a text that is too long, and say how much is left out.

    :param unseen: characters that were left out before.
    """
    left_out = len(text) + max(0, unseen) - most
    return text if left_out <= 0 else f"{text[:most]} … ({left_out} characters more)"


def scrubbed(text: str) -> str:
    """Mask what looks like a token, a password or a key; Airflow masks those of the connection by itself.

    Half a character, as of a text that was cut, is replaced: to log it raises in Airflow 3.1.
    """
    text = text.encode(errors="replace").decode()
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def users_own(lines: Sequence[LogLine]) -> list[LogLine]:
    """Leave out what Argo's containers say, unless nobody else says anything."""
    return [line for line in lines if not is_argo_s_own(line)] or list(lines)


def is_argo_s_own(line: LogLine) -> bool:
    """Tell whether it is a container of Argo's that says this, beside what the user lets run."""
    return line.container in _ARGO_S_OWN


def level_of(text: str) -> int:
    """Recognise the level that a line names, or a traceback; ``INFO`` if neither."""
    head = text[:_HEAD].lstrip()
    if head.startswith("{"):
        return _level_in_json(text)
    if klog := _IS_KLOG.match(head):
        return _KLOG[klog[1]]
    if keyed := _KEYED.search(head):
        return _LEVELS.get(keyed[1].lower(), logging.INFO)
    if word := _WORD.search(head):
        return _LEVELS[word[1].lower()]
    return logging.ERROR if _RAISED.match(head) else logging.INFO


def _level_in_json(text: str) -> int:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return logging.INFO
    values = (fields.get(key) for key in _JSON_KEYS) if isinstance(fields, dict) else ()
    return next(
        (_LEVELS.get(each.lower(), logging.INFO) for each in values if isinstance(each, str)), logging.INFO
    )


def _where(line: LogLine, execution_id: str) -> str:
    """Name pod and container as far as they are not the usual ones."""
    pod = (line.pod or "").removeprefix(execution_id).lstrip("-")
    container = "" if line.container in {None, "main"} else str(line.container)
    return "/".join(part for part in (pod, container) if part)


def _time(timestamp: str) -> str:
    """Show milliseconds of the nine digits that AI Core gives."""
    is_utc = timestamp.endswith(("+00:00", "Z")) and len(timestamp) > 23
    return f"{timestamp[:23]}Z" if is_utc else timestamp[:40]
