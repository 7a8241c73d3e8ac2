"""The exporter's own metrics, which every scrape includes.

They have the names of prometheus_client, whose registry is not used: it loads TLS, WSGI and
compression, a seventh of the memory that an exporter has resident.
"""

import gc
import os
import platform
import resource
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.kept_files import KeptFile

# Positions in /proc/self/stat, after the name (proc(5)).
_UTIME, _STIME, _START, _VIRTUAL, _RESIDENT = 11, 12, 19, 20, 21
_GARBAGE = (
    ("collected", "python_gc_objects_collected_total", "Objects collected during gc"),
    (
        "uncollectable",
        "python_gc_objects_uncollectable_total",
        "Uncollectable objects found during GC",
    ),
    (
        "collections",
        "python_gc_collections_total",
        "Number of times this generation was collected",
    ),
)


class SelfMetrics:
    """Process, Python, build information, HTTP responses by status, collectors that hang.

    Args:
        version: version of this exporter.
        stuck: returns the names of the collectors that hang.
    """

    def __init__(self, version: str, stuck: Callable[[], list[str]]) -> None:
        self._stuck = stuck
        self._process = _OwnProcess()
        self._constant = [_python(), _build(version)]
        self._responses: Counter[int] = Counter()
        self._lock = threading.Lock()

    def count(self, status: HTTPStatus) -> None:
        """Count a response; thread-safe."""
        with self._lock:
            self._responses[int(status)] += 1

    def collect(self) -> Iterable[Family]:
        """Return the families."""
        responses = CounterFamily(
            "redshank_exporter_http_requests_total",
            "Requests answered, by status.",
            labels=("code",),
        )
        with self._lock:
            counts = list(self._responses.items())
        for code, count in counts:
            responses.add((str(code),), count)
        return [
            *self._process.collect(),
            *_garbage(),
            *self._constant,
            responses,
            GaugeFamily(
                "redshank_exporter_stuck_collectors",
                "Collectors that missed their deadline and still run, each on a thread of its own.",
                len(self._stuck()),
            ),
        ]


class _OwnProcess:
    """CPU, memory and descriptors of this process."""

    def __init__(self) -> None:
        self._file = KeptFile("/proc/self/stat")
        self._ticks_per_second = os.sysconf("SC_CLK_TCK")
        self._page_bytes = resource.getpagesize()
        self._boot_s = _boot_time_s()

    def collect(self) -> Iterator[Family]:
        """Yield the families; none on a system without /proc."""
        with suppress(OSError):
            fields = self._file.text().rpartition(")")[2].split()
            yield GaugeFamily(
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes.",
                int(fields[_VIRTUAL]),
            )
            yield GaugeFamily(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
                int(fields[_RESIDENT]) * self._page_bytes,
            )
            if self._boot_s is not None:
                yield GaugeFamily(
                    "process_start_time_seconds",
                    "Start time of the process since unix epoch in seconds.",
                    self._boot_s + int(fields[_START]) / self._ticks_per_second,
                )
            yield CounterFamily(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
                (int(fields[_UTIME]) + int(fields[_STIME])) / self._ticks_per_second,
            )
        with suppress(OSError):
            # Without the descriptor that lists the directory.
            descriptors = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - names, not paths.
            yield GaugeFamily("process_open_fds", "Number of open file descriptors.", descriptors)
        yield GaugeFamily(
            "process_max_fds",
            "Maximum number of open file descriptors.",
            resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        )


def _boot_time_s() -> int | None:
    """Return when the host was started, in Unix seconds, None without /proc."""
    with suppress(OSError):
        for line in KeptFile("/proc/stat").lines():
            if line.startswith("btime "):
                return int(line.split()[1])
    return None


def _garbage() -> list[Family]:
    statistics = gc.get_stats()
    families: list[Family] = []
    for key, name, documentation in _GARBAGE:
        family = CounterFamily(name, documentation, labels=("generation",))
        for generation, counts in enumerate(statistics):
            family.add((str(generation),), counts[key])
        families.append(family)
    return families


def _python() -> Family:
    major, minor, patch = platform.python_version_tuple()
    family = GaugeFamily(
        "python_info",
        "Python platform information",
        labels=("implementation", "major", "minor", "patchlevel", "version"),
    )
    implementation = platform.python_implementation()
    family.add((implementation, major, minor, patch, platform.python_version()), 1)
    return family


def _build(version: str) -> Family:
    family = GaugeFamily(
        "redshank_exporter_build_info",
        "The exporter that answered; the value is always 1.",
        labels=("version", "python_version", "machine"),
    )
    family.add((version, platform.python_version(), platform.machine()), 1)
    return family
