"""Blocks of series that fit into a core's cache and share window boundaries.

A kernel call costs microseconds whatever its size, and memory outside of the cache costs
more than the arithmetic. So small sources are stacked into one block, and large sources
are split. Hosts scraped at the same interval have the same number of samples in every
window, so their windows are found once for the whole block. Hosts that missed a scrape go
into blocks of their own.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.series import AlignedSeries, stack
from promql.kernels.arrays import BLOCK_CELLS, Indices
from promql.kernels.ranges.samples import GaplessSamples, without_gaps
from storage.api.examined_series import ExaminedSeries

Part = slice | Indices
"""A selection of a matrix's series."""


def stacks(parts: Sequence[AlignedSeries], steps: int) -> Iterator[AlignedSeries]:
    """Stack small matrices of similar length into blocks; yield large ones as they are.

    One kernel call then handles many sources, without padding short ones (a host that has
    just started) to the length of long ones. Blocks are built one at a time, so that each
    can reuse the memory of the one before.

    Args:
        parts: the matrices that the store returned.
        steps: the number of values to compute for each series.
    """
    groups: dict[int, list[AlignedSeries]] = {}
    for part in parts:
        if len(parts) == 1 or part.values.size >= _WORTH_A_CALL:
            yield part
        else:
            groups.setdefault(part.values.shape[1].bit_length(), []).append(part)
    for alike in groups.values():
        block: list[AlignedSeries] = []
        cells = 0
        for part in alike:
            own = max(part.values.size, len(part.labels) * steps)
            if block and cells + own > BLOCK_CELLS:
                yield stack(block)
                block, cells = [], 0
            block.append(part)
            cells += own
        yield stack(block)


_WORTH_A_CALL: Final = 1 << 13
"""From this many cells on, stacking costs as much as the calls that it saves."""


def in_blocks(
    series: AlignedSeries,
    columns: int,
    edges_ms: tuple[int, int],
    *,
    keep_stale: bool = False,
) -> Iterator[tuple[Part, GaplessSamples]]:
    """Split the series into blocks of about BLOCK_CELLS cells and close their gaps.

    Args:
        series: a matrix that the store returned.
        columns: the number of cells of each series that the kernel works on.
        edges_ms: the start of the first window and the end of the last one.
        keep_stale: keep staleness markers, for instant selectors; ranges ignore them.
    """
    size = max(1, BLOCK_CELLS // max(1, columns))
    for some in _classes(series, edges_ms):
        if isinstance(some, slice):
            for part in _slices(series.rows[some], size):
                moved = slice(some.start + part.start, some.start + part.stop)
                yield moved, _block(series, moved, keep_stale=keep_stale)
        else:
            for part in _slices(series.rows[some], size):
                yield some[part], _block(series, some[part], keep_stale=keep_stale)


def _block(series: AlignedSeries, part: Part, *, keep_stale: bool) -> GaplessSamples:
    times, rows = series.times_ms, series.rows[part]
    if len(times) > 1:
        used, rows = np.unique(rows, return_inverse=True)
        times = times[used]
    examined = series if isinstance(series, ExaminedSeries) else None
    labels = series.labels
    block = GaplessSamples(
        labels[part] if isinstance(part, slice) else [labels[place] for place in part.tolist()],
        times,
        series.values[part],
        rows,
        None if series.starts_ms is None else series.starts_ms[part],
        None if examined is None else examined.falls[part],
    )
    if examined is None or examined.gaps[part].any():
        return without_gaps(block, keep_stale=keep_stale)
    return block


_MAX_CLASSES: Final = 6
"""Further classes are too small for a block each and share one."""


def _classes(series: AlignedSeries, edges_ms: tuple[int, int]) -> list[Part]:
    """Group the series by their numbers of samples up to both edges; gaps form a group."""
    count = len(series.rows)
    gaps = series.gaps if isinstance(series, ExaminedSeries) and series.gaps.any() else None
    if len(series.times_ms) == 1 and gaps is None:
        return [slice(0, count)]
    keys = np.zeros(count, dtype=np.intp)
    if len(series.times_ms) > 1:
        first, last = (_relative_counts(series.times_ms, edge_ms) for edge_ms in edges_ms)
        keys = (first * _NEAR * 2 + last)[series.rows]
    if gaps is not None:
        # A series whose gap is closed has times of its own.
        keys[gaps] = -1
    if (keys == keys[:1]).all():
        return [slice(0, count)]
    found, sizes = np.unique(keys, return_counts=True)
    classes = found[np.argsort(-sizes, kind="stable")][:_MAX_CLASSES]
    parts = [np.flatnonzero(keys == key) for key in classes.tolist()]
    if len(found) > len(classes):
        parts.append(np.flatnonzero(~np.isin(keys, classes)))
    return [_as_slice(part) for part in parts]


_NEAR: Final = 3
"""Hosts in one block differ by one or two scrapes; larger differences need no exact count."""


def _relative_counts(times_ms: NDArray[np.int64], edge_ms: int) -> Indices:
    """Return each row's number of samples up to a time, relative to the first row: (G,).

    Differences larger than `_NEAR` are clipped.
    """
    middle = int(times_ms[0].searchsorted(edge_ms, "right"))
    low = max(middle - _NEAR, 0)
    near: Indices = (times_ms[:, low : middle + _NEAR] <= edge_ms).sum(axis=1)
    return near


def _as_slice(part: Indices) -> Part:
    begin, end = int(part[0]), int(part[-1]) + 1
    return slice(begin, end) if end - begin == len(part) else part


def _slices(rows: Indices, size: int) -> Iterator[slice]:
    """Split series into pieces of up to `size`, preferably at a boundary between sources."""
    start, count = 0, len(rows)
    while start < count:
        end = min(start + size, count)
        if end < count:
            ends = np.flatnonzero(rows[start + 1 : end + 1] != rows[start:end])
            if len(ends) and 2 * int(ends[-1]) >= size:
                end = start + 1 + int(ends[-1])
        yield slice(start, end)
        start = end
