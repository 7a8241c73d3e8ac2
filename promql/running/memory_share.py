"""The share of the free memory that one query may take.

The memory of one query is its samples times `SAMPLE_BYTES`: tests/promql/evaluation
/test_query_memory.py holds that for every kind of expression.
"""

from collections.abc import Mapping
from operator import ge
from typing import Final, NamedTuple

from model.memory_pressure import MemoryPressure, MemoryReading

SAMPLE_BYTES: Final = 32
"""A value, its mark, and both again while matrices are joined, sorted or computed."""


class MemoryShare(NamedTuple):
    """The samples, bytes of label values and bytes of the result that a query may have."""

    samples: int
    label_bytes: int
    result_bytes: int


_LEAST: Final = MemoryShare(200_000, 2**20, 4 * 2**20)
"""Small queries are answered while the process lives."""
_MOST_WHEN_SHORT: Final = MemoryShare(5_000_000, 16 * 2**20, 64 * 2**20)
# A panel of 400 series and six hours has a tenth of 5,000,000 samples.
_CEILINGS: Final[Mapping[MemoryPressure, float]] = {
    MemoryPressure.NONE: 0.8,
    MemoryPressure.HIGH: 0.9,
}


def affordable(memory: MemoryReading, threads: int) -> MemoryShare:
    """Return the memory that a query which starts now may take.

    Each of the queries that run at the same time gets one share of what is free when it
    starts, so together they never take more than was free.

    Args:
        memory: the limit, and what is in use now.
        threads: how many queries run at the same time.
    """
    if memory.pressure is MemoryPressure.CRITICAL:
        return _LEAST
    if memory.pressure is MemoryPressure.NONE:
        share = _share_below(MemoryPressure.NONE, memory, threads)
        if all(map(ge, share, _MOST_WHEN_SHORT)):
            return share
    else:
        share = _LEAST
    last = map(min, _share_below(MemoryPressure.HIGH, memory, threads), _MOST_WHEN_SHORT)
    return MemoryShare(*map(max, share, last, _LEAST))


def _share_below(pressure: MemoryPressure, memory: MemoryReading, threads: int) -> MemoryShare:
    free_bytes = int(_CEILINGS[pressure] * (memory.limit_bytes or 0)) - memory.resident_bytes
    share_bytes = max(free_bytes, 0) // threads
    return MemoryShare(share_bytes // SAMPLE_BYTES, share_bytes // 8, share_bytes // 4)
