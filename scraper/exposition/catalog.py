"""Which series a target's lines are, as columns of its vector.

Most series of a target share its vector. *Detached* ones cannot: they carry their own
timestamp, or relabelling (or `honor_labels` with an empty value) took one of the
target's labels away. Those are appended as sources of their own; see `detached`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from scraper.exposition.grammar import Sample
from scraper.exposition.series_labels import SeriesLabels

NO_SAMPLE = -1
"""Code of a line without a sample."""
DROPPED = -2
"""Code of a sample that metric relabelling dropped."""
COLLIDED = -3
"""Code of a sample whose series relabelling made the same as an earlier line's."""
DETACHED = -16
"""Codes from here down are detached series: DETACHED - index."""


@dataclass(frozen=True, slots=True)
class DetachedSeries:
    """A series outside of the target's vector.

    Attributes:
        labels: its labels, without the target's own unless `bare`.
        bare: whether it does not have all of the target's labels.
        stamped: whether its samples carry timestamps.
    """

    labels: Labels
    bare: bool
    stamped: bool


class Catalog:
    """A target's series, each found once and numbered.

    What `code` finds new between `begin` and `accept` is only kept by `accept`, so that
    a body refused in the end leaves nothing behind.

    Attributes:
        naming: how series are named.
        honor_timestamps: whether explicit timestamps count.
        sample_limit: how many samples a body may have, 0 for any number.
        series: for each column its labels, without the target's own.
        detached: the detached series.
    """

    def __init__(
        self,
        naming: SeriesLabels,
        *,
        reserved: Sequence[Labels] = (),
        honor_timestamps: bool = True,
        sample_limit: int = 0,
    ) -> None:
        self.honor_timestamps = honor_timestamps
        self.sample_limit = sample_limit
        self.naming = naming
        self.series: tuple[Labels, ...] = tuple(reserved)
        self.detached: list[DetachedSeries] = []
        self._reserved = frozenset(reserved)
        self._columns: dict[Labels, int] = {}
        self._indices: dict[DetachedSeries, int] = {}

    def begin(self) -> None:
        """Forget what was found and not accepted."""
        self._columns, self._indices = {}, {}

    def code(self, sample: Sample) -> int:
        """Return the code of a sample's series, provisional where it is new.

        Raises:
            LimitError: it has too many or too long labels.
        """
        named = self.naming.name(sample.pairs)
        if named is None:
            return DROPPED
        labels, bare = named
        if not bare and labels in self._reserved:
            # A scraped `up` would be the scraper's own: like Prometheus, keep that one.
            return DROPPED
        if bare or (self.honor_timestamps and sample.timestamp_ms is not None):
            return self._detached_code(labels, bare, sample)
        if not self._columns:
            # Made where needed and dropped after: it is larger than the series.
            self._columns = {labels: column for column, labels in enumerate(self.series)}
        return self._columns.setdefault(labels, len(self._columns))

    def _detached_code(self, labels: Labels, bare: bool, sample: Sample) -> int:
        if not self._indices:
            self._indices = {series: index for index, series in enumerate(self.detached)}
        stamped = self.honor_timestamps and sample.timestamp_ms is not None
        series = DetachedSeries(labels, bare, stamped)
        return DETACHED - self._indices.setdefault(series, len(self._indices))

    def accept(self) -> None:
        """Keep what was found since `begin`."""
        if len(self._columns) > len(self.series):
            self.series = tuple(self._columns)
        if len(self._indices) > len(self.detached):
            self.detached = list(self._indices)
        self.begin()

    def compact(self, keep: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Drop the columns that `keep`, shape (len(series),), leaves out.

        Returns:
            For each old column its new number, DROPPED for those left out.
        """
        self.series = tuple(self.series[column] for column in np.flatnonzero(keep).tolist())
        return np.where(keep, np.cumsum(keep) - 1, DROPPED).astype(np.int32)
