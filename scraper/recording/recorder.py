"""Appends each scrape of a target to the store, with the scraper's own series.

Source: Prometheus documentation, "Jobs and instances": automatically generated series.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.labels import METRIC_NAME, Labels
from model.metadata import MetricMetadata
from model.series import STALE
from scraper.exposition.catalog import SeriesCatalog
from scraper.exposition.delta import ExpositionDelta
from scraper.exposition.difference import DifferenceParser
from scraper.exposition.errors import RejectedCounts
from scraper.exposition.families import FamilyInterner
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.targets import ScrapeTarget
from scraper.recording.detached import DetachedRecorder
from scraper.recording.series_naming import SeriesNaming
from scraper.recording.start_times import StartTimeColumns
from scraper.recording.timestamped import TimestampCounts
from storage.api.errors import StorageError
from storage.api.samples import SampleAppender, StartTimes
from storage.api.vector_appender import Columns, Values, VectorAppender

SYNTHETIC = tuple(
    Labels.of({METRIC_NAME: name})
    for name in (
        "up",
        "scrape_duration_seconds",
        "scrape_samples_scraped",
        "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    )
)
"""The series that the scraper adds; the first columns of every target's vector."""

_MAX_DEAD_RATIO = 0.25
"""A new layout is made when a larger share of the columns has ended."""
_MIN_DEAD_DETACHED = 16
"""Fewer ended detached series are not worth a full parse."""
_NO_COUNTS = RejectedCounts()


@dataclass(frozen=True, slots=True)
class RecordedScrape:
    """Numbers of samples of one recorded scrape.

    Attributes:
        samples: scraped samples.
        stored: samples appended to the store.
        duplicates: samples dropped because an earlier one has their series.
        timestamps: samples rejected because of their explicit timestamps.
    """

    samples: int = 0
    stored: int = 0
    duplicates: int = 0
    timestamps: TimestampCounts = field(default_factory=TimestampCounts)


class Recorder:
    """Parses the expositions of one target and appends the changes.

    `read` may run in a thread; all other methods belong on the event loop. The caller
    ensures that only one scrape of a target is in progress.
    """

    def __init__(
        self, appender: SampleAppender, target: ScrapeTarget, interner: FamilyInterner
    ) -> None:
        self._catalog = SeriesCatalog(
            SeriesNaming.of(target).name,
            reserved=SYNTHETIC,
            honor_timestamps=target.honor_timestamps,
            sample_limit=target.limits.samples,
        )
        self._parser = DifferenceParser(self._catalog, interner)
        self._vectors = VectorAppender(appender, target.labels)
        self._detached = DetachedRecorder(
            appender, target.labels, track_staleness=target.track_timestamps_staleness
        )
        self._start_times = StartTimeColumns() if target.start_times else None
        self._needs_complete = True
        self._synthetic: Sequence[float] = ()

    @property
    def metadata(self) -> Mapping[str, MetricMetadata]:
        """The metric families of the last valid exposition."""
        return self._parser.families.metadata

    @property
    def last_ms(self) -> int | None:
        """The time of the last vector, None before the first."""
        return self._vectors.last_ms

    @property
    def overtaken_ms(self) -> int:
        """The last time before the clock was set back, 0 if it was not."""
        return self._vectors.overtaken_ms

    def reconfigure(self, target: ScrapeTarget) -> None:
        """Apply changed options of the target, whose labels are the same; keep columns."""
        self._catalog.name = SeriesNaming.of(target).name
        self._catalog.honor_timestamps = target.honor_timestamps
        self._catalog.sample_limit = target.limits.samples
        self._detached.timestamped.track_staleness = target.track_timestamps_staleness
        self._start_times = StartTimeColumns() if target.start_times else None
        self._parser.forget()

    def read(self, body: bytes, exposition_format: ExpositionFormat) -> ExpositionDelta:
        """Parse a body; append nothing.

        Raises:
            ScrapeError: the body is malformed or exceeds a limit.
        """
        delta = self._parser.parse(body, exposition_format, complete=self._needs_complete)
        # Done here because making a large layout is slow, and `read` may run in a thread.
        self._vectors.prepare(self._catalog.series)
        return delta

    def record(self, delta: ExpositionDelta, time_ms: int, duration_s: float) -> RecordedScrape:
        """Append a successful scrape.

        Raises:
            StorageError: the store refused it.
        """
        # Stays set if an append fails: the next delta must not build on this one.
        self._needs_complete = True
        self._vectors.grow(len(self._catalog.series))
        columns, values = delta.columns, delta.values
        starts = None
        if self._start_times is not None:
            starts = self._start_times.changed(delta, self._catalog.series, self._parser.families)
        added = delta.added - self._detached.refused(delta, time_ms)
        if delta.complete:
            columns, values = self._with_ended(*self._vectors.changed(columns, values), delta)
        synthetic = 1.0, duration_s, float(delta.samples), float(delta.kept), float(added)
        try:
            self._append(time_ms, columns, values, synthetic, starts)
        except StorageError:
            self.require_complete()
            raise
        timestamps = TimestampCounts()
        if delta.detached or self._catalog.detached:
            timestamps = self._detached.record(
                delta.detached, self._catalog.detached, time_ms, complete=delta.complete
            )
        self._needs_complete = False
        if delta.complete:
            self._compact()
        lost = timestamps.out_of_order + timestamps.out_of_bounds + timestamps.duplicate
        stored = delta.kept - delta.duplicates - lost
        return RecordedScrape(delta.samples, stored, delta.duplicates, timestamps)

    def record_failure(
        self, time_ms: int, duration_s: float, counts: RejectedCounts = _NO_COUNTS
    ) -> None:
        """Append a failed scrape: `up` becomes 0 and every scraped series ends.

        Args:
            time_ms: time of the scrape.
            duration_s: how long it took.
            counts: samples of the body that was rejected, if there was one.

        Raises:
            StorageError: the store refused it.
        """
        self._needs_complete = True
        self._vectors.grow(len(SYNTHETIC))
        scraped = self._vectors.alive.copy()
        scraped[: len(SYNTHETIC)] = False
        columns = np.flatnonzero(scraped).astype(np.int32)
        synthetic = 0.0, duration_s, *map(float, (counts.samples, counts.kept, counts.added))
        self._append(time_ms, columns, np.full(len(columns), STALE), synthetic)
        self._detached.end(time_ms)

    def end(self, time_ms: int) -> None:
        """End every series, including the synthetic ones, because the target is removed.

        Raises:
            StorageError: the store refused it.
        """
        self._needs_complete = True
        self._synthetic = ()
        self._vectors.end(time_ms)
        self._detached.end(time_ms)

    def require_complete(self) -> None:
        """Append every series with the next scrape: the store lacks the last vector."""
        self._needs_complete = True
        if self._start_times is not None:
            self._start_times.forget()

    def _append(
        self,
        time_ms: int,
        columns: Columns,
        values: Values,
        synthetic: Sequence[float],
        starts: StartTimes | None = None,
    ) -> None:
        # For five numbers a Python loop is faster than numpy.
        changed = [
            column
            for column, value in enumerate(synthetic)
            if column >= len(self._synthetic) or value != self._synthetic[column]
        ]
        self._synthetic = synthetic
        # The catalog may be larger than the last vector after a rejected body.
        series = self._catalog.series
        self._vectors.append(
            time_ms,
            series,
            np.concatenate([np.array(changed, np.int32), columns]),
            np.concatenate([[synthetic[column] for column in changed], values]),
            starts,
        )
        # All targets with these series share the store's tuple; the catalog's is dropped.
        self._catalog.series = self._vectors.series

    def _with_ended(
        self, columns: Columns, values: Values, delta: ExpositionDelta
    ) -> tuple[Columns, Values]:
        """Return the changes and a STALE for each live series that the body lacks."""
        vanished = self._vectors.alive.copy()
        vanished[: len(SYNTHETIC)] = False
        vanished[delta.columns] = False
        ended = np.flatnonzero(vanished).astype(np.int32)
        if not len(ended):
            return columns, values
        return (
            np.concatenate([columns, ended]),
            np.concatenate([values, np.full(len(ended), STALE)]),
        )

    def _compact(self) -> None:
        """Remove ended columns when there are too many."""
        keep = self._vectors.alive.copy()
        keep[: len(SYNTHETIC)] = True
        if keep.sum() < (1 - _MAX_DEAD_RATIO) * len(keep):
            self._parser.renumber(self._catalog.compact(keep))
            self._vectors.compact(keep)
            if self._start_times is not None:
                self.require_complete()
        dead_limit = max(_MAX_DEAD_RATIO * len(self._catalog.detached), _MIN_DEAD_DETACHED)
        if self._detached.dead > dead_limit:
            self._detached.reset()
            self._catalog.detached.clear()
            self._parser.forget()
