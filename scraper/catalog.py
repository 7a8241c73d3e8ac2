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
from scraper.errors import LimitError
from scraper.grammar import Sample
from scraper.series_labels import SeriesLabels

NO_SAMPLE = -1
"""Code of a line without a sample."""
DROPPED = -2
"""Code of a sample that metric relabelling dropped."""
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

    What `resolve` finds new is only kept by `accept`, so that a body refused in the
    end leaves nothing behind.
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
        self._reserved = len(self.series)
        self._new: dict[Labels, int] = {}
        self._new_detached: dict[DetachedSeries, int] = {}

    def resolve(self, samples: Sequence[Sample], kept: int) -> list[int]:
        """Return a code for each sample; those of series not seen before are provisional.

        Args:
            samples: samples of lines that the last body did not have.
            kept: how many further samples the body has.

        Raises:
            LimitError: too many samples, or too many or too long labels.
        """
        self._new, self._new_detached = {}, {}
        if not samples:
            return []
        columns = {labels: column for column, labels in enumerate(self.series)}
        detached = {series: index for index, series in enumerate(self.detached)}
        codes = [self._code(sample, columns, detached) for sample in samples]
        if self.sample_limit and kept + len(codes) - codes.count(DROPPED) > self.sample_limit:
            raise LimitError(f"sample limit of {self.sample_limit} exceeded")
        return codes

    def _code(
        self, sample: Sample, columns: dict[Labels, int], detached: dict[DetachedSeries, int]
    ) -> int:
        named = self.naming.name(sample.pairs)
        if named is None:
            return DROPPED
        labels, bare = named
        stamped = self.honor_timestamps and sample.timestamp_ms is not None
        if not bare and not stamped:
            column = columns.get(labels)
            if column is None:
                column = columns[labels] = len(columns)
                self._new[labels] = column
            # A scraped `up` would be the scraper's own: like Prometheus, keep that one.
            return DROPPED if column < self._reserved else column
        series = DetachedSeries(labels, bare, stamped)
        index = detached.get(series)
        if index is None:
            index = detached[series] = len(detached)
            self._new_detached[series] = index
        return DETACHED - index

    def accept(self) -> None:
        """Keep what the last `resolve` found new."""
        if self._new:
            self.series += tuple(self._new)
        self.detached.extend(self._new_detached)
        self._new, self._new_detached = {}, {}

    def compact(self, keep: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Drop the columns that `keep`, shape (len(series),), leaves out.

        Returns:
            For each old column its new number, DROPPED for those left out.
        """
        self.series = tuple(self.series[column] for column in np.flatnonzero(keep).tolist())
        return np.where(keep, np.cumsum(keep) - 1, DROPPED).astype(np.int32)
