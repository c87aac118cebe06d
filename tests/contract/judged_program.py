"""The emulator as a program whose answers are judged.

Its first argument is a file, the others are the emulator's. What does not fit the description is written to
the file at once; without the description nothing is judged.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # It is started by its path, from any folder.

from airflow_provider_aicore.emulator.__main__ import main
from tests.contract.judge_all import Judge, hear_all, the_description

JUDGED_PROGRAM = str(Path(__file__))
"""What Python runs, with the file and the emulator's arguments behind it."""

if __name__ == "__main__":
    file, *arguments = sys.argv[1:]
    violations = Path(file).open("a", buffering=1)  # noqa: SIM115 - until the end, which may be SIGKILL
    description = the_description()
    if description is not None:
        hear_all(Judge(description, tell=lambda violation: print(violation, file=violations)))
    sys.exit(main(arguments))
