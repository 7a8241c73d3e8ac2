"""The server's own metrics; each collector reads a part of the server at every scrape."""

import platform
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from alerting.watching.heartbeat import Heartbeat
from model.conditions import CONDITION_KINDS, Conditions
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from model.targets import Health
from scraper.discovery.manager import DiscoveryManager
from scraper.scheduling.scraper import Scraper
from storage.api.messages import MessageLog
from storage.api.sample_stats import StoreStats
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
            "Version of Redshank and of Python; the value is always 1.",
            labels=["version", "python_version"],
        )
        family.add_metric(self._labels, 1)
        yield family


class MemoryCollector(Collector):
    """The resident memory and its limit."""

    def __init__(self, reading: MemoryReading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        """Yield the families of memory."""
        limit_bytes = self._reading.limit_bytes
        for name, value, text in (
            ("limit", limit_bytes or 0, "The limit of the resident memory; 0 for no limit."),
            ("resident", self._reading.resident_bytes, "The resident memory of the server."),
        ):
            yield GaugeMetricFamily(f"redshank_memory_{name}_bytes", text, value)


class StoreCollector(Collector):
    """Metrics of the sample store."""

    def __init__(self, stats: Callable[[], StoreStats]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Yield the store's families."""
        stats = self._stats()
        for name, value, text in (
            ("series", stats.series, "Active series."),
            ("sources", stats.sources, "Active sources."),
            ("layouts", stats.layouts, "Distinct layouts in memory."),
            ("head_samples", stats.head_samples, "Samples in memory that are not in chunks yet."),
            ("head_bytes", stats.head_bytes, "Memory of the samples that are not in chunks yet."),
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
                "Writes that failed; their data stays in memory and is written again later.",
            ),
            (
                "dropped_vectors",
                stats.dropped_vectors,
                "Scrapes and pushes dropped because the disk refused writes for too long.",
            ),
            (
                "corrupt_items",
                stats.corrupt_items,
                "Damaged chunks, journal rows and files found since the start.",
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
            "Damaged rows of records.db that were skipped since the start.",
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
            "Time of the last successful reload.",
            state.success_ms / 1000,
        )


class LimitCollector(Collector):
    """The refusals of each limit."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    def collect(self) -> Iterator[Metric]:
        """Yield the family of all limits."""
        refused = CounterMetricFamily(
            "redshank_limit_refusals",
            "Requests, queries, samples and other work that a limit refused since the start.",
            labels=["limit"],
        )
        for limit, total in self._refusals.totals().items():
            refused.add_metric([limit.value], total)
        yield refused


class ConditionCollector(Collector):
    """Whether each condition of a degraded server holds."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    def collect(self) -> Iterator[Metric]:
        """Yield one sample for each kind of condition, so that an alert needs no `absent`."""
        active = {one.kind for one in self._conditions.active()}
        family = GaugeMetricFamily(
            "redshank_degraded",
            "Whether a condition that degrades the server holds (1) or not (0).",
            labels=["condition"],
        )
        for kind in CONDITION_KINDS:
            family.add_metric([kind.name], float(kind in active))
        yield family


class LagCollector(Collector):
    """The lags of evaluations and of the event loop, and the jump of the machine's clock."""

    def __init__(
        self,
        evaluation_lag_s: Callable[[], float],
        loop_lag_s: Callable[[], float],
        clock_jump_ms: Callable[[], int],
        heartbeat: Heartbeat,
    ) -> None:
        self._evaluation_lag_s, self._loop_lag_s = evaluation_lag_s, loop_lag_s
        self._clock_jump_ms, self._heartbeat = clock_jump_ms, heartbeat

    def collect(self) -> Iterator[Metric]:
        """Yield both lags, the jump, and the calls to the dead man's switch."""
        calls = CounterMetricFamily(
            "redshank_heartbeats", "Calls to the dead man's switch.", labels=["result"]
        )
        for result, count in (
            ("sent", self._heartbeat.calls),
            ("failed", self._heartbeat.failures),
            ("withheld", self._heartbeat.withheld),
        ):
            calls.add_metric([result], count)
        yield calls
        yield GaugeMetricFamily(
            "redshank_clock_jump_seconds",
            "How far the machine's clock is ahead of the server's since it was set.",
            self._clock_jump_ms() / 1000,
        )
        yield GaugeMetricFamily(
            "redshank_evaluation_lag_seconds",
            "How late host checks and rules are evaluated; grows while they are not.",
            self._evaluation_lag_s(),
        )
        yield GaugeMetricFamily(
            "redshank_loop_lag_seconds",
            "Longest time in the last minute for which the event loop did not run.",
            self._loop_lag_s(),
        )


class PushCollector(Collector):
    """Pushed messages and reports."""

    def __init__(self, messages: MessageLog) -> None:
        self._messages = messages

    def collect(self) -> Iterator[Metric]:
        """Yield the families of pushed messages and reports."""
        totals = self._messages.totals
        yield CounterMetricFamily(
            "redshank_push_messages", "Messages of devices, without repetitions.", totals.messages
        )
        yield CounterMetricFamily("redshank_push_reports", "Reports of hosts.", totals.reports)


class ScraperCollector(Collector):
    """Metrics of the scraper."""

    def __init__(self, scraper: Scraper) -> None:
        self._scraper = scraper

    def collect(self) -> Iterator[Metric]:
        """Yield the scraper's families."""
        statistics = self._scraper.statistics
        for name, value, text in (
            ("scrapes", statistics.scrapes, "Scrapes that ended, successful or failed."),
            ("failed", statistics.failures, "Scrapes that failed."),
            (
                "exhausted",
                statistics.exhausted,
                "Scrapes without a result, because this server lacked descriptors or memory.",
            ),
            ("missed", statistics.missed, "Scrapes that were due and did not start."),
            ("samples", statistics.samples, "Samples scraped."),
            ("body_bytes", statistics.body_bytes, "Size of the expositions after decompression."),
            (
                "duplicates",
                statistics.duplicates,
                "Samples dropped because an earlier one of their scrape has the same series.",
            ),
            ("clock_jumps", statistics.clock_jumps, "How often the machine's clock was set."),
            (
                "out_of_order",
                statistics.out_of_order,
                "Samples older than the last one of their series.",
            ),
            ("out_of_bounds", statistics.out_of_bounds, "Samples too far in the future."),
            (
                "duplicate_timestamps",
                statistics.duplicate_timestamps,
                "Samples with another value than an earlier one of the same time.",
            ),
            ("refused", statistics.append_failures, "Scrapes that the store refused."),
            ("lag_seconds", statistics.lag_s, "Total delay of scrapes after their scheduled time."),
            ("fetch_seconds", statistics.fetch_s, "Total time spent fetching."),
            ("parse_seconds", statistics.parse_s, "Total time spent parsing."),
        ):
            yield CounterMetricFamily(f"redshank_scrape_{name}", text, value)
        healths = Counter(status.health for status in self._scraper.statuses())
        targets = GaugeMetricFamily(
            "redshank_scrape_targets",
            "Targets by the result of their last scrape.",
            labels=["health"],
        )
        for health in Health:
            targets.add_metric([health.value], healths[health])
        yield targets


class DiscoveryCollector(Collector):
    """Metrics of service discovery, by mechanism."""

    def __init__(self, discovery: DiscoveryManager) -> None:
        self._discovery = discovery

    def collect(self) -> Iterator[Metric]:
        """Yield the families of service discovery."""
        labels = ["mechanism"]
        refreshes = CounterMetricFamily(
            "redshank_discovery_refreshes",
            "Lookups of targets that ended, successful or failed.",
            labels=labels,
        )
        failures = CounterMetricFamily(
            "redshank_discovery_refresh_failures", "Lookups of targets that failed.", labels=labels
        )
        success = GaugeMetricFamily(
            "redshank_discovery_last_success_timestamp_seconds",
            "Time of the last successful lookup, 0 if there was none.",
            labels=labels,
        )
        targets = GaugeMetricFamily(
            "redshank_discovery_targets", "Targets found, before relabelling.", labels=labels
        )
        for mechanism, statistics in self._discovery.statistics.items():
            refreshes.add_metric([mechanism], statistics.refreshes)
            failures.add_metric([mechanism], statistics.failures)
            success.add_metric([mechanism], statistics.success_ms / 1000)
        for mechanism, count in self._discovery.discovered_counts().items():
            targets.add_metric([mechanism], count)
        yield from (refreshes, failures, success, targets)
