"""Waiting for what AI Core runs; it knows no Airflow.

Whoever waits on a worker runs the flow :func:`until_ended`, and whoever waits in an event loop with others
awaits :func:`wait_for`, for which all waits of a resource group share one poll. Who asks for something else
there does so in a :func:`visit`.
"""

from airflow_provider_aicore.poller.alone import until_ended
from airflow_provider_aicore.poller.doors import REQUESTS_PER_MINUTE
from airflow_provider_aicore.poller.reading_along import read_to_the_end, reading_along
from airflow_provider_aicore.poller.shared import Waiting, wait_for
from airflow_provider_aicore.poller.visit import Visit, visit
from airflow_provider_aicore.poller.wait import (
    DEPLOYMENTS_UNTIL,
    EXECUTIONS,
    HEARTBEAT,
    LOOKING_FAILED,
    MIN_INTERVAL,
    TROUBLE,
    Entity,
    Kind,
    Log,
    Wait,
    check_interval,
    is_overdue,
)

__all__ = [
    "DEPLOYMENTS_UNTIL",
    "EXECUTIONS",
    "HEARTBEAT",
    "LOOKING_FAILED",
    "MIN_INTERVAL",
    "REQUESTS_PER_MINUTE",
    "TROUBLE",
    "Entity",
    "Kind",
    "Log",
    "Visit",
    "Wait",
    "Waiting",
    "check_interval",
    "is_overdue",
    "read_to_the_end",
    "reading_along",
    "until_ended",
    "visit",
    "wait_for",
]
