"""Inspection: the contents of the sample store's files, and the bytes they take."""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from storage.samples.catalog.metric_names import MetricNames
from storage.samples.windows import numbers
from storage.samples.windows.window import Window
from storage.samples.windows.window_set import WindowSet


@dataclass(frozen=True, slots=True)
class WindowInspection:
    """One window file.

    Attributes:
        name: the file name.
        start_ms, end_ms: the range of time it is for, the end exclusive.
        size_bytes: the size of the file and its write-ahead log.
        samples, chunks, sources, layouts: how many it holds.
        vectors: the number of vectors in all chunks.
        runs: the number of runs at each level of merging, the lowest level first.
        piece_bytes, time_bytes, layout_bytes: the size of encoded values, times and layouts.
    """

    name: str
    start_ms: int
    end_ms: int
    size_bytes: int
    samples: int
    chunks: int
    sources: int
    layouts: int
    vectors: int
    runs: tuple[int, ...]
    piece_bytes: int
    time_bytes: int
    layout_bytes: int

    @property
    def bytes_per_sample(self) -> float:
        """The file size for each sample; 0 if there is none."""
        return self.size_bytes / self.samples if self.samples else 0.0


@dataclass(frozen=True, slots=True)
class StoreInspection:
    """All files of a store.

    Attributes:
        windows: the window files, oldest first.
        metrics: name and encoded bytes of each metric, the largest first.
        journal_bytes: the size of the journal and its write-ahead log.
        sources, layouts: the number of distinct ones in all windows.
        unreadable: the number of files that could not be read.
    """

    windows: tuple[WindowInspection, ...]
    metrics: tuple[tuple[str, int], ...]
    journal_bytes: int
    sources: int
    layouts: int
    unreadable: int


def inspect(directory: Path) -> StoreInspection:
    """Inspect the files of a store, which a server may be using; blocks.

    Raises:
        StorageError: a file cannot be read.
    """
    metrics = MetricNames()
    windows = WindowSet(directory / "samples", 1, metrics)
    windows.open_read_only()
    try:
        sizes: Counter[int] = Counter()
        sources: set[int] = set()
        layouts: set[int] = set()
        for window in windows:
            sizes.update(window.metric_bytes)
            sources.update(source for source, _ in window.spans)
            layouts.update(layout for _, layout in window.spans)
        return StoreInspection(
            tuple(map(_inspect, windows)),
            tuple((metrics.name(code), size) for code, size in sizes.most_common()),
            sum(file.stat().st_size for file in directory.glob("journal.db*")),
            len(sources),
            len(layouts),
            windows.unreadable_files,
        )
    finally:
        windows.close()


def _inspect(window: Window) -> WindowInspection:
    def count(connection: sqlite3.Connection) -> tuple[int, int, int, int]:
        chunks = connection.execute(
            "select count(*), total(count), total(length(times)) from chunks"
        ).fetchone()
        (layouts,) = connection.execute("select total(length(series)) from layouts").fetchone()
        return chunks[0], int(chunks[1]), int(chunks[2]), int(layouts)

    chunks, vectors, time_bytes, layout_bytes = window.read(count)
    levels = Counter(run.level for run in window.runs.values())
    return WindowInspection(
        window.path.name,
        window.start_ms,
        window.end_ms,
        window.size_bytes,
        window.samples,
        chunks,
        len({source for source, _ in window.spans}),
        len({layout for _, layout in window.spans}),
        vectors,
        tuple(levels[level] for level in range(numbers.LEVELS)),
        window.metric_bytes.total(),
        time_bytes,
        layout_bytes,
    )
