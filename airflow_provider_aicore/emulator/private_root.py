"""A file system of its own for a process, where Linux lets an ordinary user make one.

Text of a template can be rewritten, a path that a program has hard-coded cannot. In a user namespace and a
mount namespace of its own the process sees the machine's folders, and beside them the declared paths of the
template. No privilege is needed, but a machine may forbid it, as containers do, so it is tried out first.
"""

import functools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

_NAME = re.compile(r"[\w.-]+", re.ASCII)
_UNSHARE = shutil.which("unshare") or ""
_TRIAL_SECONDS = 20
# The last step leaves the rights behind that the mounts needed: as on AI Core, the process is user 65534.
_SCRIPT = """
set -e
new=$1 own=$2 work=$3 names=$4
shift 4
search=$PATH
PATH=/usr/bin:/bin:/usr/sbin:/sbin
mount -t tmpfs none "$new"
for each in /*; do
    name=${each#/}
    if [ -h "$each" ]; then
        ln -s "$(readlink "$each")" "$new/$name"
    elif [ -d "$each" ]; then
        mkdir "$new/$name"
        mount --rbind "$each" "$new/$name"
    fi
done
for name in $names; do
    ln -s "$own/$name" "$new/$name"
done
cd "$new"
pivot_root . .
umount -l .
cd "$work"
exec unshare --user --map-user=65534 --map-group=65534 -- env PATH="$search" "$@"
"""


def names_to_show(paths: Iterable[str]) -> list[str]:
    """Give the folders right below ``/`` that the declared *paths* lie in and this machine does not have."""
    names = dict.fromkeys(path.strip("/").partition("/")[0] for path in paths)
    return [name for name in names if _NAME.fullmatch(name) and not (Path("/") / name).exists()]


def command_in_private_root(
    command: Sequence[str],
    *,
    empty: Path,
    shown: Path,
    names: Sequence[str],
    work: Path,
    unshare: str = _UNSHARE,
) -> list[str]:
    """Give the command that runs *command* in a root of its own, as the same process.

    :param command: begins with a path.
    :param empty: a folder for the new root; outside it stays empty.
    :param shown: has the folders *names* that appear right below the new root.
    :param work: the working directory.
    :param unshare: the program that makes namespaces.
    """
    arguments = [str(empty), str(shown), str(work), " ".join(names)]
    return [unshare, "--map-root-user", "--mount", "/bin/sh", "-c", _SCRIPT, "sh", *arguments, *command]


@functools.cache
def is_possible(unshare: str = _UNSHARE) -> bool:
    """Try out, once, whether this machine allows it.

    :param unshare: the program that makes namespaces; empty: there is none.
    """
    true = shutil.which("true")
    if not unshare or true is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        empty, shown = Path(folder, "empty"), Path(folder, "shown")
        empty.mkdir()
        shown.mkdir()
        command = command_in_private_root(
            [true], empty=empty, shown=shown, names=["shown"], work=shown, unshare=unshare
        )
        try:
            trial = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            return False
    return trial.returncode == 0
