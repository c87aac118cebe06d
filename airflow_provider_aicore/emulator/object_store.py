"""The object store: a folder per object store secret, below which ``ai://<secret>/<path>`` points."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow_provider_aicore.emulator.argo import WorkflowError


class ObjectStore:
    """The files behind artifacts.

    :param folder: has a folder for each object store secret; outputs go to the one named ``default``. None: a
        temporary one, made when it is needed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder
        self._temporary: TemporaryDirectory[str] | None = None

    @property
    def _folder(self) -> Path:
        if self._given is not None:
            return self._given.resolve()
        if self._temporary is None:
            self._temporary = TemporaryDirectory(prefix="aicore-object-store-")
        return Path(self._temporary.name).resolve()

    def close(self) -> None:
        """Remove the folder if it is a temporary one."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def locate(self, url: str) -> Path:
        """Give where the file or folder behind an artifact's URL is, or would be.

        :raises WorkflowError: the URL leads nowhere in the object store, or there is no such secret.
        """
        secret, _, path = url.removeprefix("ai://").partition("/")
        plain = secret not in {"", ".", ".."}
        # The folder of a secret may be a link to where the files really are.
        secret_folder = (self._folder / secret).resolve()
        place = (secret_folder / path).resolve()
        inside = plain and path and place.is_relative_to(secret_folder)
        if not url.startswith("ai://") or not inside:
            raise WorkflowError(f"{url} is not of the form ai://<object store secret>/<path>")
        if secret != "default" and not secret_folder.is_dir():  # noqa: S105 - a name
            raise WorkflowError(f"{url}: there is no object store secret {secret}")
        return place

    def fetch(self, url: str, destination: Path) -> None:
        """Copy the file or folder behind an artifact's URL.

        :raises WorkflowError: it is not there. As on AI Core, a URL that ends in a slash leads nowhere.
        """
        source = self.locate(url)
        if url.endswith("/") or not source.exists():
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
