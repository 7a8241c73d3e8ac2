"""Records detached series: those that cannot share their target's vector.

Series without timestamps lack one of the target's labels; they share one further source.
Series with explicit timestamps are recorded by `timestamped`.
"""

from collections.abc import Sequence

from model.labels import Labels
from model.series import STALE
from scraper.exposition.catalog import DETACHED, DetachedSeries
from scraper.exposition.delta import DetachedSample, ExpositionDelta
from scraper.recording.detached_source import DetachedSource
from scraper.recording.timestamped import TimestampCounts, TimestampedSeries, is_out_of_bounds
from storage.api.samples import SampleAppender


class DetachedRecorder:
    """Appends the detached series of one target.

    Attributes:
        timestamped: the series with explicit timestamps.
    """

    def __init__(self, appender: SampleAppender, target: Labels, *, track_staleness: bool) -> None:
        self.timestamped = TimestampedSeries(appender, target, track_staleness=track_staleness)
        self._appender, self._target = appender, target
        # Series that lack one of the target's labels: their source, and their columns by
        # series index.
        self._source: DetachedSource | None = None
        self._columns: dict[int, int] = {}

    def record(
        self,
        samples: Sequence[DetachedSample],
        series: Sequence[DetachedSeries],
        time_ms: int,
        *,
        complete: bool,
    ) -> TimestampCounts:
        """Append the detached samples of one scrape.

        Args:
            samples: samples of detached series.
            series: the detached series; a sample's code is DETACHED minus the index.
            time_ms: time of the scrape, and of samples without a timestamp.
            complete: whether series without a sample have vanished.

        Raises:
            StorageError: the store refused a vector.
        """
        values = {
            DETACHED - sample.code: sample.value
            for sample in samples
            if sample.timestamp_ms is None
        }
        self._record_without_timestamps(values, series, time_ms, complete=complete)
        return self.timestamped.record(samples, series, time_ms, complete=complete)

    def _record_without_timestamps(
        self,
        values: dict[int, float],
        series: Sequence[DetachedSeries],
        time_ms: int,
        *,
        complete: bool,
    ) -> None:
        if self._source is None:
            if not values:
                return
            self._source = DetachedSource(
                self._appender, self._target, "bare", has_target_labels=False, follows_clock=True
            )
        by_column: dict[int, float] = {}
        for index, value in values.items():
            if index not in self._columns:
                self._columns[index] = self._source.add(series[index].labels)
            by_column[self._columns[index]] = value
        if self._source.is_newer(time_ms):
            self._source.append(time_ms, by_column, STALE if complete else None)

    @staticmethod
    def refused(delta: ExpositionDelta, time_ms: int) -> int:
        """Return how many of a scrape's new series have timestamps that are out of bounds."""
        if not delta.new_detached:
            return 0
        return len(
            {
                sample.code
                for sample in delta.detached
                if sample.timestamp_ms is not None
                and sample.code in delta.new_detached
                and is_out_of_bounds(sample.timestamp_ms, time_ms)
            }
        )

    def end(self, time_ms: int) -> None:
        """End every series; those with timestamps only if their staleness is tracked.

        Raises:
            StorageError: the store refused a vector.
        """
        if self._source is not None:
            self._source.vectors.end(time_ms)
        self.timestamped.end(time_ms)

    @property
    def dead(self) -> int:
        """The number of columns whose series have ended."""
        return sum(source.dead for source in self._sources())

    def reset(self) -> None:
        """Remove every column, because the series indices restart from zero."""
        if self._source is not None:
            self._source.clear()
        self._columns = {}
        self.timestamped.reset()

    def _sources(self) -> list[DetachedSource]:
        return [*self.timestamped.groups(), *([self._source] if self._source else [])]
