"""Metrics of the alerts that are sent to external Alertmanagers."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from alerting.alertmanagers.notifier import AlertmanagerNotifier
from alerting.alertmanagers.queue import CAPACITY

_COUNTERS = (
    ("sent", "Alerts that an Alertmanager has accepted."),
    ("errors", "Alerts in requests that failed; most are sent again."),
    ("dropped", "Alerts that were not sent: the queue was full, or the Alertmanager refused."),
)


class AlertmanagerCollector(Collector):
    """The queue of each Alertmanager, under names like Prometheus's."""

    def __init__(self, notifier: AlertmanagerNotifier) -> None:
        self._notifier = notifier

    def collect(self) -> Iterator[Metric]:
        """Yield the families of the queues."""
        queues = sorted(self._notifier.queues.items())
        prefix = "redshank_notifications"
        text = "External Alertmanagers that get the alerts."
        yield GaugeMetricFamily(f"{prefix}_alertmanagers_discovered", text, len(queues))
        yield GaugeMetricFamily(
            f"{prefix}_queue_capacity", "The most alerts that wait for one Alertmanager.", CAPACITY
        )
        length = GaugeMetricFamily(
            f"{prefix}_queue_length",
            "Alerts that wait for an Alertmanager.",
            labels=["alertmanager"],
        )
        latency = SummaryMetricFamily(
            f"{prefix}_latency_seconds", "Duration of successful requests.", labels=["alertmanager"]
        )
        counters = {
            name: CounterMetricFamily(f"{prefix}_{name}", help_text, labels=["alertmanager"])
            for name, help_text in _COUNTERS
        }
        for url, queue in queues:
            length.add_metric([url], len(queue))
            statistics = queue.statistics
            latency.add_metric([url], statistics.requests, statistics.latency_s)
            for name, family in counters.items():
                family.add_metric([url], getattr(statistics, name))
        yield length
        yield latency
        yield from counters.values()
