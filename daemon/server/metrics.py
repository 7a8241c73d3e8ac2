"""The server's own metrics; each collector reads a part of the server at every scrape."""

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ingest.remote_write.receiver import RemoteWriteReceiver
from model.targets import Health
from scraper.scheduling.scraper import Scraper
from storage.api.messages import MessageLog
from storage.api.sample_stats import StoreStats
from web.http.quotas import Holder
from web.services import ReloadState


def new_registry(version: str) -> CollectorRegistry:
    """Return a registry with metrics of the process, the interpreter and the version."""
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_BuildInformation(version))
    return registry


class _BuildInformation(Collector):
    def __init__(self, version: str) -> None:
        self._labels = [version, platform.python_version()]

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "redshank_build_info",
            "Always 1; its labels tell what runs.",
            labels=["version", "python_version"],
        )
        family.add_metric(self._labels, 1)
        yield family


class StoreCollector(Collector):
    """Metrics of the sample store."""

    def __init__(self, stats: Callable[[], StoreStats]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Yield the store's families."""
        stats = self._stats()
        for name, value, text in (
            ("series", stats.series, "Active series in the head."),
            ("sources", stats.sources, "Sources with a head."),
            ("layouts", stats.layouts, "Distinct layouts in memory."),
            ("head_samples", stats.head_samples, "Samples in memory that wait to be sealed."),
            ("head_bytes", stats.head_bytes, "Memory of the samples that wait to be sealed."),
            ("journal_bytes", stats.journal_bytes, "Size of the journal on disk."),
            ("windows", len(stats.windows), "Window files."),
            (
                "window_bytes",
                sum(window.size_bytes for window in stats.windows),
                "Size of all window files.",
            ),
        ):
            yield GaugeMetricFamily(f"redshank_store_{name}", text, value)
        for name, value, text in (
            ("samples", stats.samples_total, "Samples appended since the start."),
            (
                "failed_writes",
                stats.failed_writes,
                "Writes that the disk refused; what they held stays in memory and is tried again.",
            ),
            (
                "corrupt_items",
                stats.corrupt_items,
                "Chunks, journal rows and files found damaged since the start.",
            ),
        ):
            yield CounterMetricFamily(f"redshank_store_{name}", text, value)


class RecordsCollector(Collector):
    """Metrics of records.db: hosts, users and alerts."""

    def __init__(self, damaged_rows: Callable[[], int]) -> None:
        self._damaged_rows = damaged_rows

    def collect(self) -> Iterator[Metric]:
        """Yield the records' families."""
        yield CounterMetricFamily(
            "redshank_records_damaged_rows",
            "Rows of records.db passed over since the start because they are damaged.",
            self._damaged_rows(),
        )


class ConfigurationCollector(Collector):
    """Result and time of the last reload, named like Prometheus's metrics."""

    def __init__(self, state: Callable[[], ReloadState]) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """Yield the configuration's families."""
        state = self._state()
        yield GaugeMetricFamily(
            "redshank_config_last_reload_successful",
            "Whether the last attempt to read the configuration succeeded.",
            float(state.successful),
        )
        yield GaugeMetricFamily(
            "redshank_config_last_reload_success_timestamp_seconds",
            "When the configuration was last taken over.",
            state.success_ms / 1000,
        )


class HttpCollector(Collector):
    """Requests that the web application refused."""

    def __init__(self, refusals: Mapping[Holder, int]) -> None:
        self._refusals = refusals

    def collect(self) -> Iterator[Metric]:
        """Yield the application's families."""
        refused = CounterMetricFamily(
            "redshank_http_requests_refused",
            "Requests answered 429, by whose quota was used up.",
            labels=["reason"],
        )
        for holder in Holder:
            refused.add_metric([f"{holder}_quota"], self._refusals.get(holder, 0))
        yield refused


class PushCollector(Collector):
    """Pushed messages and reports."""

    def __init__(self, messages: MessageLog) -> None:
        self._messages = messages

    def collect(self) -> Iterator[Metric]:
        """Yield the families of pushed messages and reports."""
        totals = self._messages.totals
        yield CounterMetricFamily(
            "redshank_push_messages", "Messages of devices, repeated ones once.", totals.messages
        )
        yield CounterMetricFamily("redshank_push_reports", "Reports of hosts.", totals.reports)


class RemoteWriteCollector(Collector):
    """Samples received by remote write."""

    def __init__(self, receiver: RemoteWriteReceiver) -> None:
        self._receiver = receiver

    def collect(self) -> Iterator[Metric]:
        """Yield the receiver's families."""
        statistics = self._receiver.statistics
        for name, value, text in (
            ("requests", statistics.requests, "Remote-write requests that were taken."),
            ("samples", statistics.samples, "Samples of them that are stored."),
            ("rejected_samples", statistics.rejected, "Samples of them that were refused."),
            ("exemplars", statistics.exemplars, "Exemplars in them; none is stored."),
            ("histograms", statistics.histograms, "Native histograms in them; none is stored."),
        ):
            yield CounterMetricFamily(f"redshank_remote_write_{name}", text, value)
        yield GaugeMetricFamily(
            "redshank_remote_write_series",
            "Active series of all remote-write senders.",
            self._receiver.series,
        )


class ScraperCollector(Collector):
    """Metrics of the scraper."""

    def __init__(self, scraper: Scraper) -> None:
        self._scraper = scraper

    def collect(self) -> Iterator[Metric]:
        """Yield the scraper's families."""
        statistics = self._scraper.statistics
        for name, value, text in (
            ("scrapes", statistics.scrapes, "Scrapes that ended, well or not."),
            ("failed", statistics.failures, "Scrapes that failed."),
            ("missed", statistics.missed, "Scrapes that never began."),
            ("samples", statistics.samples, "Samples scraped."),
            ("body_bytes", statistics.body_bytes, "Size of the expositions, decompressed."),
            ("collisions", statistics.collisions, "Samples that relabelling made one of."),
            ("clock_jumps", statistics.clock_jumps, "Times that the machine's clock was set."),
            ("out_of_order", statistics.out_of_order, "Samples older than their series' last."),
            ("out_of_bounds", statistics.out_of_bounds, "Samples too far in the future."),
            (
                "duplicate_timestamps",
                statistics.duplicate_timestamps,
                "Samples that disagree with one of the same time.",
            ),
            ("refused", statistics.append_failures, "Scrapes that the store refused."),
            ("lag_seconds", statistics.lag_s, "How late scrapes began, summed."),
            ("fetch_seconds", statistics.fetch_s, "Time spent fetching, summed."),
            ("parse_seconds", statistics.parse_s, "Time spent parsing, summed."),
        ):
            yield CounterMetricFamily(f"redshank_scrape_{name}", text, value)
        healths = Counter(status.health for status in self._scraper.statuses())
        targets = GaugeMetricFamily(
            "redshank_scrape_targets",
            "Targets by the health of their last scrape.",
            labels=["health"],
        )
        for health in Health:
            targets.add_metric([health.value], healths[health])
        yield targets
