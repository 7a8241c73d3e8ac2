"""What many scrapes leave behind in the exporter: `./run bench exporter --endurance`.

A process that leaks a kilobyte or a descriptor in each scrape would be found by its operator
after days; ten thousand scrapes are two days at one in 15 s.
"""

import sys
from dataclasses import dataclass
from typing import Final

import psutil

from benchmarks.exporter.cost import connected, scrape
from benchmarks.harness.processes import Child, work_directory

# Caches and the allocator's free lists fill during these.
_WARM_UP_SHARE: Final = 0.1
# The allocator's own noise; a leak of a kilobyte in each of 10,000 scrapes is 10 MiB.
MOST_GROWTH_BYTES: Final = 2 * 2**20
# New interfaces have files that stay open, and a collector that is slow once has a thread more.
MOST_GROWTH_COUNT: Final = 20


@dataclass(frozen=True, slots=True)
class ExporterGrowth:
    """What the process has more of at the end than after the warm-up."""

    scrapes: int
    rss_bytes: int
    descriptors: int
    threads: int

    @property
    def is_flat(self) -> bool:
        """Whether nothing grows from scrape to scrape."""
        return (
            self.rss_bytes <= MOST_GROWTH_BYTES
            and max(self.descriptors, self.threads) <= MOST_GROWTH_COUNT
        )


def growth(scrapes: int, port: int) -> ExporterGrowth:
    """Scrape an exporter with all its default collectors, and some that are off by default."""
    enabled = (f"--collector.{name}" for name in ("interrupts", "processes_top", "tcpstat"))
    command = [sys.executable, "-m", "exporter", "--listen", f"127.0.0.1:{port}", *enabled]
    url = f"http://127.0.0.1:{port}/metrics"
    with work_directory() as directory, Child("exporter", command, directory, url) as child:
        process = psutil.Process(child.pid)
        with connected(port) as connection:
            warm_up = int(scrapes * _WARM_UP_SHARE)
            for _ in range(warm_up):
                scrape(connection, "gzip")
            before = process.memory_info().rss, process.num_fds(), process.num_threads()
            for _ in range(scrapes - warm_up):
                scrape(connection, "gzip")
            after = process.memory_info().rss, process.num_fds(), process.num_threads()
    rss_bytes, descriptors, threads = (new - old for new, old in zip(after, before, strict=True))
    return ExporterGrowth(scrapes, rss_bytes, descriptors, threads)
