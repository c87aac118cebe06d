"""The place where a container's process works: a folder in place of the container's file system."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from airflow_provider_aicore.emulator import private_root
from airflow_provider_aicore.emulator.argo import WorkflowError

_LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__")


class Sandbox:
    """A folder for one process. Paths of the template lead into it; all other paths are the machine's own.

    ======================================  ==========================================================
    In the container                        Here
    ======================================  ==========================================================
    the declared path of an artifact        the same path below ``<folder>/root``
    the image's working directory, the cwd  ``<folder>/work``, a copy of the folder that stands for the
                                            image; empty without one
    ``workingDir`` of the container         the same ``<folder>/work``
    home directory; temporary files         ``<folder>/root``; ``<folder>/tmp``
    ======================================  ==========================================================

    :param folder: does not exist yet.
    :param image: the folder that stands for the image; it is copied, so runs cannot disturb each other.
    :param working_dir: ``workingDir`` of the container.
    :param paths: the declared paths of the template's artifacts and parameters.
    :param show_paths: whether the process also finds them itself, where the machine allows that.
    """

    def __init__(
        self,
        folder: Path,
        image: Path | None,
        working_dir: str | None,
        paths: Iterable[str],
        *,
        show_paths: bool = True,
    ) -> None:
        self._root, self._tmp, self.work = folder / "root", folder / "tmp", folder / "work"
        self._bin, self._empty = folder / "bin", folder / "empty"
        for each in (self._root, self._tmp, self._bin, self._empty):
            each.mkdir(parents=True)
        # A virtual environment has both names, and its packages are found only from its own folder.
        for name in ("python", "python3") if sys.prefix == sys.base_prefix else ():
            (self._bin / name).symlink_to(sys.executable)
        if image is None:
            self.work.mkdir()
        else:
            shutil.copytree(image, self.work, ignore=_LEFT_OUT, symlinks=True)
        self._places = {path.rstrip("/"): self.place(path) for path in paths}
        if working_dir and working_dir.rstrip("/"):
            self._places.setdefault(working_dir.rstrip("/"), self.work)
        self._pattern = _path_pattern(self._places)
        self._names = private_root.names_to_show(self._places) if show_paths else []
        self._link_working_dir((working_dir or "").rstrip("/"))

    def _link_working_dir(self, path: str) -> None:
        place = self._root / path.strip("/")
        if path and not place.exists() and not any(each.startswith(f"{path}/") for each in self._places):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(self.work)

    def place(self, path: str) -> Path:
        """Say where the declared *path* of an artifact is here.

        :raises WorkflowError: it leads out of the sandbox.
        """
        place = self._root / path.strip("/")
        if not place.resolve().is_relative_to(self._root.resolve()):
            raise WorkflowError(
                f"The path {path!r} of an artifact leads out of the container: use one without .."
            )
        return place

    def translate(self, text: str) -> str:
        """Write the places here for the paths in *text*, where one stands alone or begins a longer one."""
        if not self._places:
            return text
        return self._pattern.sub(lambda match: str(self._places[match[0]]), text)

    def command(self, command: Sequence[str], search: str) -> list[str]:
        """Give the command that runs *command* here.

        :param search: the ``PATH`` to look along.
        :raises FileNotFoundError: there is no such program.
        """
        if not self._names or not private_root.is_possible():
            return list(command)
        program = str(self.work / command[0]) if "/" in command[0] else command[0]
        found = shutil.which(program, path=search)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
        return private_root.command_in_private_root(
            [found, *command[1:]], empty=self._empty, shown=self._root, names=self._names, work=self.work
        )

    def write_script(self, source: str) -> Path:
        """Write the text of a ``script`` template into a file, for its command to take as an argument."""
        file = self._tmp / "script"
        file.write_text(source)
        return file

    def environment(self) -> dict[str, str]:
        """Give the variables that every process has; nothing of the emulator's own environment is handed on.

        ``python`` is the interpreter that runs the emulator, with the packages it has.
        """
        search = [str(self._bin), str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
        return {
            "PATH": ":".join(search),
            "HOME": str(self._root),
            "TMPDIR": str(self._tmp),
            "LANG": "C.UTF-8",
        }


def find_image(name: str, images: Mapping[str, Path]) -> Path | None:
    """Give the folder that stands for an image: by its full name, else by its name without tag and digest."""
    bare = re.sub(r":[^/:]*$", "", name.partition("@")[0])
    return images.get(name, images.get(bare))


def _path_pattern(places: Iterable[str]) -> re.Pattern[str]:
    """Match a path only between boundaries: ``/app/data`` is not in ``/app/database`` or ``/my/app/data``."""
    longest_first = sorted(places, key=len, reverse=True)
    either = "|".join(re.escape(each) for each in longest_first)
    return re.compile(rf"(?<![\w./-])(?:{either})(?![\w-]|\.\w)")
