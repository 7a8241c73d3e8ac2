"""Numbers the series of a target: each line of an exposition gets a code.

A code of 0 or more is a column of the target's vector. *Detached* series cannot share
that vector: they have explicit timestamps, or relabelling (or `honor_labels` with an
empty value) removed one of the target's labels. They are stored as further sources (see
`recording.detached`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from scraper.exposition.grammar import Sample
from scraper.exposition.label_grammar import Pairs

NO_SAMPLE = -1
"""Code of a line without a sample."""
DROPPED = -2
"""Code of a sample that metric relabelling dropped."""
DUPLICATE = -3
"""Code of a sample whose series an earlier line has, or the scraper itself."""
DETACHED = -16
"""Codes from here down are detached series: DETACHED - index."""


class SeriesName(NamedTuple):
    """The labels under which a scraped series is stored.

    Attributes:
        labels: its labels; without those of the target if it has them all.
        has_target_labels: whether it has every label of the target.
    """

    labels: Labels
    has_target_labels: bool


SeriesNamer = Callable[[Pairs], SeriesName | None]
"""Returns the name of a scraped series, None if relabelling drops it.

It raises LimitError for too many or too long labels, and SeriesNameError for a name that
is not allowed.
"""


@dataclass(frozen=True, slots=True)
class DetachedSeries:
    """A series outside of the target's vector.

    Attributes:
        labels: its labels; without those of the target if it has them all.
        has_target_labels: whether it has every label of the target.
        timestamped: whether its samples have explicit timestamps.
    """

    labels: Labels
    has_target_labels: bool
    timestamped: bool


class SeriesCatalog:
    """The series of one target, each with a number.

    Series that `code` finds after `begin` are provisional until `accept`, so that a
    rejected body leaves no trace.

    Attributes:
        name: names a scraped series.
        honor_timestamps: whether explicit timestamps are stored; otherwise ignored.
        sample_limit: highest number of samples in a body, 0 for no limit.
        series: the labels of each column, without those of the target.
        detached: the detached series.
    """

    def __init__(
        self,
        name: SeriesNamer,
        *,
        reserved: Sequence[Labels] = (),
        honor_timestamps: bool = True,
        sample_limit: int = 0,
    ) -> None:
        """Assign the first columns to `reserved`; scraped samples of these are duplicates."""
        self.honor_timestamps = honor_timestamps
        self.sample_limit = sample_limit
        self.name = name
        self.series: tuple[Labels, ...] = tuple(reserved)
        self.detached: list[DetachedSeries] = []
        self._reserved = frozenset(reserved)
        self._columns: dict[Labels, int] = {}
        self._indices: dict[DetachedSeries, int] = {}

    def begin(self) -> None:
        """Discard provisional series."""
        self._columns, self._indices = {}, {}

    def code(self, sample: Sample) -> int:
        """Return the code of a sample's series, a provisional one for a new series.

        Raises:
            LimitError: the series has too many or too long labels.
            SeriesNameError: its name is not allowed.
        """
        named = self.name(sample.pairs)
        if named is None:
            return DROPPED
        labels, has_target_labels = named
        if has_target_labels and labels in self._reserved:
            # A scraped `up` has the labels of the scraper's own `up`, which is kept.
            # Prometheus 3.5 keeps the scraped one: a target then decides whether it is up.
            return DUPLICATE
        timestamped = self.honor_timestamps and sample.timestamp_ms is not None
        if timestamped or not has_target_labels:
            return self._detached_code(DetachedSeries(labels, has_target_labels, timestamped))
        if not self._columns:
            # Built on demand and dropped by `accept`: it is larger than `series` itself.
            self._columns = {labels: column for column, labels in enumerate(self.series)}
        return self._columns.setdefault(labels, len(self._columns))

    def _detached_code(self, series: DetachedSeries) -> int:
        if not self._indices:
            self._indices = {known: index for index, known in enumerate(self.detached)}
        return DETACHED - self._indices.setdefault(series, len(self._indices))

    def with_timestamps(self) -> dict[int, int]:
        """Return the codes of series with timestamps that also occur without.

        The values are the codes of the same series without timestamps.
        """
        columns = self._columns or {labels: column for column, labels in enumerate(self.series)}
        codes: dict[int, int] = {}
        indices = self._indices or {known: index for index, known in enumerate(self.detached)}
        for series, index in indices.items():
            if not series.timestamped:
                continue
            if series.has_target_labels:
                plain = columns.get(series.labels)
            else:
                bare = indices.get(replace(series, timestamped=False))
                plain = None if bare is None else DETACHED - bare
            if plain is not None:
                codes[DETACHED - index] = plain
        return codes

    def accept(self) -> None:
        """Keep the series found since `begin`."""
        if len(self._columns) > len(self.series):
            self.series = tuple(self._columns)
        if len(self._indices) > len(self.detached):
            self.detached = list(self._indices)
        self.begin()

    def compact(self, keep: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Remove the columns that are False in `keep`, shape (len(series),).

        Returns:
            The new number of each old column, DROPPED for removed ones.
        """
        self.series = tuple(self.series[column] for column in np.flatnonzero(keep).tolist())
        return np.where(keep, np.cumsum(keep) - 1, DROPPED).astype(np.int32)
