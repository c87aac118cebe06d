"""The local AI Core as a process, and a look into it past the provider, by AI Core's own API."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx

from demo.process import Process, reaching_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

RESOURCE_GROUP = "default"


class EmulatorProcess:
    """An emulator that lives as long as the ``with`` block.

    :param folder: a new folder for its state; ``object-store/default`` in it is what ``ai://default`` means.
    :param templates: folder of the WorkflowTemplates.
    :param images: image name to the folder which stands for it.
    :param options: more of its command-line options.
    :param program: what Python runs.
    """

    def __init__(
        self,
        folder: Path,
        *,
        templates: Path,
        images: Mapping[str, Path],
        options: tuple[str, ...] = (),
        program: tuple[str, ...] = ("-m", "airflow_provider_aicore.emulator"),
    ) -> None:
        self.program = program
        self.folder = folder
        self.object_store = folder / "object-store" / "default"
        self.arguments = ["--templates", str(templates), "--object-store", str(self.object_store.parent)]
        for name, image in images.items():
            self.arguments += ["--image", f"{name}={image}"]
        self.arguments += ["--port", "0", "--quiet", *options]
        self.url = ""
        self.service_key: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.object_store.mkdir(parents=True)
        self.process = Process(
            "emulator",
            [sys.executable, *self.program, *self.arguments],
            environment=reaching_loopback(os.environ),
            folder=self.folder,
            keep_stdout=True,
        )
        try:
            ready = self._ready_line()
            self.url, self.service_key = ready["url"], ready["service_key"]
            self.http = httpx.Client(
                base_url=f"{self.service_key['serviceurls']['AI_API_URL']}/v2",
                headers={"Authorization": f"Bearer {self.token()}", "AI-Resource-Group": RESOURCE_GROUP},
                trust_env=False,
                timeout=90,
            )
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it and the executions it runs."""
        self.process.terminate()
        self.process.kill(patience=10)

    def token(self) -> str:
        """Get an access token, as any client does."""
        key = self.service_key
        answer = httpx.post(
            f"{key['url']}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(key["clientid"], key["clientsecret"]),
            trust_env=False,
            timeout=90,
        )
        return str(answer.raise_for_status().json()["access_token"])

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """Ask AI Core, for instance for ``/lm/executions``."""
        return self.http.get(path, params=params).raise_for_status().json()

    def get_if_any(self, path: str, params: Mapping[str, str | int]) -> Any | None:
        """Ask AI Core as ``get`` does; ``None`` if there is nothing (yet)."""
        answer = self.http.get(path, params=params)
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def execution(self, execution_id: str) -> dict[str, Any]:
        """Read one execution."""
        return dict(self.get(f"/lm/executions/{execution_id}"))

    def executions(self, executable_id: str) -> list[dict[str, Any]]:
        """Read all executions of an executable."""
        return list(self.get("/lm/executions", {"executableIds": executable_id})["resources"])

    def metrics(self, execution_id: str) -> dict[str, float]:
        """Read the last value of each metric of an execution; none if it has died before its first one."""
        answer = self.get_if_any("/lm/metrics", {"executionIds": execution_id}) or {"resources": []}
        points = [point for resource in answer["resources"] for point in resource["metrics"]]
        return {point["name"]: point["value"] for point in sorted(points, key=lambda point: point["step"])}

    def last_log_lines(self, execution_id: str, count: int) -> list[str]:
        """Read the end of what an execution has written; nothing if it has died before its first line."""
        answer = self.get_if_any(f"/lm/executions/{execution_id}/logs", {"$order": "desc", "$top": count})
        lines = answer["data"]["result"] if answer else []
        return [line["msg"].rstrip() for line in reversed(lines)]

    def stored(self, url: str) -> Path:
        """Say which file or folder an ``ai://default/…`` URL means."""
        return self.object_store / url.removeprefix("ai://default/")

    def _ready_line(self) -> dict[str, Any]:
        """Wait for the line that says how to reach it. It holds a secret, so it goes into no log file.

        :raises RuntimeError: it ended instead, or said nothing for a minute.
        """
        lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read_stdout, args=(lines,), daemon=True).start()
        try:
            line = lines.get(timeout=60)
        except queue.Empty:
            raise RuntimeError(f"The emulator is not ready after 60 s. Its log: {self.process.log}") from None
        if not line:
            self.process.popen.wait(timeout=10)
            self.process.check()
        return dict(json.loads(line))

    def _read_stdout(self, lines: queue.Queue[bytes]) -> None:
        """Hand on the first line and keep the pipe empty."""
        stdout = self.process.popen.stdout
        if stdout is None:
            return
        lines.put(stdout.readline())
        for _ in stdout:
            pass
