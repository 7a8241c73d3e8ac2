"""The exporter's own metrics, which every scrape includes: a registry of prometheus_client."""

import platform
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.gathering.bare_package import bare_package

# `import prometheus_client` also loads its servers: HTTP, WSGI and TLS are 8 MB, a quarter
# of the memory that an exporter would have resident. The registry needs none of them.
with bare_package("prometheus_client"):
    from prometheus_client.gc_collector import GCCollector
    from prometheus_client.metrics import Counter, Gauge
    from prometheus_client.metrics_core import Metric
    from prometheus_client.platform_collector import PlatformCollector
    from prometheus_client.process_collector import ProcessCollector
    from prometheus_client.registry import CollectorRegistry


class SelfMetrics:
    """Process, Python, build information, HTTP responses by status, collectors that hang.

    Args:
        version: version of this exporter.
        stuck: returns the names of the collectors that hang.
    """

    def __init__(self, version: str, stuck: Callable[[], list[str]]) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        build = Gauge(
            "redshank_exporter_build_info",
            "The exporter that answered; the value is always 1.",
            ("version", "python_version", "machine"),
            registry=registry,
        )
        build.labels(version, platform.python_version(), platform.machine()).set(1)
        self._responses = Counter(
            "redshank_exporter_http_requests_total",
            "Requests answered, by status.",
            ("code",),
            registry=registry,
        )
        waiting = Gauge(
            "redshank_exporter_stuck_collectors",
            "Collectors that missed their deadline and still run, each on a thread of its own.",
            registry=registry,
        )
        waiting.set_function(lambda: len(stuck()))

    def count(self, status: HTTPStatus) -> None:
        """Count a response; thread-safe."""
        self._responses.labels(int(status)).inc()

    def collect(self) -> Iterable[Family]:
        """Return the families."""
        return _families(self._registry.collect())


def _families(metrics: Iterable[Metric]) -> Iterator[Family]:
    """Yield counters and gauges of prometheus_client as families; there are no others here."""
    for metric in metrics:
        is_counter = metric.type == "counter"
        name = f"{metric.name}_total" if is_counter else metric.name
        # Counters also have the time of their creation, which node_exporter does not export.
        samples = [sample for sample in metric.samples if sample.name == name]
        labels = tuple(samples[0].labels) if samples else ()
        family = (CounterFamily if is_counter else GaugeFamily)(
            name, metric.documentation, labels=labels
        )
        for sample in samples:
            family.add(sample.labels.values(), sample.value)
        yield family
