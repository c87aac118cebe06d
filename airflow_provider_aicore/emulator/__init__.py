"""A local AI Core, to develop and to test against: in process, over TCP, with scripted or real executions."""

from airflow_provider_aicore.emulator.emulator import Emulator, RecordedRequest
from airflow_provider_aicore.emulator.faults import (
    Answer,
    ConnectionLost,
    MalformedJson,
    NoConnection,
    SlowAnswer,
    credentials_refused,
    token_refused,
    too_many_requests,
    unavailable,
)
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.emulator.progress import Progress, Step

__all__ = [
    "Answer",
    "ConnectionLost",
    "Emulator",
    "MalformedJson",
    "NoConnection",
    "Options",
    "Progress",
    "RecordedRequest",
    "SlowAnswer",
    "Step",
    "credentials_refused",
    "token_refused",
    "too_many_requests",
    "unavailable",
]
