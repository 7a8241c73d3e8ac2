"""Orders events by person.

Numpy does it, not the database: an event is stored soon after it happened, so that its
order by time is there already, and one sort of whole numbers groups the persons. That takes
a tenth of the CPU of sorting rows by person, time and arrival in DuckDB.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def person_order(
    persons: NDArray[np.uint64], bounds: tuple[int, int] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return the indexes of events in the order of person, then in the given order.

    The persons are returned in this order too.

    Args:
        persons: the hashes of the persons.
        bounds: the lowest and the highest hash of the persons that are wanted; None for all.
    """
    low = np.uint64((1 << len(persons).bit_length()) - 1)
    if bounds is None:
        wanted, rows = persons, np.arange(len(persons), dtype=np.uint64)
    else:
        first, last = (np.uint64(each) for each in bounds)
        found = np.flatnonzero((persons >= first) & (persons <= last))
        wanted, rows = persons[found], found.view(np.uint64)
    # The upper bits of the hash, which tell nearly all persons apart, and the place in time.
    keys = wanted & ~low
    keys |= rows
    keys.sort()
    order = (keys & low).view(np.intp)
    ordered = persons[order]
    is_same_key = (keys[1:] ^ keys[:-1]) <= low
    if (is_same_key & (ordered[1:] != ordered[:-1])).any():
        order = rows.view(np.intp)[np.argsort(wanted, kind="stable")]
        ordered = persons[order]
    return order, ordered


def in_time_order(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns of events in the order of their times, then of their arrival.

    Numpy's stable sort merges ascending runs: what is nearly in order costs little.

    Args:
        columns: `time_ms`, `sequence`, which is left out of the result, and others.
    """
    columns = dict(columns)
    by_time = _time_order(columns["time_ms"], columns.pop("sequence"))
    if by_time is None:
        return columns
    return {name: column[by_time] for name, column in columns.items()}


def _time_order(
    times_ms: NDArray[np.int64], sequences: NDArray[np.integer[Any]]
) -> NDArray[np.intp] | None:
    """Return the order by time, then arrival; None if that is the given order."""
    arrived = None if _is_ascending(sequences) else np.argsort(sequences, kind="stable")
    if arrived is not None:
        times_ms = times_ms[arrived]
    if _is_ascending(times_ms):
        return arrived
    later = np.argsort(times_ms, kind="stable")
    return later if arrived is None else arrived[later]


def _is_ascending(numbers: NDArray[np.integer[Any]]) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())
