"""A program that is started here and surely ended here, with all that it started itself."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def title(process: psutil.Process) -> str:
    """Read the command line of a process, or what it calls itself; empty when it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def reaching_loopback(environment: Mapping[str, str]) -> dict[str, str]:
    """Copy environment variables so that what talks to this machine goes past any proxy.

    Both spellings are set, since some libraries read one and some the other.
    """
    before = [environment[name] for name in ("NO_PROXY", "no_proxy") if environment.get(name)]
    hosts = ",".join(dict.fromkeys(["127.0.0.1,localhost", *before]))
    return {**environment, "NO_PROXY": hosts, "no_proxy": hosts}


class Process:
    """A program in a session of its own, which writes to a log file of its own.

    The session finds its descendants again: Airflow gives some of them process groups of their own, and the
    children of a killed program have no parent that leads back to it.

    :param name: what people call it, in messages and for the log file.
    :param command: program and arguments.
    :param environment: its whole environment.
    :param folder: its working directory; the log file is put there as well.
    :param keep_stdout: leave standard output to the caller, who must read it; the rest goes to the log file.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        keep_stdout: bool = False,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if keep_stdout else log,
                stderr=log,
                start_new_session=True,
            )

    def family(self) -> list[psutil.Process]:
        """Find the running processes of its session: itself and its descendants, orphans included."""
        return [process for process in psutil.process_iter() if self._is_family(process)]

    def _is_family(self, process: psutil.Process) -> bool:
        try:
            return os.getsid(process.pid) == self.popen.pid and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, PermissionError, psutil.Error):
            return False

    def check(self) -> None:
        """Complain if it has ended although nobody asked it to.

        :raises RuntimeError: with its exit code and its last lines.
        """
        if (code := self.popen.poll()) is not None:
            raise RuntimeError(
                f"{self.name} ended with exit code {code}. Last lines of {self.log}:\n{self.tail()}"
            )

    def was_ended(self) -> bool:
        """Tell whether somebody has ended it: it obeyed, or was killed by a signal."""
        code = self.popen.poll()
        return code is not None and code <= 0

    def tail(self, lines: int = 20) -> str:
        """Read the last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def terminate(self) -> None:
        """Ask it to end; ``kill`` makes sure of it."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)

    def kill(self, patience: float = 0.0) -> None:
        """End it and all its descendants.

        :param patience: seconds to wait for an end of its own accord before it is forced.
        """
        deadline = time.monotonic() + patience
        while self.popen.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        while family := self.family():
            for process in family:
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
            self.popen.poll()
            time.sleep(0.02)
        self.popen.wait()
