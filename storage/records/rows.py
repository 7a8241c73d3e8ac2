"""Rows as objects: those that a failing disk left no such thing are passed over and told."""

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
    """Return what `make` makes of each row.

    Args:
        table: whose rows they are.
        rows: with an `id`, or known by their first column.
        make: raises ValueError, TypeError or KeyError for what is no such row.
        damage: told of the others.
    """
    found = []
    for row in rows:
        try:
            one = make(row)
            _check(one)
        except (ValueError, TypeError, KeyError) as exc:
            key = str(next(iter(row.values()), ""))
            damage.note("record_damaged", "records.db", exc, table=table, key=key)
        else:
            found.append(one)
    return found


@cache
def _kinds(of: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields that can be asked for."""
    hints = get_type_hints(of)
    plain = {field.name: hints[field.name] for field in fields(of)}
    # An SQLite column of numbers gives whole ones as int.
    return {
        name: int | kind if "float" in str(kind) else kind
        for name, kind in plain.items()
        if get_origin(kind) is None or "UnionType" in str(get_origin(kind))
    }


def _check(one: _Dataclass) -> None:
    for name, kind in _kinds(type(one)).items():
        value = getattr(one, name)
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {type(value).__name__}")
