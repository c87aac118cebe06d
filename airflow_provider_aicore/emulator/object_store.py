"""The object store: a folder per object store secret, below which ``ai://<secret>/<path>`` points."""

import shutil
from pathlib import Path

from airflow_provider_aicore.emulator.argo import WorkflowError


class ObjectStore:
    """The files behind artifacts.

    :param folder: has a folder for each object store secret; outputs go to the one named ``default``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def fetch(self, url: str, destination: Path) -> None:
        """Copy the file or folder behind an artifact's URL.

        :raises WorkflowError: it is not there. As on AI Core, a URL that ends in a slash leads nowhere.
        """
        secret, _, path = url.removeprefix("ai://").partition("/")
        plain = secret not in {"", ".", ".."}
        # The folder of a secret may be a link to where the files really are.
        secret_folder = (self._folder / secret).resolve()
        source = (secret_folder / path).resolve()
        inside = plain and path and source.is_relative_to(secret_folder)
        if not url.startswith("ai://") or not inside:
            raise WorkflowError(f"{url} is not of the form ai://<object store secret>/<path>")
        if path.endswith("/") or not source.exists():
            raise WorkflowError(f"{url}: the specified key does not exist (looked for {source})")
        copy(source, destination)

    def store(self, source: Path, execution_id: str, name: str) -> None:
        """Copy what an execution wrote to where AI Core puts it: ``ai://default/<execution id>/<name>``.

        :raises WorkflowError: *name* leads out of the execution's folder.
        """
        folder = (self._folder / "default").resolve() / execution_id
        destination = (folder / name).resolve()
        if not destination.is_relative_to(folder):
            raise WorkflowError(f"The globalName {name!r} leads out of the object store: use a plain name")
        copy(source, destination)


def copy(source: Path, destination: Path) -> None:
    """Copy a file, or a folder with all that is in it; the folders above *destination* are made."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, destination, dirs_exist_ok=True)
    else:
        shutil.copy2(source, destination)
