"""What a sample costs in the store: bytes on disk and CPU, sealed and merged.

    ./run bench storage_size [--hosts N] [--chunk VECTORS] [--jitter] [--json]

Each host appends a recording of a real exporter, scrape by scrape. No peer runs
here: what the store alone takes shows what a change of its formats does; beside
Prometheus and VictoriaMetrics it is measured by `./run bench disk`.
"""

import argparse
import json
import re
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import zstandard
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from model.labels import Labels
from model.series import absent_matrix
from storage.api.samples import Vector
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
START_MS = 1_700_000_000_000
INTERVAL_MS = 5_000
LONG_AFTER_MS = 60 * 86_400_000
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as a matrix: `values` of shape (times, series)."""

    name: str
    series: list[Labels]
    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one recording took; bytes and CPU microseconds are per sample."""

    recording: str
    series: int
    samples: int
    sealed_bytes: float
    merged_bytes: float
    file_bytes: float
    append_us: float
    seal_us: float
    merge_us: float


def read_recording(path: Path) -> Recording:
    """Read a recording of the corpus, see its README."""
    reader = zstandard.ZstdDecompressor(max_window_size=2**24)
    with path.open("rb") as file, reader.stream_reader(file) as stream:
        data = stream.read()
    columns: dict[str, int] = {}
    scrapes: list[tuple[int, dict[int, float]]] = []
    at = 0
    while at < len(data):
        line_end = data.index(b"\n", at)
        time_ms, length = map(int, data[at:line_end].split())
        at = line_end + 1 + length
        scrape = {}
        for line in data[line_end + 1 : at].decode().splitlines():
            if line and not line.startswith("#"):
                key, _, value = line.rpartition(" ")
                scrape[columns.setdefault(key, len(columns))] = float(value)
        scrapes.append((time_ms, scrape))
    values = absent_matrix(len(scrapes), len(columns))
    for row, (_, scrape) in enumerate(scrapes):
        values[row, list(scrape)] = list(scrape.values())
    times = np.array([time_ms for time_ms, _ in scrapes], np.int64)
    return Recording(path.name.split(".")[0], [_labels(key) for key in columns], times, values)


def _labels(key: str) -> Labels:
    name, _, rest = key.partition("{")
    return Labels.of(dict(_LABEL.findall(rest)), __name__=name)


def made_up() -> Recording:
    """Return an hour of counters and gauges where there is no corpus."""
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 100, (720, 250)) * (rng.random((720, 250)) < 0.3)
    gauges = np.round(rng.normal(50, 1, (720, 50)), 1)
    constants = np.tile(np.arange(200.0), (720, 1))
    values = np.hstack([np.cumsum(steps, axis=0).astype(np.float64), gauges, constants])
    series = [Labels.of(__name__=f"m{n // 2}", n=str(n)) for n in range(values.shape[1])]
    return Recording("made up", series, np.arange(720) * INTERVAL_MS, values)


def measure(recording: Recording, hosts: int, chunk_vectors: int, jitter: bool) -> Figures:
    """Append a recording as so many hosts and merge it to the end."""
    times = START_MS + np.arange(len(recording.times_ms)) * INTERVAL_MS
    if jitter:
        times = START_MS + recording.times_ms - recording.times_ms[0]
    samples = hosts * recording.values.size
    with TemporaryDirectory() as directory:
        # An hour between two rounds: nothing but this thread does the work.
        settings = StoreSettings(chunk_vectors=chunk_vectors)
        store = SqliteSampleStore(Path(directory), settings, clock=lambda: START_MS)
        store.open()
        layout = store.layout(recording.series)
        sources = [store.source(Labels.of(instance=str(host))) for host in range(hosts)]
        append_s = -time.process_time()
        for time_ms, row in zip(times.tolist(), recording.values, strict=True):
            for source in sources:
                store.append(source, Vector(time_ms, layout, None, row))
        append_s += time.process_time()
        end_ms = int(times[-1])
        seal_s = -time.process_time()
        store.maintain(end_ms + 3 * 3_600_000, most_steps=0)
        seal_s += time.process_time()
        sealed = piece_bytes(Path(directory))
        merge_s = -time.process_time()
        store.maintain(end_ms + LONG_AFTER_MS)
        merge_s += time.process_time()
        merged = piece_bytes(Path(directory))
        store.close()
        size = sum(file.stat().st_size for file in Path(directory, "samples").iterdir())
    return Figures(
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


def piece_bytes(directory: Path) -> int:
    """Return the size of all encoded pieces, without what SQLite puts around them."""
    total = 0
    for path in (directory / "samples").glob("*.db"):
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        for level in range(3):
            query = f"select coalesce(sum(length(data)), 0) from pieces_{level}"
            total += connection.execute(query).fetchone()[0]
        connection.close()
    return total


def main() -> None:
    """Measure every recording and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--chunk", type=int, default=120, help="vectors a sealed chunk has")
    parser.add_argument("--jitter", action="store_true", help="timestamps as recorded")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    recordings = [read_recording(path) for path in sorted(CORPUS.glob("*.scrapes.zst"))]
    figures = [
        measure(recording, options.hosts, options.chunk, options.jitter)
        for recording in recordings or [made_up()]
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
