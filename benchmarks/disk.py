"""Bytes on disk per sample after compaction: `./run bench disk`.

Scraping takes real time, so each store imports the whole recording with its own tool and
compacts it completely. It does so twice: with the timestamps as recorded, some
milliseconds early or late, like those of pushed samples and busy servers; and with
evenly spaced timestamps, which all three servers make when they scrape on time. Jitter
costs Prometheus nearly two bytes per sample.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import VictoriaMetrics, choose, titles
from benchmarks.harness.contenders.store_import import compact, create_blocks, import_text
from benchmarks.harness.load.replay import series_key
from benchmarks.harness.processes import directory_size_bytes, wait_until, work_directory
from benchmarks.harness.recordings.recording import Recording, find_recording, sample_lines
from benchmarks.harness.reporting.command import argument_parser, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report

_MEASURES = (
    Measure("disk_bytes_per_sample", "disk\nB/sample", 3, ratio="disk"),
    Measure("disk_even_bytes_per_sample", "disk, even times\nB/sample", 3, ratio="disk_even"),
    Measure("disk_mb", "disk\nMB", 1),
    Measure("import_s", "import, compaction\ns", 0),
)
_LIMITS = (
    Limit("ratio_disk_prometheus", 0.20),
    Limit("ratio_disk_victoriametrics", 0.85),
)
# The length of a Prometheus block: the recording begins at the start of a block.
_BLOCK_MS = 2 * 3600 * 1000
_MERGE_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class History:
    """A recording, repeated for several hosts, to import.

    Attributes:
        recording: the scrapes of each host.
        hosts: how many. They differ in `instance`, and each has its own offset in the
            interval.
        start_ms: the time of the first scrape, Unix milliseconds.
        even: whether the scrapes are evenly spaced; else their times are as recorded.
    """

    recording: Recording
    hosts: int
    start_ms: int
    even: bool = False

    @property
    def samples(self) -> int:
        """The number of samples."""
        return self.hosts * sum(
            1 for scrape in self.recording.scrapes for _ in sample_lines(scrape.body)
        )

    def times_ms(self) -> Iterator[int]:
        """Yield the scrape times of the first host."""
        first_ms = self.recording.scrapes[0].time_ms
        for number, scrape in enumerate(self.recording.scrapes):
            spacing_ms = number * self.recording.interval_ms
            yield self.start_ms + (spacing_ms if self.even else scrape.time_ms - first_ms)

    def write(self, path: Path, render_time: Callable[[int], bytes]) -> None:
        """Write the history as text in time order, each sample with its timestamp."""
        with path.open("wb", buffering=1 << 20) as file:
            file.writelines(self._lines(render_time))
            file.write(b"# EOF\n")

    def _lines(self, render_time: Callable[[int], bytes]) -> Iterator[bytes]:
        interval_ms = self.recording.interval_ms
        host_labels = [b'instance="host%03d:9100",job="node"' % host for host in range(self.hosts)]
        opened: dict[bytes, bytes] = {}  # a series' key up to the place of the host's labels
        for time_ms, scrape in zip(self.times_ms(), self.recording.scrapes, strict=True):
            samples = []
            for line in sample_lines(scrape.body):
                key = series_key(line)
                if key not in opened:
                    opened[key] = key[:-1] + b"," if key.endswith(b"}") else key + b"{"
                samples.append((opened[key], b"}" + line[len(key) :] + b" "))
            for host, labels in enumerate(host_labels):
                ending = render_time(time_ms + host * interval_ms // self.hosts) + b"\n"
                yield b"".join(key + labels + value + ending for key, value in samples)


def open_metrics_time(time_ms: int) -> bytes:
    """Render a timestamp in seconds, as in OpenMetrics."""
    return b"%d.%03d" % divmod(time_ms, 1000)


def text_format_time(time_ms: int) -> bytes:
    """Render a timestamp in milliseconds, as in the Prometheus text format."""
    return b"%d" % time_ms


def store_in_redshank(history: History, directory: Path) -> int:
    """Import and compact; return the size of the whole data directory."""
    text, data = directory / "history.om", directory / "data"
    history.write(text, open_metrics_time)
    import_text(text, data)
    compact(data)
    return directory_size_bytes(data)


def store_in_prometheus(history: History, directory: Path) -> int:
    """Import as blocks; return their size."""
    text, blocks = directory / "history.om", directory / "blocks"
    history.write(text, open_metrics_time)
    create_blocks(text, blocks)
    return directory_size_bytes(blocks)


def store_in_victoriametrics(history: History, directory: Path) -> int:
    """Import and force a merge of everything; return the size of data and index."""
    text = directory / "history.prom"
    history.write(text, text_format_time)
    with VictoriaMetrics(ScrapePlan([], 60.0), directory) as server:
        server.post_file("/api/v1/import/prometheus", text)
        server.post("/internal/force_flush")
        server.post("/internal/force_merge")
        wait_until_merged(server)
        # Not `cache/`, which can be deleted.
        parts = [server.data_directory / name for name in ("data", "indexdb")]
        return sum(map(directory_size_bytes, parts))


def wait_until_merged(server: VictoriaMetrics) -> None:
    """Wait until the server logs the end of the forced merge.

    Raises:
        BenchmarkError: it has not after ten minutes.
    """

    def merged() -> bool:
        log = server.log()
        return "forced merge" in log and "finished in" in log

    if not wait_until(merged, _MERGE_TIMEOUT_S):
        raise server.error("does not end its forced merge")


Store = Callable[[History, Path], int]
"""Imports and compacts a history in a directory; returns the size in bytes."""

STORES: dict[str, Store] = {
    "redshank": store_in_redshank,
    "prometheus": store_in_prometheus,
    "victoriametrics": store_in_victoriametrics,
}


def compare(options: argparse.Namespace) -> Report:
    """Import the same history into each store; compare the sizes on disk."""
    chosen = choose(options.contenders)
    recording = find_recording(options.recording)
    duration_ms = len(recording.scrapes) * recording.interval_ms
    start_ms = (round(time.time() * 1000) - duration_ms) // _BLOCK_MS * _BLOCK_MS
    recorded = History(recording, options.hosts, start_ms)
    samples = recorded.samples
    results = {}
    for contender in chosen:
        progress(f"{contender.title}: importing {samples / 1e6:.1f} M samples, twice")
        store = STORES[contender.key]
        begun_s = time.monotonic()
        size_bytes, even_bytes = (
            size_of(store, history, options.work_dir)
            for history in (recorded, replace(recorded, even=True))
        )
        results[contender.key] = {
            "disk_bytes_per_sample": size_bytes / samples,
            "disk_even_bytes_per_sample": even_bytes / samples,
            "disk_mb": size_bytes / 1e6,
            "import_s": (time.monotonic() - begun_s) / 2,
        }
    return Report(
        "disk",
        f"{options.hosts} hosts, {samples / 1e6:.1f} M samples; {recording}",
        _MEASURES,
        results,
        titles(chosen),
        _LIMITS,
    )


def size_of(store: Store, history: History, parent: Path | None) -> int:
    """Return the size of a history in a new store."""
    with work_directory(parent) as directory:
        return store(history, directory)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare bytes on disk per sample after compaction."""
    parser = argument_parser("disk", main.__doc__)
    parser.add_argument("--hosts", type=int, default=20, help="how many hosts have the recording")
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
