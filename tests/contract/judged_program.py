"""The emulator as a program whose answers are judged.

Its first argument is a file, the others are the emulator's. What does not fit the description stands in the
file when the program has ended; without the description nothing is judged.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # It is started by its path, from any folder.

from airflow_provider_aicore.emulator.__main__ import main
from tests.contract.judge_all import Judge, hear_all, the_description

if __name__ == "__main__":
    file, *arguments = sys.argv[1:]
    description = the_description()
    judge = None if description is None else Judge(description)
    if judge is not None:
        hear_all(judge)
    exit_code = main(arguments)
    Path(file).write_text("\n".join(judge.violations if judge else ()))
    sys.exit(exit_code)
