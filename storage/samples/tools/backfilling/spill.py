"""The spill: a temporary file for the samples of a backfill.

A backfill comes in any order and may be larger than memory. Its samples are sorted into
groups and *slabs* of time and written to an unnamed file, which vanishes with the process.
Then each slab of a group is read back as a whole.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
"""Shape (N,): fields `series` (uint32), `time_ms` (int64) and `value` (float64)."""

SAMPLE = np.dtype([("series", "<u4"), ("time_ms", "<i8"), ("value", "<f8")])

SLAB_MS = 3_600_000
"""The length of a slab, which must fit in memory for one group: an hour of 500 series at 1 s
is 1.8 million samples."""

# 20 MB, and six times that while they are sorted. With a larger buffer, a slab is in fewer
# places of the file.
_BUFFERED_SAMPLES = 1_000_000


class Spill:
    """Takes samples in any order, and returns them by slab of time and group."""

    def __init__(self, directory: Path) -> None:
        # In the data directory, because /tmp may be in memory.
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed by `close`
        self._waiting: list[tuple[NDArray[np.uint32], Samples]] = []
        self._buffered = 0
        self._size_bytes = 0
        self._index: list[NDArray[np.int64]] = []

    def add(self, groups: NDArray[np.uint32], samples: Samples) -> None:
        """Take samples, each with the number of its group; blocks.

        Raises:
            OSError: the disk refused the write.
        """
        self._waiting.append((groups, samples))
        self._buffered += len(samples)
        if self._buffered >= _BUFFERED_SAMPLES:
            self._write()

    def _write(self) -> None:
        if not self._waiting:
            return
        groups = np.concatenate([some for some, _ in self._waiting]).astype(np.int64)
        samples = np.concatenate([some for _, some in self._waiting])
        slabs = samples["time_ms"] // SLAB_MS
        # Stable: of two samples of a series at one time the first is kept.
        order = np.lexsort((groups, slabs))
        groups, slabs, samples = groups[order], slabs[order], samples[order]
        starts = np.flatnonzero(
            np.concatenate([[True], (np.diff(groups) != 0) | (np.diff(slabs) != 0)])
        )
        counts = np.diff(np.append(starts, len(samples)))
        offsets = self._size_bytes + starts * SAMPLE.itemsize
        self._index.append(np.column_stack([slabs[starts], groups[starts], offsets, counts]))
        self._file.write(samples.data)
        self._size_bytes += samples.nbytes
        self._waiting, self._buffered = [], 0

    def slabs(self, window_of: Callable[[int], int]) -> Iterator[tuple[int, int, Samples]]:
        """Yield window, group and samples of each slab; blocks.

        The slabs are ordered by window, group and time, the samples of a slab by arrival.

        Args:
            window_of: returns a sort key of the window that a time belongs to.

        Raises:
            OSError: the disk refused the read or write.
        """
        self._write()
        if not self._index:
            return
        index = np.concatenate(self._index)
        slabs, place = np.unique(index[:, 0], return_inverse=True)
        windows = np.array([window_of(slab * SLAB_MS) for slab in slabs.tolist()])[place]
        order = np.lexsort((index[:, 2], index[:, 0], index[:, 1], windows))
        index, windows = index[order], windows[order]
        new = np.flatnonzero(np.diff(index[:, :2], axis=0).any(axis=1)) + 1
        for first, rows in zip([0, *new.tolist()], np.split(index, new), strict=True):
            parts = [self._read(offset, count) for _, _, offset, count in rows.tolist()]
            samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
            yield int(windows[first]), int(rows[0, 1]), samples

    def _read(self, offset: int, count: int) -> Samples:
        self._file.seek(offset)
        return np.frombuffer(self._file.read(count * SAMPLE.itemsize), SAMPLE)

    def close(self) -> None:
        """Delete the file; blocks."""
        self._file.close()
