"""Orders events by person.

Numpy does it, not the database: an event is stored soon after it happened, so that its
order by time is there already, and one sort of whole numbers groups the persons. That takes
a tenth of the CPU of sorting rows by person, time and arrival in DuckDB.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def person_order(
    persons: NDArray[np.uint64], times_ms: NDArray[np.int64], sequences: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return the indexes of events in the order of person, then time, then arrival.

    The persons are returned in this order too.

    Args:
        persons: the hashes of the persons.
        times_ms: the times.
        sequences: the numbers of arrival; all different.
    """
    by_time = _time_order(times_ms, sequences)
    if by_time is not None:
        persons = persons[by_time]
    low = np.uint64((1 << len(persons).bit_length()) - 1)
    # The upper bits of the hash, which tell nearly all persons apart, and the place in time.
    keys = persons & ~low
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    order = (keys & low).view(np.intp)
    found = persons[order]
    is_same_key = (keys[1:] ^ keys[:-1]) <= low
    if (is_same_key & (found[1:] != found[:-1])).any():
        order = np.argsort(persons, kind="stable")
        found = persons[order]
    return order if by_time is None else by_time[order], found


def _time_order(
    times_ms: NDArray[np.int64], sequences: NDArray[np.integer[Any]]
) -> NDArray[np.intp] | None:
    """Return the order by time, then arrival; None if that is the given order.

    Numpy's stable sort merges ascending runs: what is nearly in order costs little.
    """
    arrived = None if _is_ascending(sequences) else np.argsort(sequences, kind="stable")
    if arrived is not None:
        times_ms = times_ms[arrived]
    if _is_ascending(times_ms):
        return arrived
    later = np.argsort(times_ms, kind="stable")
    return later if arrived is None else arrived[later]


def _is_ascending(numbers: NDArray[np.integer[Any]]) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())
