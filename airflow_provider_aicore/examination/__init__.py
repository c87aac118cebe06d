"""What an examination of a connection finds out; without Airflow.

::

    lines = client.run(examine(Case(client.service_key, client.resource_group, client.now)))
"""

from airflow_provider_aicore.examination.case import Case, Line, Verdict
from airflow_provider_aicore.examination.checks import ALL, QUICK, examine, unreadable

__all__ = ["ALL", "QUICK", "Case", "Line", "Verdict", "examine", "unreadable"]
