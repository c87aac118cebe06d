"""One local process in place of a container: its output line by line, its end, its stop."""

import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from os import killpg
from pathlib import Path

_LONGEST_LINE = 65_536


class ContainerProcess:
    """A process and all that it starts, in a process group of its own.

    :param command: the program and its arguments.
    :param environment: the whole environment.
    :param folder: the working directory.
    :param write_line: called with each line of its output (stdout and stderr), without the line's end.
    :raises OSError: the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        write_line: Callable[[str], None],
    ) -> None:
        self._write_line = write_line
        self._killer: threading.Timer | None = None
        self._popen = subprocess.Popen(  # noqa: S603 - running what the template says is the purpose
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> int:
        """Wait for its end, and end what it left running, as the end of a container does.

        :return: the exit code as a container has it: 128 and the signal's number if a signal ended it.
        """
        code = self._popen.wait()
        self._signal(signal.SIGKILL)
        if self._killer is not None:
            self._killer.cancel()
        self._reader.join()
        return code if code >= 0 else 128 - code

    def stop(self, grace: float) -> None:
        """Ask it to end, and end it by force if it does not.

        :param grace: seconds between the two.
        """
        if self._killer is not None:
            return
        self._signal(signal.SIGTERM)
        self._killer = threading.Timer(grace, self._signal, [signal.SIGKILL])
        self._killer.daemon = True
        self._killer.start()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # nobody of the group is left
            killpg(self._popen.pid, number)

    def _read(self) -> None:
        stdout = self._popen.stdout
        if stdout is None:
            return
        with stdout:
            while line := stdout.readline(_LONGEST_LINE):
                self._write_line(line.decode(errors="replace").rstrip("\r\n"))
