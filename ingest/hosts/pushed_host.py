"""One host that pushes: its series and its health."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from ingest.hosts.cpu_counters import CpuCounters
from ingest.hosts.exposition_report import ExpositionReport, KnownLines
from ingest.hosts.history import HostHistory
from ingest.hosts.report import HostReport, gauges
from ingest.hosts.report_times import ReportTimes
from ingest.series.pushed_source import PushedSource
from model.durations import format_duration
from model.labels import METRIC_NAME, Labels
from model.targets import HOST_JOB, Health, Target, TargetStatus
from storage.api.hosts import Host
from storage.api.samples import SampleAppender

log = structlog.get_logger(__name__)

_UP: Final = (Labels.of({METRIC_NAME: "up"}),)
_SILENT_INTERVALS: Final = 3
"""A host is down after so many intervals without a report."""
# However rarely a host reports, `up` must never be older than the lookback.
_UP_EVERY_MS: Final = 15_000


def host_labels(host: Host) -> Labels:
    """Return the target labels of a host that pushes."""
    return Labels.of({"job": HOST_JOB, "instance": host.name} | dict(host.labels))


class PushedHost:
    """A host that pushes.

    Attributes:
        record: its registration.
        labels: the labels of all its series.
        known: the lines of its last exposition.
    """

    def __init__(self, record: Host, appender: SampleAppender, started_ms: int) -> None:
        self.record, self.labels = record, host_labels(record)
        self._started_ms = started_ms
        self.known: KnownLines | None = None
        self._reported = PushedSource(appender, self.labels, field="collected_at")
        # A source of its own: `up` has the server's time, reports have the host's.
        self._up = PushedSource(appender, self.labels, "up")
        self._cpu = CpuCounters()
        self._times = ReportTimes(record.interval_s)
        self._health = Health.UNKNOWN
        self._samples = 0
        self._up_written_ms = 0

    @property
    def job(self) -> str:
        """The `job` label."""
        return self.labels.get("job")

    @property
    def instance(self) -> str:
        """The `instance` label."""
        return self.labels.get("instance")

    def resume(self, history: HostHistory, seen_ms: int | None) -> None:
        """Continue from the history before a restart."""
        self._cpu = history.cpu
        self._times.resume(history.gaps_ms, seen_ms)

    def append(self, report: HostReport, now_ms: int) -> None:
        """Append a report.

        Raises:
            DisorderError: too many reports are out of order.
            StorageError: the write failed.
        """
        samples = gauges(report, self.record.name)
        cpu = replace(self._cpu)
        samples |= cpu.add(report.time_ms, report.cpu_used_ratio)
        self._append(report.time_ms, tuple(samples), tuple(samples.values()), now_ms)
        self._cpu = cpu

    def append_exposition(self, report: ExpositionReport, now_ms: int) -> None:
        """Append the exposition of an exporter that pushes.

        Raises:
            DisorderError: too many reports are out of order.
            StorageError: the write failed.
        """
        self.known = report.known
        self._append(report.time_ms, report.series, report.values, now_ms)

    def _append(
        self, time_ms: int, series: tuple[Labels, ...], values: Sequence[float], now_ms: int
    ) -> None:
        self._reported.append(time_ms, series, values)
        self._samples = len(series)
        self._times.note(time_ms, now_ms)
        if self._health is Health.DOWN:
            log.info("push_resumed", host=self.record.name)
        self._health = Health.UP
        self._write_up(now_ms)

    def update(self, now_ms: int) -> None:
        """Mark the host as down if it is silent; append `up` if it is due.

        Raises:
            StorageError: the write failed.
        """
        if self._times.seen_ms is None:
            # It never reported: somebody is still setting it up.
            return
        if self._health is not Health.DOWN and self._is_silent(now_ms):
            self._health = Health.DOWN
            log.warning("push_silent", host=self.record.name, since_ms=self._times.seen_ms)
            self._reported.end(now_ms)
            self._write_up(now_ms)
        elif (
            self._health is not Health.UNKNOWN
            and not 0 <= now_ms - self._up_written_ms < _UP_EVERY_MS
        ):
            self._write_up(now_ms)

    def _is_silent(self, now_ms: int) -> bool:
        # Count from the start of the server: before it no host could report.
        since_ms = max(self._times.seen_ms or 0, self._started_ms)
        return now_ms - since_ms > _SILENT_INTERVALS * self._times.interval_ms

    def _write_up(self, now_ms: int) -> None:
        # Never twice in one millisecond: one time holds only one sample.
        time_ms = now_ms + (now_ms == self._up_written_ms)
        self._up_written_ms = time_ms
        self._up.append(time_ms, _UP, (float(self._health is Health.UP),))

    def end(self, now_ms: int) -> None:
        """Append a staleness marker to every series.

        Raises:
            StorageError: the write failed.
        """
        self._reported.end(now_ms)
        self._up.end(now_ms)

    def status(self, now_ms: int) -> TargetStatus:
        """Return its status in the form of a scrape target's."""
        interval_ms = self._times.interval_ms
        reason = ""
        if self._health is Health.DOWN and self._times.seen_ms is not None:
            silent_s = (now_ms - self._times.seen_ms) // 1000
            reason = f"no report for {format_duration(silent_s * 1000)}"
        target = Target(
            "",
            self.labels,
            interval_ms / 1000,
            interval_ms / 1000,
            host=self.record.name,
            host_id=self.record.id,
        )
        return TargetStatus(
            target,
            self._health,
            reason,
            self._times.seen_ms,
            self._times.seen_ms,
            0.0,
            self._samples,
            (self._times.seen_ms or now_ms) + interval_ms,
        )
