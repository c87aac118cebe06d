"""One local process in place of a container: its output line by line, its end, its stop."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_LONGEST_LINE = 65_536
_LAST_OUTPUT_SECONDS = 1.0

EXECUTION_VARIABLE = "AICORE_EXECUTION_ID"
"""In which a process finds to which execution it belongs. Source: SAP's `ai_core_sdk.tracking`."""


class ContainerProcess:
    """A process and all that it starts, in a process group of its own.

    It stays in the session of the emulator, so that whoever ends that session ends the process too.

    :param command: the program and its arguments.
    :param environment: the whole environment.
    :param folder: the working directory.
    :param write_line: called with each line of its output (stdout and stderr), without the line's end.
    :param write_result: called instead with the lines of stdout alone; None: the two are one, and in order.
    :param mark: a variable of *environment* by which children are known that left the process group; None:
        they live on.
    :raises OSError: the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        write_line: Callable[[str], None],
        write_result: Callable[[str], None] | None = None,
        mark: tuple[str, str] | None = None,
    ) -> None:
        self._mark = mark
        self._killer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._over = False
        self._popen = subprocess.Popen(  # noqa: S603 - running what the template says is the purpose
            list(command),
            env={**environment, **dict([mark] if mark else [])},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if write_result is None else subprocess.PIPE,
            process_group=0,
        )
        pipes = ((self._popen.stdout, write_result or write_line), (self._popen.stderr, write_line))
        self._readers = [
            threading.Thread(target=_read, args=(pipe, write), daemon=True)
            for pipe, write in pipes
            if pipe is not None
        ]
        for reader in self._readers:
            reader.start()

    def wait(self) -> int:
        """Wait for its end, and end what it left running, as the end of a container does.

        :return: the exit code as a container has it: 128 and the signal's number if a signal ended it.
        """
        if hasattr(os, "waitid"):  # Until it is collected, nobody else can be given its number.
            os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
            self._end_group()
        code = self._popen.wait()
        self._end_group()
        if self._mark is not None:
            end_stragglers(*self._mark)
        # What left the group and hides may keep the output open for as long as it lives.
        for reader in self._readers:
            reader.join(_LAST_OUTPUT_SECONDS)
        return code if code >= 0 else 128 - code

    def stop(self, grace: float) -> None:
        """Ask it to end, and end it by force if it does not; once it has ended, do nothing.

        :param grace: seconds between the two.
        """
        with self._lock:
            if self._over or self._killer is not None:
                return
            self._signal(signal.SIGTERM)
            self._killer = threading.Timer(grace, self._end_by_force)
            self._killer.daemon = True
            self._killer.start()

    def _end_by_force(self) -> None:
        with self._lock:
            if not self._over:
                self._signal(signal.SIGKILL)

    def _end_group(self) -> None:
        with self._lock:
            if self._over:
                return
            self._signal(signal.SIGKILL)
            self._over = True
            if self._killer is not None:
                self._killer.cancel()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # nobody of the group is left
            os.killpg(self._popen.pid, number)


def _read(pipe: IO[bytes], write: Callable[[str], None]) -> None:
    with pipe:
        while line := pipe.readline(_LONGEST_LINE):
            write(line.decode(errors="replace").rstrip("\r\n"))


def end_stragglers(name: str, value: str) -> None:
    """End every process that has a variable with a value, where ``/proc`` shows it.

    :param name: of a variable that tells which execution or pod a process belongs to, and that has ended.
    """
    mark = f"{name}={value}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        # It may end meanwhile, or belong to somebody else.
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
