"""Pieces of SQL with the values of their question marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import EventQueryError

_MOST_UNITS: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with the values of its question marks."""

    text: str
    values: tuple[Any, ...] = ()

    def __add__(self, other: "Sql") -> "Sql":
        return Sql(self.text + other.text, self.values + other.values)


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


@dataclass(frozen=True, slots=True)
class BucketTable:
    """A table that maps units of time to buckets.

    Times are divided by the largest unit of which all buckets are multiples, because days of
    local time have 23 to 25 hours.

    Attributes:
        columns: the table: `unit` and `bucket`.
        unit: an expression for the unit of `time_ms`.
    """

    columns: dict[str, NDArray[np.generic]]
    unit: str

    @classmethod
    def of(cls, edges_ms: NDArray[np.int64]) -> "BucketTable":
        """Return the table for edges of the shape (N + 1,).

        Raises:
            EventQueryError: they do not ascend, or need too many units.
        """
        lengths = np.diff(edges_ms)
        if len(lengths) == 0 or (lengths <= 0).any():
            raise EventQueryError("edges: at least two ascending times are needed")
        unit = int(np.gcd.reduce(lengths))
        counts = lengths // unit
        if counts.sum() > _MOST_UNITS:
            raise EventQueryError("edges: too many different lengths; use longer buckets")
        buckets = np.repeat(np.arange(len(lengths), dtype=np.uint32), counts)
        return cls(
            {"unit": np.arange(len(buckets), dtype=np.int64), "bucket": buckets},
            f"(time_ms - {int(edges_ms[0])}) // {unit}",
        )


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
