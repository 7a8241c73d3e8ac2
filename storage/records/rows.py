"""Reads rows as dataclasses, and skips the rows that a failing disk has damaged."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar, get_origin, get_type_hints

from storage.damage import Damage


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=_Dataclass)


def decoded(
    table: str, rows: Iterable[dict[str, Any]], make: Callable[[dict[str, Any]], T], damage: Damage
) -> list[T]:
    """Return the objects that `make` builds from the rows, without damaged rows.

    Args:
        table: the table of the rows.
        rows: the first column of each identifies it.
        make: raises ValueError, TypeError or KeyError for a damaged row.
        damage: counts and logs the damaged rows.
    """
    found = []
    for row in rows:
        try:
            one = make(row)
            _check_types(one)
        except (ValueError, TypeError, KeyError) as exc:
            key = str(next(iter(row.values()), ""))
            damage.note("record_damaged", "records.db", exc, table=table, key=key)
        else:
            found.append(one)
    return found


@cache
def _checkable_types(of: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields, without generic ones."""
    hints = get_type_hints(of)
    plain = {field.name: hints[field.name] for field in fields(of)}
    # SQLite returns whole numbers of a float column as int.
    return {
        name: int | kind if "float" in str(kind) else kind
        for name, kind in plain.items()
        if get_origin(kind) is None or "UnionType" in str(get_origin(kind))
    }


def _check_types(one: _Dataclass) -> None:
    for name, kind in _checkable_types(type(one)).items():
        value = getattr(one, name)
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {type(value).__name__}")


def page_condition(
    condition: str, arguments: tuple[object, ...], column: str, before_id: int | None
) -> tuple[str, tuple[object, ...]]:
    """Return a condition and its arguments, limited to ids below `before_id` if it is given."""
    if before_id is None:
        return condition, arguments
    return f"{condition} and {column} < ?", (*arguments, before_id)
