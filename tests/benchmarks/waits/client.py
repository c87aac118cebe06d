"""A program: waits for executions in one of several ways, and tells what it cost.

The order comes as a line of JSON on the input, the figures go as one to the output.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import ssl
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from airflow_provider_aicore.api import AsyncClient, ServiceKey
from airflow_provider_aicore.poller import Wait, wait_for

ENDED = {"COMPLETED", "DEAD", "STOPPED"}
READ = "/v2/lm/executions/{}?$select=status"


class Measured:
    """What this process has used."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.longest_step = self.longest_step_with_gc = self._collecting = 0.0
        self._count_requests()
        self._time_steps()

    def _count_requests(self) -> None:
        send = httpx.AsyncClient.send

        async def counted(client: httpx.AsyncClient, request: httpx.Request, **how: Any) -> httpx.Response:
            self.requests["token" if request.url.path.endswith("/token") else "other"] += 1
            return await send(client, request, **how)

        httpx.AsyncClient.send = counted  # type: ignore[method-assign, assignment]

    def _time_steps(self) -> None:
        """Time each step of the event loop by the CPU, so that other processes do not count.

        Nor does Python's garbage collection, which strikes any step once there are many objects.
        """
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            begin, self._collecting = time.thread_time(), 0.0
            run(handle)
            took = time.thread_time() - begin
            self.longest_step_with_gc = max(self.longest_step_with_gc, took)
            self.longest_step = max(self.longest_step, took - self._collecting)

        def collect(phase: str, _: dict[str, int]) -> None:
            self._collecting += time.thread_time() * (1 if phase == "stop" else -1)

        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]
        gc.callbacks.append(collect)


def resident() -> int:
    """Give the bytes of memory in use."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sockets() -> int:
    """Count the open sockets."""
    links = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return sum(str(link).startswith("socket:") for link in links)


def ours(order: dict[str, Any], execution_id: str, shared: dict[str, Any]) -> Any:
    """Wait in the shared poll."""
    return wait_for(
        Wait(execution_id, interval=order["interval"]),
        log=logging.getLogger("wait"),
        connection="aicore_default",
        connect=shared["connect"],
    )


async def asleep(order: dict[str, Any], execution_id: str, shared: dict[str, Any]) -> None:
    """Only be there, as a trigger is in any case."""
    await asyncio.sleep(max(order["ends"]) - time.time())


async def by_itself(order: dict[str, Any], execution_id: str, shared: dict[str, Any]) -> None:
    """Look at one execution again and again, with a new client each time, its own, or the one of all."""
    pattern, make = order["pattern"], shared["client"]

    async def look(http: httpx.AsyncClient) -> bool:
        answer = await http.get(READ.format(execution_id))
        return answer.raise_for_status().json()["status"] in ENDED

    if pattern == "one session":
        client = shared.setdefault("session", make())
        under_way = shared.setdefault("under way", asyncio.Semaphore(100))
    elif pattern == "client per wait":
        client = make()
    await asyncio.sleep(random.uniform(0, order["interval"]))
    while True:
        if pattern == "client per poll":
            async with make() as client:
                ended = await look(client)
        elif pattern == "one session":
            # httpx compares each request that waits for a connection with all the others.
            async with under_way:
                ended = await look(client)
        else:
            ended = await look(client)
        if ended:
            break
        await asyncio.sleep(order["interval"])
    if pattern == "client per wait":
        await client.aclose()


def clients(order: dict[str, Any]) -> dict[str, Any]:
    """Give makers of clients: ours, and the plain one, for which TLS is set up once."""
    tls = ssl.create_default_context()
    key = ServiceKey.parse(order["service_key"])

    async def connect() -> AsyncClient:
        # As the hook does: authorities are read from disk.
        return await asyncio.to_thread(AsyncClient, key)

    def client() -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=order["url"],
            headers=order["headers"],
            verify=tls,
            trust_env=False,
            timeout=httpx.Timeout(60, pool=None),
        )

    return {"connect": connect, "client": client}


async def measure(order: dict[str, Any], measured: Measured) -> dict[str, Any]:
    """Wait for all, and tell what it cost while nothing ended, and how late each end was seen."""
    shared = clients(order)
    wait = {"ours": ours, "asleep": asleep}.get(order["pattern"], by_itself)
    woken: dict[str, list[float]] = {each: [] for each in order["ids"]}

    def note(task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task.exception() is None:
            woken[task.get_name()].append(time.time())

    # One waits already: what a client takes is had once. In a thread, since to collect all garbage is no step
    # of those that are measured.
    first = asyncio.create_task(wait(order, order["ids"][-1], shared))
    await asyncio.sleep(order["from"] - time.time() - order["setting_up"])
    idle = await asyncio.to_thread(resident)
    tasks = []
    for number, each in enumerate(order["ids"]):
        tasks.append(asyncio.create_task(wait(order, each, shared), name=each))
        if number < len(order["ends"]):
            tasks[-1].add_done_callback(note)
        if number % 100 == 0:  # They come one by one in a triggerer.
            await asyncio.sleep(0)
    await asyncio.sleep(max(0.0, order["from"] - time.time()))
    requests, cpu = measured.requests.total(), time.process_time()
    await asyncio.sleep(order["until"] - time.time())
    requests, cpu = measured.requests.total() - requests, time.process_time() - cpu
    memory, open_sockets = await asyncio.to_thread(resident) - idle, sockets()
    ending = dict(zip(order["ids"], order["ends"], strict=False))
    await asyncio.gather(*tasks[: len(ending)])
    lost = sum(not task.done() for task in tasks[: len(ending)])
    woken_in_vain = sum(task.done() for task in tasks[len(ending) :])
    for task in (first, *tasks):
        task.cancel()
    await asyncio.gather(first, *tasks, return_exceptions=True)
    if "session" in shared:
        await shared["session"].aclose()
    late = sorted(at - ending[each] for each, times in woken.items() for at in times)
    intervals = (order["until"] - order["from"]) / order["interval"]
    return {
        "requests": requests / intervals,
        "requests_in_all": measured.requests.total(),
        "cpu": cpu / intervals,
        "cpu_in_all": time.process_time(),
        "memory": memory,
        "sockets": open_sockets,
        "tokens": measured.requests["token"],
        "late_p50": late[len(late) // 2],
        "late_p99": late[int(len(late) * 0.99)],
        "late_worst": late[-1],
        "woken": len(late),
        "lost": lost,
        "woken_in_vain": woken_in_vain,
        "longest_step": measured.longest_step,
        "longest_step_with_gc": measured.longest_step_with_gc,
    }


def main() -> None:
    """Do what is ordered."""
    logging.getLogger("wait").setLevel("INFO")
    logging.getLogger("wait").addHandler(logging.NullHandler())
    order = json.loads(sys.stdin.readline())
    print(json.dumps(asyncio.run(measure(order, Measured()))))


if __name__ == "__main__":
    main()
