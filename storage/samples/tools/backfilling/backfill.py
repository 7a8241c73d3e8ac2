"""Backfill: writes samples of the past as chunks, without head and journal.

The series of one job and instance become one source, as if they had been scraped. Chunks
that fit between the existing chunks of that source are added to it. Chunks that overlap
them, or end in the future, go to another stream, and reading merges the two.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import Times, Values
from storage.api.samples import Source
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.sources import Sources
from storage.samples.tools.backfilling.alignment import align
from storage.samples.tools.backfilling.chunk_building import ChunkBuilder, Surroundings
from storage.samples.tools.backfilling.series_groups import SeriesGroups
from storage.samples.tools.backfilling.spill import SAMPLE, Spill
from storage.samples.windows import runs
from storage.samples.windows.chunks import EncodedChunk
from storage.samples.windows.window import Window
from storage.samples.windows.window_set import EARLIEST_MS, LATEST_MS, WindowSet

_STREAM = "backfill"
_RUN_BYTES = 64 * 2**20


@dataclass(slots=True)
class BackfillReport:
    """The result of a backfill.

    Attributes:
        samples: the samples stored.
        series: the number of their series.
        repeated: samples left out because they were given twice.
        refused: samples left out because the series has another value at that time.
        out_of_range: samples left out because they are not in the years 1 to 9999.
        start_ms, end_ms: the first and last time stored, None if nothing was.
    """

    samples: int = 0
    series: int = 0
    repeated: int = 0
    refused: int = 0
    out_of_range: int = 0
    start_ms: int | None = None
    end_ms: int | None = None


class Backfill:
    """Takes samples in any order; `finish` adds them to the store."""

    def __init__(
        self, directory: Path, windows: WindowSet, sources: Sources, layouts: Layouts, now_ms: int
    ) -> None:
        self._groups = SeriesGroups(sources)
        self._writer = ChunkWriter(windows)
        self._windows, self._sources, self._layouts = windows, sources, layouts
        self._now_ms = now_ms
        self._spill = Spill(directory)
        self._report = BackfillReport()

    def series(self, labels: Labels) -> int:
        """Return the number of the series with these labels, `__name__` among them."""
        return self._groups.number(labels)

    def add(self, series: NDArray[np.uint32], times_ms: Times, values: Values) -> None:
        """Take samples, all arrays of shape (N,); blocks.

        Raises:
            OSError: the disk refused the write.
        """
        samples = np.empty(len(series), SAMPLE)
        samples["series"], samples["time_ms"], samples["value"] = series, times_ms, values
        inside = (times_ms >= EARLIEST_MS) & (times_ms <= LATEST_MS)
        if not inside.all():
            self._report.out_of_range += int(np.count_nonzero(~inside))
            samples = samples[inside]
        self._spill.add(self._groups.groups_of(samples["series"]), samples)

    def finish(self) -> BackfillReport:
        """Write all samples as chunks; blocks.

        Raises:
            StorageError: the disk refused the write; chunks that are written stay.
            OSError: the temporary file cannot be read or written.
        """
        seen = np.zeros(len(self._groups), np.bool_)
        builders: dict[int, ChunkBuilder] = {}
        current: tuple[int, int] | None = None
        for window, group, samples in self._spill.slabs(self._windows.end_of):
            if current is not None and current != (window, group):
                self._writer.add(builders[current[1]].flush())
                if current[0] != window:
                    self._writer.flush()
            current = window, group
            if group not in builders:
                builders[group] = self._builder(group)
            stretches = list(align(samples))
            seen[samples["series"]] = True
            for stretch in stretches:
                self._report.samples += stretch.samples
                self._report.repeated += stretch.repeated
                self._report.refused += stretch.refused
            self._writer.add(builders[group].add(stretches))
        if current is not None:
            self._writer.add(builders[current[1]].flush())
        self._writer.flush()
        self._report.series = int(np.count_nonzero(seen))
        self._report.start_ms, self._report.end_ms = self._writer.start_ms, self._writer.end_ms
        return self._report

    def _builder(self, group: int) -> ChunkBuilder:
        groups = self._groups
        labels = groups.source_labels(group)
        pairs = set(labels)

        def own_labels(series: int) -> Labels:
            return Labels(pair for pair in groups.labels(series) if pair not in pairs)

        def stream(number: int) -> Source:
            name = "" if number == 0 else _STREAM if number == 1 else f"{_STREAM}-{number}"
            return self._sources.of(labels, name)

        return ChunkBuilder(
            own_labels,
            Surroundings(stream, self._spans, self._layouts.of, self._windows.end_of, self._now_ms),
        )

    def _spans(self, source: Source) -> Iterator[tuple[int, int]]:
        for window in self._windows:
            if source.id in window.ends:
                yield from window.read(lambda connection: runs.spans_of(connection, source.id))

    def close(self) -> None:
        """Discard the samples that are not in the store; blocks."""
        self._spill.close()


class ChunkWriter:
    """Writes chunks to their windows, many at a time.

    Attributes:
        start_ms, end_ms: the first and last time written, None while nothing is.
    """

    def __init__(self, windows: WindowSet) -> None:
        self._windows = windows
        self._waiting: list[EncodedChunk] = []
        self._waiting_bytes = 0
        self.start_ms: int | None = None
        self.end_ms: int | None = None

    def add(self, chunks: Iterable[EncodedChunk]) -> None:
        """Take chunks, and write them once they are enough for a run; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        for chunk in chunks:
            self._waiting.append(chunk)
            self._waiting_bytes += sum(len(data) for _, data in chunk.pieces)
            start_ms, end_ms = self.start_ms, self.end_ms
            self.start_ms = chunk.start_ms if start_ms is None else min(start_ms, chunk.start_ms)
            self.end_ms = chunk.end_ms if end_ms is None else max(end_ms, chunk.end_ms)
            if self._waiting_bytes >= _RUN_BYTES:
                self.flush()

    def flush(self) -> None:
        """Write all chunks taken so far; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        by_window = defaultdict[Window, list[EncodedChunk]](list)
        for chunk in self._waiting:
            by_window[self._windows.at(chunk.start_ms)].append(chunk)
        for window, chunks in by_window.items():
            window.add_run(chunks)
            window.release_writer()
        self._waiting, self._waiting_bytes = [], 0
