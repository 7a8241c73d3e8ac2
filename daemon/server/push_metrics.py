"""The metrics of the receivers of remote write and OTLP, and of outcomes from GitHub."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from analytics.sessions.outcomes.intake import OutcomeWay
from analytics.sessions.service import AgentSessions
from ingest.otlp.receiver import OtlpReceiver
from ingest.remote_write.receiver import RemoteWriteReceiver


class RemoteWriteCollector(Collector):
    """Samples received by remote write."""

    def __init__(self, receiver: RemoteWriteReceiver) -> None:
        self._receiver = receiver

    def collect(self) -> Iterator[Metric]:
        """Yield the receiver's families."""
        statistics = self._receiver.statistics
        for name, value, text in (
            ("requests", statistics.requests, "Remote-write requests accepted."),
            ("samples", statistics.samples, "Samples stored from remote write."),
            ("rejected_samples", statistics.rejected, "Samples refused from remote write."),
            (
                "exemplars",
                statistics.exemplars,
                "Exemplars received by remote write and not stored.",
            ),
            (
                "histograms",
                statistics.histograms,
                "Native histograms received by remote write and stored as classic series.",
            ),
        ):
            yield CounterMetricFamily(f"redshank_remote_write_{name}", text, value)
        yield GaugeMetricFamily(
            "redshank_remote_write_series",
            "Active series of all remote-write senders.",
            self._receiver.series,
        )


class OtlpCollector(Collector):
    """Data points, log records and spans received by OTLP."""

    def __init__(self, receiver: OtlpReceiver) -> None:
        self._receiver = receiver

    def collect(self) -> Iterator[Metric]:
        """Yield the receiver's families."""
        statistics = self._receiver.statistics
        for name, value, text in (
            ("requests", statistics.requests, "OTLP requests accepted."),
            ("points", statistics.points, "Data points received by OTLP."),
            ("samples", statistics.samples, "Samples stored from OTLP."),
            ("rejected_points", statistics.rejected_points, "Data points refused from OTLP."),
            ("exemplars", statistics.exemplars, "Exemplars received by OTLP and not stored."),
            (
                "repeated_deltas",
                statistics.repeated,
                "Samples of deltas that an earlier request had added already.",
            ),
            (
                "overlapping_deltas",
                statistics.overlapping,
                "Samples of deltas whose time overlaps: two programs send one series.",
            ),
            ("log_records", statistics.log_records, "Log records received by OTLP."),
            (
                "rejected_log_records",
                statistics.rejected_log_records,
                "Log records refused from OTLP.",
            ),
            ("rejected_spans", statistics.rejected_spans, "Spans refused from OTLP."),
        ):
            yield CounterMetricFamily(f"redshank_otlp_{name}", text, value)
        yield GaugeMetricFamily(
            "redshank_otlp_series", "Active series of all OTLP senders.", self._receiver.series
        )


class OutcomeCollector(Collector):
    """Pull requests, reviews and commits received, and the requests to GitHub's API."""

    def __init__(self, sessions: AgentSessions) -> None:
        self._outcomes, self._puller = sessions.outcomes, sessions.puller

    def collect(self) -> Iterator[Metric]:
        """Yield the families of outcomes; those of the API only if repositories are pulled."""
        received = CounterMetricFamily(
            "redshank_outcomes_received",
            "Pull requests, reviews and commits received, by their way.",
            labels=["way"],
        )
        for way in OutcomeWay:
            received.add_metric([way.value], self._outcomes.received[way])
        yield received
        if self._puller.repositories:
            yield from self._requests()

    def _requests(self) -> Iterator[Metric]:
        statistics = self._puller.statistics
        requests = CounterMetricFamily(
            "redshank_github_requests",
            "Requests to GitHub's API by the status of the answer; 0 without one.",
            labels=["status"],
        )
        for status, number in sorted(statistics.requests.items()):
            requests.add_metric([str(status)], number)
        yield requests
        yield CounterMetricFamily(
            "redshank_github_waited_seconds",
            "Time spent waiting for GitHub's rate limit or before another attempt.",
            statistics.waited_s,
        )
        if statistics.remaining is not None:
            yield GaugeMetricFamily(
                "redshank_github_rate_limit_remaining",
                "Requests that GitHub's rate limit still allows.",
                statistics.remaining,
            )
        failures = CounterMetricFamily(
            "redshank_github_failed_pulls",
            "Passes over a repository that failed.",
            labels=["repository"],
        )
        success = GaugeMetricFamily(
            "redshank_github_last_pull_success_timestamp_seconds",
            "Time of the last complete pass over a repository.",
            labels=["repository"],
        )
        for repository in self._puller.repositories:
            failures.add_metric([repository], statistics.failures.get(repository, 0))
            if repository in statistics.success_ms:
                success.add_metric([repository], statistics.success_ms[repository] / 1000)
        yield failures
        yield success
