"""The exporter's own metrics, which every scrape includes."""

import platform
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from http import HTTPStatus

from exporter.families import CounterFamily, Family, GaugeFamily


class SelfMetrics:
    """Build information, HTTP responses by status, and collectors that hang.

    Args:
        version: version of this exporter.
        stuck: returns the names of the collectors that hang.
    """

    def __init__(self, version: str, stuck: Callable[[], list[str]]) -> None:
        self._version = version
        self._stuck = stuck
        self._responses: Counter[int] = Counter()
        self._lock = threading.Lock()

    def count(self, status: HTTPStatus) -> None:
        """Count a response; thread-safe."""
        with self._lock:
            self._responses[int(status)] += 1

    def collect(self) -> Iterable[Family]:
        """Return the families."""
        build = GaugeFamily(
            "redshank_exporter_build_info",
            "The exporter that answered; the value is always 1.",
            labels=("version", "python_version", "machine"),
        )
        build.add((self._version, platform.python_version(), platform.machine()), 1)
        responses = CounterFamily(
            "redshank_exporter_http_requests_total",
            "Requests answered, by status.",
            labels=("code",),
        )
        with self._lock:
            for status, count in sorted(self._responses.items()):
                responses.add((str(status),), count)
        stuck = GaugeFamily(
            "redshank_exporter_stuck_collectors",
            "Collectors that missed their deadline and still run, each on a thread of its own.",
            len(self._stuck()),
        )
        return [build, responses, stuck]
