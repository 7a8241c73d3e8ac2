"""The cost of one scrape for the host, compared with node_exporter: `./run bench exporter`.

Both exporters serve this host with the same collectors, and are scraped in turn over
persistent connections with gzip. CPU is the user and system time of the process, divided
by the scrapes; times are the latencies of the client.
"""

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from types import MappingProxyType

from benchmarks.harness.contenders.versions import program_version
from benchmarks.harness.processes import Child, Usage, work_directory
from exporter.collector_options import FILESYSTEM_TYPES, MOUNT_POINTS

_WARM_UP_SCRAPES = 10
_POLL_S = 0.005
LIMITS: Mapping[str, float] = MappingProxyType(
    {"ratio_cpu": 0.50, "ratio_p50": 0.7, "ratio_p99": 1.0, "ratio_rss": 1.2, "start_s": 0.8}
)
OURS, PEER = "redshank exporter", "node_exporter"


@dataclass(frozen=True, slots=True)
class Cost:
    """The figures of one exporter."""

    series: int
    body_bytes: int
    cpu_ms: float
    median_ms: float
    p99_ms: float
    resident_mib: float


def node_exporter_path() -> str | None:
    """Return the path of node_exporter, under Debian's name or its own."""
    return shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")


def commands(port: int) -> dict[str, list[str]]:
    """Return the command line of each exporter, on `port` and the next one."""
    peer = node_exporter_path()
    ours = [sys.executable, "-m", "exporter", "--listen", f"127.0.0.1:{port}"]
    # The same collectors: node_exporter has processes and addresses off by default.
    started = {OURS: [*ours, "--no-collector.processes", "--no-collector.addresses"]}
    if peer is not None:
        started[PEER] = [peer, f"--web.listen-address=127.0.0.1:{port + 1}", *upstream_defaults()]
    return started


def upstream_defaults() -> list[str]:
    """Return options that undo those defaults that Debian's build of node_exporter has changed.

    It has systemd on, leaves more mount points out, and reads a directory of text files, which
    need not exist.
    """
    return [
        "--no-collector.systemd",
        f"--collector.filesystem.mount-points-exclude={MOUNT_POINTS}",
        f"--collector.filesystem.fs-types-exclude={FILESYSTEM_TYPES}",
        "--collector.textfile.directory=",
    ]


def measure(scrapes: int, port: int) -> dict[str, Cost]:
    """Return the cost of each exporter; without the peer if it is not installed."""
    with ExitStack() as running:
        directory = running.enter_context(work_directory())
        exporters = {}
        for at, (name, command) in enumerate(commands(port).items(), start=port):
            url = f"http://127.0.0.1:{at}/metrics"
            exporter = running.enter_context(Child(name, command, directory, url))
            connection = running.enter_context(connected(at))
            exporters[name] = (exporter, connection, exporter.usage(), list[float]())
        for _ in range(scrapes):
            for _, connection, _, waits_s in exporters.values():
                begun_s = time.perf_counter()
                scrape(connection, "gzip")
                waits_s.append(time.perf_counter() - begun_s)
        return {
            name: cost(before, exporter.usage(), waits_s, scrape(connection, "identity"))
            for name, (exporter, connection, before, waits_s) in exporters.items()
        }


def cost(before: Usage, after: Usage, waits_s: Sequence[float], body: bytes) -> Cost:
    """Return the figures of an exporter, given the latency of each scrape."""
    return Cost(
        series=sum(not line.startswith(b"#") for line in body.splitlines()),
        body_bytes=len(body),
        cpu_ms=1000 * (after.cpu_s - before.cpu_s) / len(waits_s),
        median_ms=1000 * statistics.median(waits_s),
        p99_ms=1000 * statistics.quantiles(waits_s, n=100)[98],
        resident_mib=after.rss_bytes / 2**20,
    )


def scrape(connection: HTTPConnection, encoding: str) -> bytes:
    """Scrape once; return the body, not decompressed."""
    connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
    return connection.getresponse().read()


@contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """Connect to an exporter and warm it up."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for _ in range(_WARM_UP_SCRAPES):
            scrape(connection, "gzip")
        yield connection


def ratios(costs: Mapping[str, Cost]) -> dict[str, float]:
    """Return our figures divided by those of node_exporter; none without it."""
    if PEER not in costs:
        return {}
    ours, theirs = costs[OURS], costs[PEER]
    return {
        "ratio_cpu": ours.cpu_ms / theirs.cpu_ms,
        "ratio_p50": ours.median_ms / theirs.median_ms,
        "ratio_p99": ours.p99_ms / theirs.p99_ms,
        "ratio_rss": ours.resident_mib / theirs.resident_mib,
    }


def start_s(port: int) -> float:
    """Return the time from the start of the exporter to its first answered scrape."""
    begun_s = time.perf_counter()
    process = subprocess.Popen(commands(port)[OURS], stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                    scrape(connection, "gzip")
                return time.perf_counter() - begun_s
            except ConnectionError:
                if process.poll() is not None:
                    raise
                time.sleep(_POLL_S)
    finally:
        process.terminate()
        process.wait()


def report(scrapes: int, port: int, *, as_json: bool) -> dict[str, float]:
    """Print the figures, and return the ratios and the start time."""
    costs = measure(scrapes, port)
    ratio = costs[OURS].cpu_ms / costs[PEER].cpu_ms if PEER in costs else None
    found = ratios(costs)
    found["start_s"] = start_s(port)
    version = program_version(node_exporter_path() or PEER)
    if as_json:
        figures = {name: asdict(cost) for name, cost in costs.items()}
        print(json.dumps({**found, "node_exporter_version": version, **figures}))
        return found
    if ratio is not None:
        print(f"CPU per scrape, Redshank to node_exporter {version}: {ratio:.2f}\n")
    print(f"{'':20}{'series':>8}{'KiB':>7}{'CPU ms':>9}{'median ms':>11}{'p99 ms':>9}{'MiB':>7}")
    for name, cost in costs.items():
        print(
            f"{name:20}{cost.series:8}{cost.body_bytes / 1024:7.0f}{cost.cpu_ms:9.2f}"
            f"{cost.median_ms:11.2f}{cost.p99_ms:9.2f}{cost.resident_mib:7.1f}"
        )
    shown = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
    print(f"\n{shown}")
    return found
