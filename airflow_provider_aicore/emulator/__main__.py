"""The emulator as a program: ``python -m airflow_provider_aicore.emulator``.

When it listens, it prints one line of JSON: ``{"event": "ready", "url": …, "service_key": {…}}``.
SIGTERM, SIGINT and SIGHUP end it and all that it runs.
"""

import argparse
import dataclasses
import json
import math
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from airflow_provider_aicore.emulator import fault_rules, scripts
from airflow_provider_aicore.emulator.clock import ManualClock
from airflow_provider_aicore.emulator.entries import EntryError, parse, read
from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.emulator.routes.admin.naming import RESOURCE_GROUP_ID
from airflow_provider_aicore.emulator.server import EmulatorServer

_KEPT_REQUESTS = 1000
_MOST_SECONDS = 1_000_000_000
_MOST_DAYS = 10_000
_WARNING = (
    "WARNING: it listens on {host}, not for this machine alone, and there is no real security in it: whoever "
    "reaches the port can control it and have it run what its templates hold. Not for a network of strangers."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal comes.

    :return: the exit code: 0 after a signal, 2 if it could not begin.
    """
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    if options["x509"] and not options["tls"]:
        parser.error("--x509 needs --tls: without TLS nobody can show a certificate")
    quiet, by_certificate = options.pop("quiet"), options.pop("x509")
    try:
        server = _prepared(options)
    except (OSError, ValueError) as error:
        print(f"The emulator cannot start: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    with server:
        service_key = server.x509_service_key if by_certificate else server.emulator.service_key
        if not quiet:
            print(_introduction(server, service_key, options["templates"]), file=sys.stderr, flush=True)
        if not server.is_local:
            print(_WARNING.format(host=options["host"]), file=sys.stderr, flush=True)
        ready = {"event": "ready", "url": server.url, "service_key": service_key}
        if server.authority_file is not None:
            ready["ca_file"] = str(server.authority_file)
        print(json.dumps(ready), flush=True)
        ended.wait()
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line; the usage would fill a screen."""
        self.exit(2, f"The emulator cannot start: {message} (--help lists the options)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m airflow_provider_aicore.emulator",
        description="A local AI Core, on 127.0.0.1 unless told otherwise.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--templates",
        type=_path,
        metavar="DIR",
        help="WorkflowTemplates; each becomes an executable",
    )
    add("--object-store", type=_path, metavar="DIR", help="has a folder for each secret in ai://SECRET/PATH")
    add(
        "--image", action="append", default=[], metavar="NAME=DIR", help="the folder that stands for an image"
    )
    add("--port", type=_port, default=0, help="default: a free one")
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="to listen on, default 127.0.0.1; any other gives its network the run of this machine",
    )
    add(
        "--resource-group",
        type=_resource_group,
        action="append",
        default=["default"],
        metavar="NAME",
        help="beside 'default'",
    )
    add("--token-lifetime", type=_seconds, default=43199, metavar="S", help="seconds, default 43199")
    add("--unknown-seconds", type=_seconds, default=2, metavar="S", help="of an execution, default 2")
    add("--pending-seconds", type=_seconds, default=2, metavar="S", help="of an execution, default 2")
    add(
        "--max-running",
        type=int,
        metavar="N",
        help="executions that really run at a time, default: all; the others wait in PENDING",
    )
    add(
        "--no-private-root",
        dest="private_root",
        action="store_false",
        help="do not show programs the paths that their template declares; only replace them in its texts",
    )
    add(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how it behaves where AI Core's documentation is silent: "
        + ", ".join(f"{each.name}={_written(each.default)}" for each in dataclasses.fields(Options)),
    )
    add("--state", type=_path, metavar="DIR", help="keeps everything, for the next start to go on from")
    add("--service-key", type=_path, metavar="FILE", help="JSON of an earlier ready line, to use again")
    add("--tls", action="store_true", help="HTTPS, with certificates of its own")
    add("--x509", action="store_true", help="print a service key with a certificate; needs --tls")
    add(
        "--certificate-days",
        type=_days,
        default=7,
        metavar="D",
        help="how long the certificate of --x509 is good; a negative number: it has expired",
    )
    add("--scripts", type=_path, metavar="FILE", help="YAML: how executions move without really running")
    add("--faults", type=_path, metavar="FILE", help="YAML: which requests fail, and how")
    add(
        "--clock",
        choices=["real", "manual"],
        default="real",
        help="manual: it stands until POST /emulator/clock",
    )
    add(
        "--date-skew",
        type=_skew,
        default=0,
        metavar="S",
        help="seconds by which the header Date is ahead of the clock",
    )
    add(
        "--quiet",
        action="store_true",
        help="say nothing on stderr when it starts; the connection is a secret",
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a whole number from 0 to 65535")
    return int(text)


def _path(text: str) -> Path:
    if not text:  # A variable of a shell that is not set; Path("") would be the current folder.
        raise argparse.ArgumentTypeError("no path is given")
    return Path(text)


def _resource_group(text: str) -> str:
    if not RESOURCE_GROUP_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} does not match the pattern {RESOURCE_GROUP_ID.pattern}")
    return text


def _seconds(text: str) -> float:
    seconds = _skew(text)
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 0 seconds")
    return seconds


def _skew(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds) or abs(seconds) > _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, or more than {_MOST_SECONDS}")
    return seconds


def _days(text: str) -> float:
    days = _skew(text)
    if abs(days) > _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, or more than {_MOST_DAYS}")
    return days


def _written(value: object) -> str:
    """Give a value of an option as one writes it on the command line."""
    return value if isinstance(value, str) else json.dumps(value)


def _prepared(options: dict[str, Any]) -> EmulatorServer:
    """Make the server, with the scripts and faults of the command line in store.

    :raises OSError: it cannot listen there.
    :raises ValueError: an option or a file is not as it should be.
    """
    options = dict(options)
    scripts_file, faults_file = options.pop("scripts"), options.pop("faults")
    told = [] if scripts_file is None else parse(scripts.SCRIPT, read(scripts_file), str(scripts_file))
    rules = [] if faults_file is None else parse(fault_rules.RULE, read(faults_file), str(faults_file))
    server = EmulatorServer(**_emulator_options(options))
    try:
        scripts.follow(told, server.emulator)
    except EntryError as error:
        server.close()
        raise ValueError(f"{scripts_file}: {error}") from error
    fault_rules.add(rules, server.emulator.faults, server.emulator.state.now)
    return server


def _emulator_options(options: dict[str, Any]) -> dict[str, Any]:
    """Turn the command line into the options of `EmulatorServer`.

    :raises ValueError: an image, an option or the service key is not as it should be.
    """
    service_key_file = options.pop("service_key")
    resource_groups = options.pop("resource_group")
    if options.pop("clock") == "manual":
        options["now"] = ManualClock()
    images = {}
    for text in options.pop("image"):
        name, _, folder = text.partition("=")
        if not (name and folder):
            raise ValueError(f"--image {text} is not of the form NAME=DIR")
        images[name] = Path(folder)
    texts = options.pop("option")
    return {
        **options,
        "images": images,
        "options": _options(texts),
        "resource_groups": resource_groups,
        "service_key": None if service_key_file is None else _service_key(service_key_file),
        "kept_requests": _KEPT_REQUESTS,
    }


def _options(texts: Sequence[str]) -> Options:
    """Read what ``--option`` says; the last one counts.

    :raises ValueError: a name or a value is none of the possible ones.
    """
    names = [each.name for each in dataclasses.fields(Options)]
    options = Options()
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--option {text} is not of the form NAME=VALUE")
        if name not in names:
            raise ValueError(f"--option {text}: there is no {name!r}, only {', '.join(names)}")
        try:
            options = dataclasses.replace(options, **{name: yaml.safe_load(value)})
        except (ValueError, yaml.YAMLError) as error:
            raise ValueError(f"--option {text}: {error}") from error
    return options


def _service_key(file: Path) -> dict[str, Any]:
    try:
        content = dict(json.loads(file.read_text()))
        return dict(content.get("service_key", content))
    except OSError as error:
        raise ValueError(f"--service-key {file}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        # The parser's own message may quote the file, and with it the secret.
        raise ValueError(f"--service-key {file}: it is no JSON object") from error


def _introduction(server: EmulatorServer, service_key: dict[str, Any], templates: Path | None) -> str:
    """Say what can be run, and which connection of Airflow leads here."""
    executables = server.emulator.state.executables.values()
    lines = [f"{each.scenario_id}/{each.id}" for each in executables]
    if templates is not None and not lines:
        lines.append(f"WARNING: there is no WorkflowTemplate and no ServingTemplate in {templates}")
    connection = {"conn_type": "aicore", "extra": {"secret_service_key": service_key}}
    lines.append(f"export AIRFLOW_CONN_AICORE_DEFAULT={shlex.quote(json.dumps(connection))}")
    if server.authority_file is not None:
        lines.append(f"export SSL_CERT_FILE={shlex.quote(str(server.authority_file))}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
