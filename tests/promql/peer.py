"""Runs Debian's Prometheus over the same recorded samples as the engine."""

import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from model.labels import Labels
from model.matchers import Matcher, matches_all
from model.series import AlignedSeries, absent_matrix, is_absent
from storage.api.samples import ReadBudget, SelectHints
from tests.promqltest.points import parse_series
from tests.promqltest.store import MemoryStore

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
BASE_MS = 1_700_000_000_000
"""The first scrape; steps fall between scrapes, never on one."""
INTERVAL_MS = 15_000
SCRAPES = 280
_METRICS = (
    "node_cpu_seconds_total", "node_load1", "node_load15", "node_memory_MemFree_bytes",
    "node_memory_Cached_bytes", "node_network_receive_bytes_total", "node_network_up",
    "node_network_transmit_packets_total", "node_disk_io_time_seconds_total",
    "node_context_switches_total", "node_procs_running", "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes", "node_time_seconds", "node_boot_time_seconds",
    "go_goroutines", "go_memstats_alloc_bytes", "go_gc_duration_seconds",
    "prometheus_http_requests_total", "prometheus_http_request_duration_seconds_bucket",
    "prometheus_http_request_duration_seconds_count", "process_cpu_seconds_total",
    "prometheus_http_request_duration_seconds_sum", "process_resident_memory_bytes",
    "prometheus_tsdb_head_samples_appended_total", "prometheus_tsdb_head_chunks",
)  # fmt: skip


def recorded() -> list[AlignedSeries]:
    """Return four sources: two recorded exporters, and an irregular variant of each."""
    sources = []
    for number, name in enumerate(("node_exporter", "prometheus")):
        labels, values = _recording(CORPUS / f"{name}.scrapes.zst")
        for host in ("a", "b"):
            own = [each.overlaid(Labels.of(job=name, instance=host)) for each in labels]
            times = BASE_MS + np.arange(SCRAPES) * INTERVAL_MS + 1_000 * number
            if host == "a":
                sources.append(AlignedSeries.of_source(own, times + 7, values))
            else:
                sources.append(_unsteady(own, times + 4_207, values))
    return sources


def _recording(path: Path) -> tuple[list[Labels], np.ndarray[Any, np.dtype[np.float64]]]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=2**24)
    with path.open("rb") as file, decompressor.stream_reader(file) as stream:
        data = stream.read()
    scrapes: list[dict[str, float]] = []
    at = 0
    while at < len(data) and len(scrapes) < SCRAPES * 3:
        newline = data.index(b"\n", at)
        length = int(data[at:newline].split()[1])
        body = data[newline + 1 : newline + 1 + length].decode()
        at = newline + 1 + length
        scrapes.append(_wanted(body))
    scrapes = scrapes[::3]
    keys = list(dict.fromkeys(key for scrape in scrapes for key in scrape))
    values = absent_matrix(len(keys), SCRAPES)
    for column, scrape in enumerate(scrapes):
        for row, key in enumerate(keys):
            if key in scrape:
                values[row, column] = scrape[key]
    return [parse_series(key)[0] for key in keys], values


def _wanted(body: str) -> dict[str, float]:
    found = {}
    for line in body.splitlines():
        if line.partition("{")[0].partition(" ")[0] in _METRICS:
            key, _, value = line.rpartition(" ")
            found[key] = float(value)
    return found


def _unsteady(
    labels: Sequence[Labels],
    times: np.ndarray[Any, np.dtype[np.int64]],
    values: np.ndarray[Any, np.dtype[np.float64]],
) -> AlignedSeries:
    """Return a variant with missed scrapes, an outage and a counter restart."""
    rng = np.random.default_rng(7)
    kept = rng.random(SCRAPES) > 0.03
    kept[60:78] = False
    changed = values.copy()
    half = SCRAPES // 2
    changed[:, half:] = np.where(
        is_absent(values[:, half:]), values[:, half:], values[:, half:] * 0.25
    )
    some = rng.random(values.shape) < 0.01
    absent = absent_matrix(*values.shape)
    changed = np.where(some, absent, changed)
    return AlignedSeries.of_source(labels, times[kept], np.ascontiguousarray(changed[:, kept]))


class TableStore(MemoryStore):
    """A `SampleReader` over matrices."""

    def __init__(self, sources: Sequence[AlignedSeries]) -> None:
        super().__init__()
        self._sources = sources

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        found = []
        for source in self._sources:
            rows = [
                row for row, labels in enumerate(source.labels) if matches_all(matchers, labels)
            ]
            times = source.times_ms[0]
            low, high = np.searchsorted(times, start_ms), np.searchsorted(times, end_ms, "right")
            values = source.values[rows, low:high]
            here = np.logical_not(np.all(is_absent(np.ascontiguousarray(values)), axis=1)).tolist()
            labels = [source.labels[row] for row, some in zip(rows, here, strict=True) if some]
            found.append(
                AlignedSeries.of_source(
                    labels, times[low:high], values[np.array(here, dtype=np.bool_)]
                )
            )
        return [part for part in found if part.labels]


def openmetrics(sources: Sequence[AlignedSeries]) -> str:
    """Format all samples as OpenMetrics text with timestamps."""
    lines = []
    for source in sources:
        absent = is_absent(np.ascontiguousarray(source.values))
        for row, labels in enumerate(source.labels):
            inner = ",".join(f'{name}="{value}"' for name, value in labels if name != "__name__")
            key = f"{labels.metric}{{{inner}}}"
            for column, time_ms in enumerate(source.times_ms[0].tolist()):
                if not absent[row, column]:
                    value = float(source.values[row, column])
                    lines.append(f"{key} {value!r} {time_ms / 1000:.3f}")
    return "\n".join([*lines, "# EOF", ""])


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def range(self, query: str, start_ms: int, end_ms: int, step_ms: int, stats: str = "") -> Any:
        """Return the answer's `data`, None if the query is rejected."""
        parameters = urllib.parse.urlencode(
            {
                "query": query,
                "start": start_ms / 1000,
                "end": end_ms / 1000,
                "step": step_ms / 1000,
                "stats": stats,
            }
        )
        try:
            with urllib.request.urlopen(
                f"{self.url}/api/v1/query_range?{parameters}", timeout=60
            ) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as exc:
            exc.close()
            return None


@contextmanager
def running(directory: Path, text: str, features: str = "") -> Iterator[Prometheus]:
    """Run Prometheus over samples in OpenMetrics text, with some feature flags."""
    source, blocks = directory / "samples.om", directory / "blocks"
    source.write_text(text)
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", source, blocks],
        check=True,
        capture_output=True,
    )
    config = directory / "prometheus.yml"
    config.write_text("")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={blocks}",
            "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}",
            f"--enable-feature={features or 'promql-per-step-stats'}",
        ],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if "Server is ready to receive web requests" in line:
                    break
            else:
                raise RuntimeError("prometheus did not start")
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.communicate()
