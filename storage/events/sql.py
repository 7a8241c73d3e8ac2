"""Pieces of SQL with the values of their question marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import EventQueryError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

IN_ORDER: Final = "time_ms::hugeint * 4611686018427387904 + sequence"
"""Orders events by time, then by arrival; one number is half as expensive as a pair."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with the values of its question marks."""

    text: str
    values: tuple[Any, ...] = ()

    def __add__(self, other: "Sql") -> "Sql":
        return Sql(self.text + other.text, self.values + other.values)


def column_arrays(connection: "DuckDBPyConnection", query: Sql) -> dict[str, NDArray[Any]]:
    """Return the columns of a query's result.

    A relation knows the number of rows before it makes the arrays. `execute` makes them while
    the query runs, and copies them each time they grow: half as much CPU again.
    """
    found = connection.sql(query.text, params=list(query.values)).fetchnumpy()
    return {name: np.asarray(column) for name, column in found.items()}


def join(separator: str, parts: Sequence[Sql]) -> Sql:
    """Return the parts with a separator between them."""
    return Sql(
        separator.join(part.text for part in parts),
        tuple(value for part in parts for value in part.values),
    )


def is_in(column: str, values: Sequence[object], prefix: str = "") -> Sql:
    """Return a condition that a column has one of the values."""
    if not values:
        return Sql(f"{prefix}false")
    return Sql(f"{prefix}{column} in ({', '.join('?' * len(values))})", tuple(values))


def bucket_sql(edges_ms: NDArray[np.int64]) -> str:
    """Return an expression for the number of the bucket of `time_ms`, from 0 on.

    Runs of equally long buckets are found by a balanced tree of comparisons: a year of days
    has five, because two of them have 23 and 25 hours.

    Args:
        edges_ms: shape (N + 1,).

    Raises:
        EventQueryError: they do not ascend.
    """
    lengths = np.diff(edges_ms)
    if len(lengths) == 0 or (lengths <= 0).any():
        raise EventQueryError("edges: at least two ascending times are needed")
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(lengths)) + 1]).tolist()

    def tree(low: int, high: int) -> str:
        if high - low == 1:
            first = firsts[low]
            start, length = int(edges_ms[first]), int(lengths[first])
            return f"{first} + (time_ms - {start}) // {length}"
        middle = (low + high) // 2
        border = int(edges_ms[firsts[middle]])
        return (
            f"case when time_ms < {border} then {tree(low, middle)} else {tree(middle, high)} end"
        )

    return f"({tree(0, len(firsts))})"
