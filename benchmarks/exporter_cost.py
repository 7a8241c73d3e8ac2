"""What one scrape costs the host: our exporter beside Debian's node_exporter.

Both serve this host, with the same exclusions, and are asked in turn over kept
connections with gzip, as a scraper asks. CPU is that of the process (user and system)
over all its scrapes; times are what the client waits.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
OURS, PEER = "redshank exporter", "node_exporter"


@dataclass(frozen=True, slots=True)
class Cost:
    """One exporter's figures."""

    series: int
    body_bytes: int
    cpu_ms: float
    median_ms: float
    p99_ms: float
    resident_mib: float


def main() -> None:
    """Print a table, or with --json one object."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scrapes", type=int, default=300)
    arguments.add_argument("--port", type=int, default=39750, help="the first of two")
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    costs = measure(options.scrapes, options.port)
    ratio = costs[OURS].cpu_ms / costs[PEER].cpu_ms if PEER in costs else None
    if options.json:
        figures = {name: asdict(cost) for name, cost in costs.items()}
        print(json.dumps({"cpu_ratio": ratio, **figures}))
        return
    if ratio is not None:
        print(f"CPU a scrape, ours to node_exporter's: {ratio:.2f}\n")
    print(f"{'':20}{'series':>8}{'KiB':>7}{'CPU ms':>9}{'median ms':>11}{'p99 ms':>9}{'MiB':>7}")
    for name, cost in costs.items():
        print(
            f"{name:20}{cost.series:8}{cost.body_bytes / 1024:7.0f}{cost.cpu_ms:9.2f}"
            f"{cost.median_ms:11.2f}{cost.p99_ms:9.2f}{cost.resident_mib:7.1f}"
        )


def measure(scrapes: int, port: int) -> dict[str, Cost]:
    """Return each exporter's cost; the peer is left out where it is not installed."""
    peer = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    ours = [sys.executable, "-m", "exporter", "--listen", f"127.0.0.1:{port}"]
    # Off in node_exporter; and systemd, which Debian's build switches on, we do not ask.
    commands = {OURS: [*ours, "--disable-collector", "processes"]}
    if peer is not None:
        listen = f"--web.listen-address=127.0.0.1:{port + 1}"
        commands[PEER] = [peer, listen, "--no-collector.systemd"]
    with ExitStack() as running:
        asked = {}
        for number, (name, command) in enumerate(commands.items()):
            process = running.enter_context(started(command))
            connection = running.enter_context(connected(port + number))
            asked[name] = (process, connection, cpu_s(process.pid), list[float]())
        for _ in range(scrapes):
            for _, connection, _, waits_s in asked.values():
                begun_s = time.perf_counter()
                scrape(connection, "gzip")
                waits_s.append(time.perf_counter() - begun_s)
        return {
            name: cost(process.pid, before_s, waits_s, scrape(connection, "identity"))
            for name, (process, connection, before_s, waits_s) in asked.items()
        }


def cost(pid: int, before_s: float, waits_s: list[float], body: bytes) -> Cost:
    """Return the figures of a process that answered once for each of `waits_s`."""
    used_s = cpu_s(pid) - before_s
    return Cost(
        series=sum(not line.startswith(b"#") for line in body.splitlines()),
        body_bytes=len(body),
        cpu_ms=1000 * used_s / len(waits_s),
        median_ms=1000 * statistics.median(waits_s),
        p99_ms=1000 * statistics.quantiles(waits_s, n=100)[98],
        resident_mib=resident_bytes(pid) / 2**20,
    )


def scrape(connection: HTTPConnection, encoding: str) -> bytes:
    """Ask for the metrics once and return the body as it came."""
    connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
    return connection.getresponse().read()


def cpu_s(pid: int) -> float:
    """Return the user and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    """Return a process's resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def started(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program until the context ends."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """Connect once the server is there, and warm it up."""
    deadline_s = time.monotonic() + 20
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        while True:
            try:
                connection.connect()
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.05)
        for _ in range(10):
            scrape(connection, "gzip")
        yield connection


if __name__ == "__main__":
    main()
