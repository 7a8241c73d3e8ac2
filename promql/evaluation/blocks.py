"""Blocks of series: as many as a core's cache holds, and such as are cut alike.

A kernel call costs microseconds whatever its size, and memory that leaves the cache
costs more than the arithmetic. So small sources are stacked and large ones are cut. Of
each block the windows are found once where all its sources agree, which hosts scraped at
the same interval do, but for those that missed a scrape: these are put apart.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.series import AlignedSeries, stack
from promql.kernels.samples import Samples, without_gaps
from promql.kernels.vectors import Indices

BLOCK_CELLS: Final = 1 << 16
"""Cells a kernel works on at once: 512 KiB of float64. More do not stay in a core's cache
and make the allocator ask the kernel for pages, which costs more than the arithmetic;
fewer make the calls themselves show. The query's guard is asked between blocks."""

Part = slice | Indices
"""Some of a matrix's series."""


def stacks(parts: Sequence[AlignedSeries], steps: int) -> Iterator[AlignedSeries]:
    """Yield small parts stacked to blocks, those of alike length together.

    One kernel call for many sources, without padding short ones (a host that has just
    come up) to the length of long ones. Each block is made when it is asked for, in
    the memory that the one before has left.

    Args:
        parts: what the store selected.
        steps: how many values of each series will be computed.
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


# Cells from which on stacking costs as much as the calls that it saves.
_WORTH_A_CALL: Final = 1 << 13


def in_blocks(
    series: AlignedSeries,
    columns: int,
    edges_ms: tuple[int, int],
    *,
    keep_stale: bool = False,
) -> Iterator[tuple[Part, Samples]]:
    """Yield blocks of the series, gaps closed, each of about BLOCK_CELLS cells.

    Args:
        series: what the store selected.
        columns: how many cells of each series the kernel works on.
        edges_ms: two times at which windows begin or end, the first and the last.
        keep_stale: whether staleness markers stay, as an instant selector needs; a
            range does not see them.
    """
    size = max(1, BLOCK_CELLS // max(1, columns))
    for some in _alike(series, edges_ms):
        if isinstance(some, slice):
            for part in _slices(series.rows[some], size):
                moved = slice(some.start + part.start, some.start + part.stop)
                yield moved, _block(series, moved, keep_stale=keep_stale)
        else:
            for part in _slices(series.rows[some], size):
                yield some[part], _block(series, some[part], keep_stale=keep_stale)


def _block(series: AlignedSeries, part: Part, *, keep_stale: bool) -> Samples:
    times, rows = series.times_ms, series.rows[part]
    if len(times) > 1:
        used, rows = np.unique(rows, return_inverse=True)
        times = times[used]
    traits = None if series.traits is None else series.traits.take(part)
    labels = series.labels
    block = Samples(
        labels[part] if isinstance(part, slice) else [labels[place] for place in part.tolist()],
        times,
        series.values[part],
        rows,
        None if series.starts_ms is None else series.starts_ms[part],
        None if traits is None else traits.falls,
    )
    if traits is None or traits.gaps.any():
        return without_gaps(block, keep_stale=keep_stale)
    return block


# More classes than these are not worth a block each.
_MOST_CLASSES: Final = 6


def _alike(series: AlignedSeries, edges_ms: tuple[int, int]) -> list[Part]:
    """Return the series in parts: those without gaps and with as many samples at both edges."""
    count = len(series.rows)
    gaps = None if series.traits is None or not series.traits.gaps.any() else series.traits.gaps
    if len(series.times_ms) == 1 and gaps is None:
        return [slice(0, count)]
    keys = np.zeros(count, dtype=np.intp)
    if len(series.times_ms) > 1:
        first, last = (_near(series.times_ms, edge_ms) for edge_ms in edges_ms)
        keys = (first * _NEAR * 2 + last)[series.rows]
    if gaps is not None:
        # A series whose gap is closed has times of its own.
        keys[gaps] = -1
    if (keys == keys[:1]).all():
        return [slice(0, count)]
    found, sizes = np.unique(keys, return_counts=True)
    classes = found[np.argsort(-sizes, kind="stable")][:_MOST_CLASSES]
    parts = [np.flatnonzero(keys == key) for key in classes.tolist()]
    if len(found) > len(classes):
        parts.append(np.flatnonzero(~np.isin(keys, classes)))
    return [_as_slice(part) for part in parts]


# Hosts differ by a scrape or two; those that differ by more are not alike anyway.
_NEAR: Final = 3


def _near(times_ms: NDArray[np.int64], edge_ms: int) -> Indices:
    """Return how many samples each row has up to a time, beside the first row: (G,).

    What differs by more than `_NEAR` is told as that.
    """
    middle = int(times_ms[0].searchsorted(edge_ms, "right"))
    low = max(middle - _NEAR, 0)
    near: Indices = (times_ms[:, low : middle + _NEAR] <= edge_ms).sum(axis=1)
    return near


def _as_slice(part: Indices) -> Part:
    begin, end = int(part[0]), int(part[-1]) + 1
    return slice(begin, end) if end - begin == len(part) else part


def _slices(rows: Indices, size: int) -> Iterator[slice]:
    """Cut series into pieces of a size, between two sources where one is near."""
    start, count = 0, len(rows)
    while start < count:
        end = min(start + size, count)
        if end < count:
            ends = np.flatnonzero(rows[start + 1 : end + 1] != rows[start:end])
            if len(ends) and 2 * int(ends[-1]) >= size:
                end = start + 1 + int(ends[-1])
        yield slice(start, end)
        start = end
