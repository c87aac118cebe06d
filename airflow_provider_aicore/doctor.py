"""The doctor: examines a connection, and says what is wrong with it and with the tenant.

``airflow aicore doctor`` where Airflow takes commands from providers (3.2 and newer), and everywhere
``python -m airflow_provider_aicore.doctor``. Every process of Airflow's command line loads this module, so
what is heavy is imported where it is used.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.cli.cli_config import CLICommand

    from airflow_provider_aicore.examination import Line

_HELP = "Say what is wrong with a connection to SAP AI Core, and with the tenant behind it"
_EPILOG = "Exit code: 0 if nothing is wrong, 1 if something is, 2 for arguments that cannot be."


def get_cli_commands() -> list[CLICommand]:
    """Return what the provider adds to Airflow's command line."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    doctor = ActionCommand(
        name="doctor",
        help=_HELP,
        func=lambda options: sys.exit(run(options)),
        args=tuple(Arg((flag,), **settings) for flag, settings in _arguments().items()),
        epilog=_EPILOG,
    )
    return [GroupCommand(name="aicore", help="SAP AI Core", subcommands=(doctor,))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program of its own.

    :param arguments: the command line's, if not given.
    :return: the exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_aicore.doctor", description=_HELP, epilog=_EPILOG
    )
    for flag, settings in _arguments().items():
        parser.add_argument(flag, **settings)
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Examine a connection, print what was found, and return the exit code."""
    # As Airflow's own commands on connections do, or those in its database would not be found.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"

    from airflow_provider_aicore.examination import Verdict
    from airflow_provider_aicore.hooks.aicore import AICoreHook

    lines = AICoreHook(options.conn_id, options.resource_group).examine()
    print(_as_json(options.conn_id, lines) if options.json else _as_text(options.conn_id, lines))
    return 1 if any(line.verdict is Verdict.WRONG for line in lines) else 0


def _arguments() -> dict[str, dict[str, Any]]:
    return {
        "--conn-id": {"default": "aicore_default", "help": "the connection; aicore_default if not given"},
        "--resource-group": {
            "type": _resource_group,
            "metavar": "ID",
            "help": "in place of the connection's",
        },
        "--json": {"action": "store_true", "help": "print JSON"},
    }


def _resource_group(text: str) -> str:
    from airflow_provider_aicore.api.validation import check_resource_group

    try:
        return check_resource_group(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _as_text(conn_id: str, lines: Sequence[Line]) -> str:
    widest = max(len(line.check) for line in lines)
    told = [f"{line.verdict:<11}  {line.check:<{widest}}  {line.text}" for line in lines]
    counts = _counts(lines)
    return "\n".join(
        [*told, "", f"{conn_id}: {', '.join(f'{n} {verdict}' for verdict, n in counts.items())}"]
    )


def _as_json(conn_id: str, lines: Sequence[Line]) -> str:
    checks = [line._asdict() for line in lines]
    return json.dumps({"connection": conn_id, "counts": _counts(lines), "checks": checks}, indent=2)


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    verdicts = [line.verdict.value for line in lines]
    return {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}


if __name__ == "__main__":
    sys.exit(main())
