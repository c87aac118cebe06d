"""The folder in which an emulator keeps its state: one SQLite file, with a row for each entity.

What a program has written survives its SIGKILL, as the pages belong to the operating system by then; what is
half written at that moment, SQLite drops when it opens the file again. `synchronous=NORMAL` waits for the
disk only now and then: a loss of power may cost the last changes, never the file.
"""

import os
import sqlite3
from collections.abc import Iterable
from dataclasses import fields
from functools import cache, partial
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict  # pydantic brings it, and takes no other below Python 3.12

from airflow_provider_aicore.emulator.changes import NOT_KEPT, Changes, Key, attach, class_of, collections
from airflow_provider_aicore.emulator.logbook import MOST_LINES, Logbook, LogLine
from airflow_provider_aicore.emulator.state import Tenant

try:
    import fcntl
except ImportError:  # Windows: nobody looks after the folder there.
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
"""Greater than this is a state that a later version wrote. New fields with defaults need no new format."""
_TABLES = """
CREATE TABLE IF NOT EXISTS entities (
    resource_group TEXT, kind TEXT, id TEXT, content TEXT, PRIMARY KEY (resource_group, kind, id));
CREATE TABLE IF NOT EXISTS log_lines (
    resource_group TEXT, kind TEXT, id TEXT, nanoseconds INTEGER, container TEXT, pod TEXT, msg TEXT);
CREATE INDEX IF NOT EXISTS log_of_entity ON log_lines (resource_group, kind, id);
"""
_OF_ENTITY = "resource_group = ? AND kind = ? AND id = ?"


class StateError(ValueError):
    """A folder whose state cannot be used; the message says why."""


class Store:
    """Keeps a tenant in a folder, for one emulator at a time.

    :param folder: made if it is not there; readable for its owner only, as it holds the service key.
    :raises StateError: another emulator uses it, a later version wrote it, or it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changes = Changes()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateError(f"The folder {folder} for the state cannot be used: {error}") from error
        try:
            self._claim()
            self._database = self._open(folder / "state.sqlite")
        except BaseException:
            os.close(self._lock_file)
            raise

    def load(self, tenant: Tenant) -> None:
        """Put what the folder holds into a new tenant.

        :raises StateError: it cannot be read.
        """
        rows = "SELECT resource_group, kind, id, content FROM entities WHERE kind {} 'groups' ORDER BY rowid"
        # The groups come first: all others are put into them.
        for comparison in ("=", "<>"):
            for group_id, kind, name, content in self._database.execute(rows.format(comparison)):
                owner = tenant.groups[group_id] if group_id else tenant
                entity_type = collections(class_of(owner)).get(kind)
                if entity_type is not None:
                    getattr(owner, kind)[name] = self._entity(entity_type, (group_id, kind, name), content)

    def keep(self, tenant: Tenant) -> None:
        """Save from now on what is changed, each time that the tenant's lock is given back."""
        attach(tenant, self._changes, "")
        tenant.lock.save = self._save

    def close(self, tenant: Tenant) -> None:
        """Save for the last time, and leave the folder to others, also if that fails."""
        with tenant.lock:
            tenant.lock.save = None
            try:
                self._save()
            finally:
                self._database.close()
                os.close(self._lock_file)

    def _claim(self) -> None:
        if fcntl is None:
            return
        try:
            # It goes with the process, however that ends; processes that it started do not inherit it.
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateError(
                f"The state in {self._folder} is in use by another emulator: end it, or name another folder"
            ) from error

    def _open(self, file: Path) -> sqlite3.Connection:
        file.touch(mode=0o600)
        # The tenant's lock sees to it that one thread at a time uses it; transactions are begun by hand.
        database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        try:
            self._check_format(database)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")
        except sqlite3.Error as error:
            database.close()
            raise StateError(f"The state in {self._folder} cannot be read: {error}") from error
        except BaseException:
            database.close()
            raise
        return database

    def _check_format(self, database: sqlite3.Connection) -> None:
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise StateError(
                f"The state in {self._folder} was written by a later version of the emulator: it has format "
                f"{found}, and this version reads {FORMAT} at most. Use that one, or name another folder"
            )

    def _save(self) -> None:
        changes = self._changes
        if not changes:
            return
        execute, executemany = self._database.execute, self._database.executemany
        gone = {key for key, entity in changes.entities.items() if entity is None}
        there = [(*key, _written(entity)) for key, entity in changes.entities.items() if entity is not None]
        execute("BEGIN IMMEDIATE")
        try:
            for key in gone:
                self._forget(key)
            executemany(
                "INSERT INTO entities VALUES (?, ?, ?, ?) "
                "ON CONFLICT (resource_group, kind, id) DO UPDATE SET content = excluded.content",
                there,
            )
            executemany(
                "INSERT INTO log_lines VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (*key, line.nanoseconds, line.container, line.pod, line.msg)
                    for key, line in changes.appended
                    if key not in gone
                ],
            )
            execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                execute("ROLLBACK")
            raise
        changes.clear()

    def _forget(self, key: Key) -> None:
        for table in ("entities", "log_lines"):
            self._database.execute(f"DELETE FROM {table} WHERE {_OF_ENTITY}", key)  # noqa: S608

    def _entity(self, entity_type: type, key: Key, content: str) -> Any:
        try:
            entity = entity_type(**_reader(entity_type).validate_json(content))
        except (TypeError, ValueError, ValidationError) as error:
            raise StateError(f"The state in {self._folder} cannot be read: {key}: {error}") from error
        if hasattr(entity, "logs"):
            entity.logs = Logbook(earlier=partial(self._log_of, key))
        return entity

    def _log_of(self, key: Key) -> Iterable[LogLine]:
        columns = "nanoseconds, container, pod, msg"
        newest = (
            f"SELECT {columns} FROM log_lines WHERE {_OF_ENTITY} "  # noqa: S608 - no input of others
            "ORDER BY nanoseconds DESC, rowid DESC LIMIT ?"
        )
        return [LogLine(*row) for row in self._database.execute(newest, (*key, MOST_LINES))][::-1]


@cache
def _kept(entity_type: type) -> tuple[str, ...]:
    """Give the names of the fields that are written: neither collections nor what belongs to the process."""
    inner = collections(entity_type)
    return tuple(
        each.name
        for each in fields(entity_type)
        if each.name not in inner and not each.metadata.get(NOT_KEPT)
    )


@cache
def _reader(entity_type: type) -> TypeAdapter[Any]:
    """Make what reads a row; fields that it does not have get their defaults, fields unknown are left out."""
    hints = get_type_hints(entity_type)
    row = TypedDict("row", {name: hints[name] for name in _kept(entity_type)}, total=False)  # type: ignore[misc]
    return TypeAdapter(row)


def _written(entity: Any) -> str:
    values = {name: getattr(entity, name) for name in _kept(class_of(entity))}
    return to_json(values, inf_nan_mode="constants", serialize_unknown=True).decode()
