"""A local AI Core, to develop and to test against: in process, over TCP, with scripted or real executions."""

from airflow_provider_aicore.emulator.clock import ManualClock
from airflow_provider_aicore.emulator.emulator import Emulator
from airflow_provider_aicore.emulator.failures import FAILURES, failing
from airflow_provider_aicore.emulator.faults import (
    Answer,
    BodyCut,
    ClockSkew,
    ConnectionLost,
    MalformedJson,
    NoConnection,
    RetryAfterDate,
    SlowAnswer,
    credentials_refused,
    server_error,
    token_refused,
    too_many_requests,
    unavailable,
)
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.emulator.progress import Progress, Step
from airflow_provider_aicore.emulator.recording import RecordedRequest

__all__ = [
    "FAILURES",
    "Answer",
    "BodyCut",
    "ClockSkew",
    "ConnectionLost",
    "Emulator",
    "MalformedJson",
    "ManualClock",
    "NoConnection",
    "Options",
    "Progress",
    "RecordedRequest",
    "RetryAfterDate",
    "SlowAnswer",
    "Step",
    "credentials_refused",
    "failing",
    "server_error",
    "token_refused",
    "too_many_requests",
    "unavailable",
]
