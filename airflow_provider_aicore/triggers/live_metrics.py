"""The metrics of an execution in the log of its task, while no worker waits for it."""

from __future__ import annotations

from airflow_provider_aicore.api import AICoreError
from airflow_provider_aicore.api.metric_following import MetricNews
from airflow_provider_aicore.hooks.aicore import AICoreHook
from airflow_provider_aicore.poller import visit
from airflow_provider_aicore.triggers.alongside import Alongside


class LiveMetrics(Alongside):
    """Tells what is new as long as the block lasts; trouble with it is never the wait's.

    The last values are the worker's to tell, once the execution has ended.
    """

    async def _follow(self) -> None:
        trigger = self._trigger
        connection = (trigger.aicore_conn_id, trigger.resource_group)
        news = MetricNews(trigger.execution_id)
        try:
            async with visit(
                connection=connection, connect=AICoreHook(*connection).aget_conn, log=trigger.log
            ) as there:
                while True:
                    for level, text in news.of(await there.metrics(trigger.execution_id)):
                        trigger.log.log(level, "%s", text)
        except (AICoreError, ValueError):
            return  # The wait says what is wrong with the connection.
        except Exception as error:  # noqa: BLE001 - metrics in a log are not worth a task
            trigger.log.warning("Metrics are not shown any more: %s: %s", type(error).__name__, error)
