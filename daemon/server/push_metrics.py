"""The metrics of the receivers of remote write and OTLP."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

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
