"""The emulator as a program: ``python -m airflow_provider_aicore.emulator``.

When it listens, it prints one line of JSON: ``{"event": "ready", "url": …, "service_key": {…}}``.
SIGTERM, SIGINT and SIGHUP end it and all that it runs.
"""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow_provider_aicore.emulator.server import EmulatorServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal comes.

    :return: the exit code: 0 after a signal, 2 if it could not begin.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    options = vars(_parser().parse_args(arguments))
    try:
        server = EmulatorServer(**_emulator_options(options))
    except (OSError, ValueError) as error:
        print(f"The emulator cannot start: {error}", file=sys.stderr)
        return 2
    with server:
        ready = {"event": "ready", "url": server.url, "service_key": server.emulator.service_key}
        print(json.dumps(ready), flush=True)
        ended.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_aicore.emulator", description="A local AI Core, on 127.0.0.1 only."
    )
    add = parser.add_argument
    add(
        "--templates", type=Path, metavar="DIR", help="WorkflowTemplates, each of which becomes an executable"
    )
    add("--object-store", type=Path, metavar="DIR", help="has a folder for each secret in ai://SECRET/PATH")
    add(
        "--image", action="append", default=[], metavar="NAME=DIR", help="the folder that stands for an image"
    )
    add("--port", type=_port, default=0, help="default: a free one")
    add("--resource-group", action="append", default=["default"], metavar="NAME", help="beside 'default'")
    add("--token-lifetime", type=float, default=43199, metavar="S", help="seconds, default 43199")
    add("--unknown-seconds", type=float, default=2, metavar="S", help="of an execution, default 2")
    add("--pending-seconds", type=float, default=2, metavar="S", help="of an execution, default 2")
    add("--state", type=Path, metavar="DIR", help="keeps everything, for the next start to go on from")
    add("--service-key", type=Path, metavar="FILE", help="JSON of an earlier ready line, to use again")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a whole number from 0 to 65535")
    return int(text)


def _emulator_options(options: dict[str, Any]) -> dict[str, Any]:
    """Turn the command line into the options of `EmulatorServer`.

    :raises ValueError: an image or the service key is not as it should be.
    """
    service_key_file = options.pop("service_key")
    resource_groups = options.pop("resource_group")
    images = {}
    for text in options.pop("image"):
        name, equals, folder = text.partition("=")
        if not name or not equals:
            raise ValueError(f"--image {text} is not of the form NAME=DIR")
        images[name] = Path(folder)
    return {
        **options,
        "images": images,
        "resource_groups": resource_groups,
        "service_key": None if service_key_file is None else _service_key(service_key_file),
        "record_requests": False,
    }


def _service_key(file: Path) -> dict[str, Any]:
    try:
        content = dict(json.loads(file.read_text()))
        return dict(content.get("service_key", content))
    except (TypeError, ValueError) as error:
        # The parser's own message may quote the file, and with it the secret.
        raise ValueError(f"--service-key {file}: it is no JSON object") from error


if __name__ == "__main__":
    sys.exit(main())
