"""How a change of the state is noticed, so that no operation has to think of keeping it.

Without a folder for the state nobody looks: the collections are plain dicts, and entities have no place.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar, get_args, get_origin, get_type_hints

NOT_KEPT = "not kept"
"""Marks, as metadata, a field that belongs to the process: a folder with the state does not have it."""
T = TypeVar("T")
Key = tuple[str, str, str]
"""Resource group (empty for what the tenant has), name of the collection, id."""


class Changes:
    """What was changed and is not saved yet."""

    def __init__(self) -> None:
        self.entities: dict[Key, Any] = {}
        """The entity as it is now, None for one that is gone."""
        self.appended: list[tuple[Key, Any]] = []
        """What was appended to an entity's log, in order."""

    def __bool__(self) -> bool:
        return bool(self.entities or self.appended)

    def clear(self) -> None:
        """Forget all: it is saved."""
        self.entities, self.appended = {}, []


class Entity:
    """A dataclass whose attributes change: assigning one is noticed, once the entity is in a collection."""

    __slots__ = ("_place",)
    _place: tuple[Changes, Key] | None

    def __new__(cls, *_arguments: Any, **_fields: Any) -> Self:
        """Make one that is nowhere yet."""
        entity = super().__new__(cls)
        object.__setattr__(entity, "_place", None)
        return entity

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if self._place is not None:
            changes, key = self._place
            changes.entities[key] = self

    def note_appended(self, item: Any) -> None:
        """Report what was appended to the entity's log."""
        if self._place is not None:
            changes, key = self._place
            changes.appended.append((key, item))

    def put(self, place: tuple[Changes, Key] | None) -> None:
        """Say to whom changes are reported from now on; None: to nobody."""
        object.__setattr__(self, "_place", place)


class Shelf(dict[str, T]):
    """A collection that reports what comes, goes and changes.

    :param items: what is in it already; not reported.
    """

    def __init__(self, changes: Changes, group_id: str, kind: str, items: Mapping[str, T]) -> None:
        super().__init__(items)
        self._changes, self._group_id, self._kind = changes, group_id, kind
        for name, item in items.items():
            self._put(name, item)

    def __setitem__(self, name: str, item: T) -> None:
        if name in self:
            _leave(self[name])
        super().__setitem__(name, item)
        self._put(name, item)
        self._report(name, item)
        for shelf in _shelves(item):
            for inner in shelf:
                shelf._report(inner, shelf[inner])  # noqa: SLF001 - another one of this class

    def __delitem__(self, name: str) -> None:
        _leave(self[name])
        super().__delitem__(name)
        self._report(name, None)

    def pop(self, name: str, *default: Any) -> Any:
        """Take out an item."""
        if name not in self and default:
            return default[0]
        item = self[name]
        del self[name]
        return item

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Put in an item unless there is one."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, *others: Any, **named: Any) -> None:
        """Put in several items."""
        for name, item in dict(*others, **named).items():
            self[name] = item

    def __ior__(self, other: Any) -> "Shelf[T]":  # type: ignore[override,misc]
        self.update(other)
        return self

    def popitem(self) -> tuple[str, T]:
        """Take out the newest item."""
        name = next(reversed(self))
        return name, self.pop(name)

    def clear(self) -> None:
        """Take out all items."""
        for name in list(self):
            del self[name]

    def _put(self, name: str, item: T) -> None:
        attach(item, self._changes, name)
        if isinstance(item, Entity):
            item.put((self._changes, (self._group_id, self._kind, name)))

    def _report(self, name: str, item: T | None) -> None:
        self._changes.entities[self._group_id, self._kind, name] = item


class Guard:
    """A lock that its thread may take again; what was changed is saved before it is given back.

    An answer leaves after that, so what was acknowledged is kept. If saving fails, whoever had the lock gets
    the error, and the changes are saved with the next ones.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self.save: Callable[[], None] | None = None
        """Saves what was changed; None: nobody keeps anything."""

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._depth == 1 and self.save is not None:
                self.save()
        finally:
            self._depth -= 1
            self._lock.release()


@cache
def collections(owner: type) -> dict[str, type]:
    """Give the names of the collections that a dataclass has, each with the class of its entities."""
    hints = get_type_hints(owner)
    return {
        each.name: get_args(hints[each.name])[1]
        for each in fields(owner)
        if get_origin(hints[each.name]) is dict and is_dataclass(get_args(hints[each.name])[1])
    }


def class_of(item: Any) -> Any:
    """Give the class of *item*, as a key of a cache; mypy takes classes without hashable objects for none."""
    return type(item)


def attach(owner: Any, changes: Changes, group_id: str) -> None:
    """Have all collections of *owner* report to *changes*; most entities have none.

    :param owner: the tenant, or an entity.
    :param group_id: empty for the tenant's own.
    """
    for kind in collections(class_of(owner)):
        items = getattr(owner, kind)
        setattr(owner, kind, Shelf(changes, group_id, kind, items))


def _leave(item: Any) -> None:
    """Have what was taken out, and what is in it, report no longer: somebody may still hold and change it."""
    if isinstance(item, Entity):
        item.put(None)
    for shelf in _shelves(item):
        for name, inner in shelf.items():
            _leave(inner)
            shelf._report(name, None)  # noqa: SLF001 - of the class above
        setattr(item, shelf._kind, dict(shelf))  # noqa: SLF001


def _shelves(owner: Any) -> list[Shelf[Any]]:
    held = [getattr(owner, kind) for kind in collections(class_of(owner))]
    return [each for each in held if isinstance(each, Shelf)]
