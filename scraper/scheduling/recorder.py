"""From one target's scrapes to vectors in the store, the scraper's own series included.

Source: Prometheus documentation, "Jobs and instances": automatically generated series.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.labels import METRIC_NAME, Labels
from model.series import STALE
from scraper.exposition.catalog import Catalog
from scraper.exposition.difference import DifferenceParser
from scraper.exposition.families import FamilyPool, MetricMetadata
from scraper.exposition.grammar import ExpositionFormat
from scraper.exposition.readings import Reading
from scraper.exposition.series_labels import SeriesLabels
from scraper.exposition.start_times import StartColumns
from scraper.fetching.targets import ScrapeTarget
from scraper.scheduling.detached import DetachedStreams, TimestampCounts
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
"""The first columns of every target's vector."""

_DEAD_RATIO = 0.25
"""A fresh layout is made when more than this share of the columns has ended."""
_FEW = 16
"""Ended detached series that are not worth reading everything anew."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one scrape came to.

    Attributes:
        samples: scraped.
        stored: of these, appended in the target's vector or beside it.
        collisions: dropped because relabelling made two series one.
        timestamps: dropped for their explicit timestamps.
    """

    samples: int = 0
    stored: int = 0
    collisions: int = 0
    timestamps: TimestampCounts = field(default_factory=TimestampCounts)


class Recorder:
    """Holds what a target's last scrape was, and appends what the next one changes.

    `read` may run in a thread; everything else belongs on the event loop. The caller
    sees to it that only one scrape of a target is under way.
    """

    def __init__(self, appender: SampleAppender, target: ScrapeTarget, pool: FamilyPool) -> None:
        self._catalog = Catalog(
            SeriesLabels.of(target),
            reserved=SYNTHETIC,
            honor_timestamps=target.honor_timestamps,
            sample_limit=target.limits.samples,
        )
        self._parser = DifferenceParser(self._catalog, pool)
        self._stream = VectorAppender(appender, target.labels)
        self._detached = DetachedStreams(
            appender, target.labels, track_staleness=target.track_timestamps_staleness
        )
        self._starts = StartColumns() if target.start_times else None
        self._complete = True
        self._synthetic: Sequence[float] = ()

    @property
    def metadata(self) -> Mapping[str, MetricMetadata]:
        """The metric families of the last good exposition."""
        return self._parser.families.metadata

    @property
    def last_ms(self) -> int | None:
        """The time of the last vector, None before the first."""
        return self._stream.last_ms

    def reconfigure(self, target: ScrapeTarget) -> None:
        """Take over a changed target of the same labels; columns are kept."""
        self._catalog.naming = SeriesLabels.of(target)
        self._catalog.honor_timestamps = target.honor_timestamps
        self._catalog.sample_limit = target.limits.samples
        self._detached.track_staleness = target.track_timestamps_staleness
        self._starts = StartColumns() if target.start_times else None
        self._parser.forget()

    def read(self, body: bytes, exposition_format: ExpositionFormat) -> Reading:
        """Read a body; nothing is appended yet.

        Raises:
            ScrapeError: it is malformed or goes beyond a limit.
        """
        reading = self._parser.parse(body, exposition_format, complete=self._complete)
        # Here and not in `record`, because a large layout takes its time.
        self._stream.prepare(self._catalog.series)
        return reading

    def record(self, reading: Reading, time_ms: int, duration_s: float) -> Recorded:
        """Append a good scrape.

        Raises:
            StorageError: the store refused it.
        """
        # Until all is appended, the next scrape must not count on this one.
        self._complete = True
        self._stream.grow(len(self._catalog.series))
        columns, values = reading.columns, reading.values
        starts = None
        if self._starts is not None:
            starts = self._starts.of(reading, self._catalog.series, self._parser.families)
        added = 0
        if reading.complete:
            added = int((~self._stream.alive[columns]).sum())
            columns, values = self._with_ended(*self._stream.changed(columns, values), reading)
        synthetic = 1.0, duration_s, float(reading.samples), float(reading.kept), float(added)
        try:
            self._append(time_ms, columns, values, synthetic, starts)
        except StorageError:
            self.lost()
            raise
        timestamps = TimestampCounts()
        if reading.detached or self._catalog.detached:
            timestamps = self._detached.record(
                reading.detached, self._catalog.detached, time_ms, complete=reading.complete
            )
        self._complete = False
        if reading.complete:
            self._compact()
        lost = timestamps.out_of_order + timestamps.out_of_bounds + timestamps.duplicate
        return Recorded(reading.samples, reading.kept - lost, reading.collisions, timestamps)

    def record_failure(self, time_ms: int, duration_s: float) -> None:
        """Append a failed scrape: `up` is 0, every scraped series ends.

        Raises:
            StorageError: the store refused it.
        """
        self._complete = True
        self._stream.grow(len(SYNTHETIC))
        scraped = self._stream.alive.copy()
        scraped[: len(SYNTHETIC)] = False
        columns = np.flatnonzero(scraped).astype(np.int32)
        synthetic = 0.0, duration_s, 0.0, 0.0, 0.0
        self._append(time_ms, columns, np.full(len(columns), STALE), synthetic)
        self._detached.end(time_ms)

    def end(self, time_ms: int) -> None:
        """End every series, the synthetic ones too: the target is gone.

        Raises:
            StorageError: the store refused it.
        """
        self._complete = True
        self._synthetic = ()
        self._stream.end(time_ms)
        self._detached.end(time_ms)

    def lost(self) -> None:
        """Give every series with the next vector: the store does not have the last."""
        self._complete = True
        if self._starts is not None:
            self._starts.forget()

    def _append(
        self,
        time_ms: int,
        columns: Columns,
        values: Values,
        synthetic: Sequence[float],
        starts: StartTimes | None = None,
    ) -> None:
        # For five numbers Python is faster than numpy.
        own = [
            column
            for column, value in enumerate(synthetic)
            if column >= len(self._synthetic) or value != self._synthetic[column]
        ]
        self._synthetic = synthetic
        # A body that was refused may have left the catalog larger than the stream.
        series = self._catalog.series
        self._stream.append(
            time_ms,
            series,
            np.concatenate([np.array(own, np.int32), columns]),
            np.concatenate([[synthetic[column] for column in own], values]),
            starts,
        )
        # The store's tuple is shared by all targets with these series; ours is dropped.
        self._catalog.series = self._stream.series

    def _with_ended(
        self, columns: Columns, values: Values, reading: Reading
    ) -> tuple[Columns, Values]:
        """Return the changes together with the end of series that the body lacks."""
        vanished = self._stream.alive.copy()
        vanished[: len(SYNTHETIC)] = False
        vanished[reading.columns] = False
        ended = np.flatnonzero(vanished).astype(np.int32)
        if not len(ended):
            return columns, values
        return (
            np.concatenate([columns, ended]),
            np.concatenate([values, np.full(len(ended), STALE)]),
        )

    def _compact(self) -> None:
        """Start fresh layouts where too many columns have ended."""
        keep = self._stream.alive.copy()
        keep[: len(SYNTHETIC)] = True
        if keep.sum() < (1 - _DEAD_RATIO) * len(keep):
            self._parser.renumber(self._catalog.compact(keep))
            self._stream.compact(keep)
            if self._starts is not None:
                self.lost()
        if self._detached.dead > max(_DEAD_RATIO * len(self._catalog.detached), _FEW):
            self._detached.reset()
            self._catalog.detached.clear()
            self._parser.forget()
