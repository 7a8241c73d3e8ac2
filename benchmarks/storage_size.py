"""The cost of a sample in the store: bytes on disk and CPU time, sealed and merged.

    ./run bench storage_size [--hosts N] [--chunk VECTORS] [--jitter] [--json]

Each host appends a recording of an exporter, scrape by scrape. Only the store runs, to
show the effect of a change of its formats; `./run bench disk` compares it with Prometheus
and VictoriaMetrics.
"""

import argparse
import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.harness.processes import directory_size_bytes, work_directory
from benchmarks.harness.recordings.recording import CORPUS, read_recording
from benchmarks.harness.recordings.value_matrix import value_matrix
from model.labels import Labels
from storage.api.samples import Vector
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore

START_MS = 1_700_000_000_000
INTERVAL_MS = 5_000
# Everything is sealed after the first, and merged completely after the second.
LATER_MS = 3 * 3_600_000
LONG_AFTER_MS = 60 * 86_400_000


@dataclass(frozen=True, slots=True)
class RecordedMatrix:
    """A recording as a matrix; `values` has shape (times, series)."""

    name: str
    series: list[Labels]
    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SampleCost:
    """The cost of one recording; bytes and CPU microseconds are per sample."""

    recording: str
    series: int
    samples: int
    sealed_bytes: float
    merged_bytes: float
    file_bytes: float
    append_us: float
    seal_us: float
    merge_us: float


def recorded(path: Path) -> RecordedMatrix:
    """Read a recording as a matrix."""
    scrapes = read_recording(path).scrapes
    series, values = value_matrix(scrapes)
    times_ms = np.array([scrape.time_ms for scrape in scrapes], np.int64)
    return RecordedMatrix(path.name.split(".")[0], series, times_ms, values)


def generated() -> RecordedMatrix:
    """Return an hour of counters and gauges, for lack of a corpus."""
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 100, (720, 250)) * (rng.random((720, 250)) < 0.3)
    gauges = np.round(rng.normal(50, 1, (720, 50)), 1)
    constants = np.tile(np.arange(200.0), (720, 1))
    values = np.hstack([np.cumsum(steps, axis=0).astype(np.float64), gauges, constants])
    series = [Labels.of(__name__=f"m{n // 2}", n=str(n)) for n in range(values.shape[1])]
    return RecordedMatrix("made up", series, np.arange(720) * INTERVAL_MS, values)


def measure(recording: RecordedMatrix, hosts: int, chunk_vectors: int, jitter: bool) -> SampleCost:
    """Append a recording for several hosts, seal and merge it."""
    times = START_MS + np.arange(len(recording.times_ms)) * INTERVAL_MS
    if jitter:
        times = START_MS + recording.times_ms - recording.times_ms[0]
    end_ms, samples = int(times[-1]), hosts * recording.values.size
    with work_directory() as directory:
        # The store has no background task here: only `maintain` seals and merges.
        settings = StoreSettings(chunk_vectors=chunk_vectors)
        store = SqliteSampleStore(directory, settings, clock=lambda: START_MS)
        store.open()
        layout = store.layout(recording.series)
        sources = [store.source(Labels.of(instance=str(host))) for host in range(hosts)]
        begun_s = time.process_time()
        for time_ms, row in zip(times.tolist(), recording.values, strict=True):
            for source in sources:
                store.append(source, Vector(time_ms, layout, None, row))
        append_s = time.process_time() - begun_s
        seal_s = maintenance_s(store, end_ms + LATER_MS, most_steps=0)
        sealed = piece_bytes(directory)
        merge_s = maintenance_s(store, end_ms + LONG_AFTER_MS)
        merged = piece_bytes(directory)
        store.close()
        size = directory_size_bytes(directory / "samples")
    return SampleCost(
        recording.name,
        recording.values.shape[1],
        samples,
        sealed / samples,
        merged / samples,
        size / samples,
        append_s / samples * 1e6,
        seal_s / samples * 1e6,
        merge_s / samples * 1e6,
    )


def maintenance_s(store: SqliteSampleStore, now_ms: int, most_steps: int | None = None) -> float:
    """Seal and merge what is due; return the CPU time used."""
    begun_s = time.process_time()
    store.maintain(now_ms, most_steps)
    return time.process_time() - begun_s


def piece_bytes(directory: Path) -> int:
    """Return the size of all encoded pieces, without SQLite's overhead."""
    total = 0
    for path in (directory / "samples").glob("*.db"):
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        for level in range(3):
            query = f"select coalesce(sum(length(data)), 0) from pieces_{level}"
            total += connection.execute(query).fetchone()[0]
        connection.close()
    return total


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every recording and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--chunk", type=int, default=120, help="vectors per sealed chunk")
    parser.add_argument("--jitter", action="store_true", help="timestamps as recorded")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    recordings = [recorded(path) for path in sorted(CORPUS.glob("*.scrapes.zst"))]
    figures = [
        measure(recording, options.hosts, options.chunk, options.jitter)
        for recording in recordings or [generated()]
    ]
    if options.json:
        print(json.dumps([asdict(one) for one in figures]))
        return
    table = Table(*figures[0].__dataclass_fields__)
    for one in figures:
        cells = asdict(one).values()
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
