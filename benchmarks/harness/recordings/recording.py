"""Recorded scrapes of an exporter, which the fleets of all benchmarks replay.

A recording is a zstd stream (window log 24). For each scrape it holds a line
`<unix ms> <length>` and then that many bytes of exposition text. `./run bench corpus`
makes one; a benchmark that finds none records two minutes by itself.
"""

import argparse
import io
import shutil
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import zstandard

from benchmarks.harness.loopback import fetch, free_port
from benchmarks.harness.processes import Child, work_directory

_ROOT = Path(__file__).parents[3]
CORPUS = _ROOT.parent / "shared" / "corpus"
PLACES = (CORPUS, _ROOT / "benchmarks" / "recordings")
_WINDOW_LOG = 24  # hours of scrapes fit into the window
_SHORT_RECORDING_S = 120.0


@dataclass(frozen=True, slots=True)
class Scrape:
    """One exposition and its time."""

    time_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """Scrapes of one exporter, oldest first, evenly spaced to within some milliseconds."""

    path: Path
    scrapes: tuple[Scrape, ...]

    @property
    def interval_ms(self) -> int:
        """The scrape interval: the median spacing, rounded to half a second."""
        spacings = [after.time_ms - before.time_ms for before, after in pairwise(self.scrapes)]
        return max(500, round(statistics.median(spacings) / 500) * 500) if spacings else 1000

    @property
    def typical(self) -> Scrape:
        """The scrape in the middle; the first may lack series that appear later."""
        return self.scrapes[len(self.scrapes) // 2]

    @property
    def series(self) -> int:
        """The number of series in a typical scrape."""
        return count_samples(self.typical.body)

    def __str__(self) -> str:
        """Render for the head of a table."""
        minutes = len(self.scrapes) * self.interval_ms / 60_000
        name = self.path.name.partition(".")[0]
        return f"{name}, {len(self.scrapes)} scrapes over {minutes:.0f} min, {self.series} series"


def sample_lines(body: bytes) -> Iterator[bytes]:
    """Yield the sample lines of an exposition."""
    return (line for line in body.split(b"\n") if line and not line.startswith(b"#"))


def count_samples(body: bytes) -> int:
    """Return the number of samples in an exposition."""
    return sum(1 for _ in sample_lines(body))


def read_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        ValueError: the file ends within a scrape or has none.
    """
    scrapes = []
    decompressor = zstandard.ZstdDecompressor(max_window_size=2**_WINDOW_LOG)
    with path.open("rb") as file, io.BufferedReader(decompressor.stream_reader(file)) as stream:
        while header := stream.readline():
            time_ms, length = map(int, header.split())
            body = stream.read(length)
            if len(body) < length:
                raise ValueError(f"{path} ends within the scrape of {time_ms} ms")
            scrapes.append(Scrape(time_ms, body))
    if not scrapes:
        raise ValueError(f"{path} has no scrape")
    return Recording(path, tuple(scrapes))


def write_recording(path: Path, scrapes: Iterable[Scrape]) -> None:
    """Write a recording; the file gets its name only once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parameters = zstandard.ZstdCompressionParameters.from_level(12, window_log=_WINDOW_LOG)
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with (
            unfinished.open("wb") as file,
            zstandard.ZstdCompressor(compression_params=parameters).stream_writer(file) as stream,
        ):
            for scrape in scrapes:
                stream.write(b"%d %d\n" % (scrape.time_ms, len(scrape.body)))
                stream.write(scrape.body)
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


def find_recording(name: str = "node_exporter") -> Recording:
    """Return the recording of an exporter; record two minutes if there is none.

    Args:
        name: an exporter's name, or the path of a recording.
    """
    if name.endswith(".zst"):
        return read_recording(Path(name))
    for place in PLACES:
        path = place / f"{name}.scrapes.zst"
        if path.exists():
            return read_recording(path)
    if name != "node_exporter":
        raise FileNotFoundError(f"no recording of {name} in {' or '.join(map(str, PLACES))}")
    path = PLACES[-1] / f"{name}.scrapes.zst"
    print(f"no recording found: recording {_SHORT_RECORDING_S:.0f} s to {path}", file=sys.stderr)
    write_recording(path, record_local_exporter(_SHORT_RECORDING_S, interval_s=1.0))
    return read_recording(path)


def add_recording_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option `--recording`, for `find_recording`."""
    parser.add_argument(
        "--recording", default="node_exporter", help="name in the corpus, or path of a .zst"
    )


def record_local_exporter(seconds: float, interval_s: float) -> Iterator[Scrape]:
    """Run an exporter of this host and yield its scrapes."""
    listen = f"127.0.0.1:{free_port()}"
    program = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    command = (
        [program, f"--web.listen-address={listen}", "--log.level=error"]
        if program
        else [sys.executable, "-m", "exporter", "--listen", listen]
    )
    url = f"http://{listen}/metrics"
    with (
        work_directory() as logs,
        Child("exporter", command, logs, url),
    ):
        start_s = time.time()
        for number in range(max(1, round(seconds / interval_s))):
            time.sleep(max(0.0, start_s + number * interval_s - time.time()))
            yield Scrape(round(time.time() * 1000), fetch(url))
