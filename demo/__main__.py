"""Run the example pipeline on a real Airflow and a local AI Core: ``python -m demo``.

Everything lives in a temporary folder and listens on 127.0.0.1 only. In the environment, ``KEEP=1`` leaves it
running to look around in, and ``PORT`` chooses the port of Airflow's UI. The exit code is 0 if the pipeline
succeeded, 1 if it or a process that it needs failed, and 2 if the demo could not begin.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

    from demo.stage import Play

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NEEDED = {
    "airflow": "apache-airflow",
    "httpx": "httpx",
    "psutil": "psutil",
    "sklearn": "scikit-learn",
    "uvicorn": "uvicorn",
    "yaml": "pyyaml",
}


def refuse(reason: str) -> NoReturn:
    """Say in one line why the demo cannot begin."""
    print(f"demo: {reason}", file=sys.stderr)
    raise SystemExit(2)


def check_packages() -> None:
    """Make sure that everything is installed that the processes will import."""
    missing = [package for module, package in NEEDED.items() if util.find_spec(module) is None]
    if missing:
        refuse(f"{', '.join(missing)} missing in {sys.prefix}: pip install -e '.[demo]'")
    providers = {point.module for point in metadata.entry_points(group="apache_airflow_provider")}
    if "airflow_provider_aicore.get_provider_info" not in providers:
        refuse(f"Airflow in {sys.prefix} does not know this provider: pip install -e '.[demo]'")


def chosen_port() -> int | None:
    """Read PORT and make sure that nobody listens there."""
    text = os.environ.get("PORT", "")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        refuse(f"PORT={text} is no port number")
    with socket.socket() as probe:
        # As the API server does: a port whose last owner has just left is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as error:
            refuse(f"port {text} cannot be used ({error.strerror}): choose another PORT, or none")
    return int(text)


def end_once(_number: int, _frame: FrameType | None) -> None:
    """Begin to end everything; a second Ctrl-C must not interrupt that."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def listen_to_signals() -> None:
    """Let each signal that ends a program end all that was started."""
    for number in ENDING_SIGNALS:
        # Under nohup SIGHUP is ignored on purpose.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end_once)


def keep_running(play: Play) -> None:
    """Wait for a signal that ends the demo.

    :raises RuntimeError: a process of the stage has ended meanwhile.
    """
    try:
        while True:
            play.check_processes()
            time.sleep(2)
    except KeyboardInterrupt:
        print("\nending Airflow and the emulator", flush=True)


def perform(folder: Path, port: int | None) -> bool:
    """Set the stage, let the pipeline run and tell what happened; say whether it succeeded."""
    import httpx

    from demo.stage import stage

    with stage(folder, port) as play:
        if os.environ.get("KEEP") != "1":
            return play.perform()
        succeeded = False
        try:
            succeeded = play.perform()
        except (RuntimeError, TimeoutError, httpx.HTTPError) as error:
            # Just then a person wants to look around.
            print(f"demo: {error}", file=sys.stderr)
        play.print_addresses()
        keep_running(play)
    return succeeded


def main() -> int:
    """Run the demo and clean up, except for what its output points to."""
    check_packages()
    import httpx

    port = chosen_port()
    listen_to_signals()
    folder = Path(tempfile.mkdtemp(prefix="aicore-demo-"))
    succeeded = False
    try:
        succeeded = perform(folder, port)
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
    except (RuntimeError, TimeoutError, httpx.HTTPError) as error:
        print(f"demo: {error}", file=sys.stderr)
    if succeeded:
        shutil.rmtree(folder / "airflow")
    print(f"Nothing is left running. {'The model is' if succeeded else 'Logs and data are'} in {folder}")
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
