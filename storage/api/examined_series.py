"""Aligned series with a summary of their samples, so that readers need not scan them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.distinct import distinct
from model.pieces import WorkBudget
from model.series import NO_TIME, AlignedSeries, Values

# Scan blocks that fit into a core's cache.
_CACHED_CELLS = 1 << 16

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ExaminedSeries(AlignedSeries):
    """Aligned series, and for each whether it may have gaps or falling values.

    A store may return this class instead of `AlignedSeries` if it has scanned the samples
    already. A flag may be set for a series that has only lost its gap or fall to a
    narrower range; it is never unset for one that has any.

    Attributes:
        gaps: shape (N,), whether a sample may be a NaN of any of the three kinds; padding
            does not count.
        falls: shape (N,), whether a sample may be less than the one before it.
    """

    gaps: Flags
    falls: Flags

    @classmethod
    def examine(cls, series: AlignedSeries) -> "ExaminedSeries":
        """Scan every sample of some series."""
        ends = (series.times_ms != NO_TIME).sum(axis=1)
        if (ends == series.times_ms.shape[1]).all():
            gaps, falls = _scan(series.values)
            return cls.of(series, gaps, falls)
        ends = ends[series.rows]
        gaps, falls = np.empty(len(ends), dtype=np.bool_), np.empty(len(ends), dtype=np.bool_)
        for end in distinct(ends).tolist():
            some = np.flatnonzero(ends == end)
            gaps[some], falls[some] = _scan(series.values[some, :end])
        return cls.of(series, gaps, falls)

    @classmethod
    def of(cls, series: AlignedSeries, gaps: Flags, falls: Flags) -> "ExaminedSeries":
        """Add known flags to series."""
        return cls(
            labels=series.labels,
            times_ms=series.times_ms,
            values=series.values,
            rows=series.rows,
            starts_ms=series.starts_ms,
            gaps=gaps,
            falls=falls,
        )

    def take(self, series: NDArray[np.intp], budget: WorkBudget | None = None) -> "ExaminedSeries":
        """Return some of the series, without the rows of times that none of them uses."""
        taken = AlignedSeries.take(self, series, budget)
        return ExaminedSeries.of(taken, self.gaps[series], self.falls[series])


def _scan(values: Values) -> tuple[Flags, Flags]:
    """Return which rows of a matrix have a NaN, and which have a falling value."""
    gaps = np.empty(len(values), dtype=np.bool_)
    falls = np.empty(len(values), dtype=np.bool_)
    rows = max(1, _CACHED_CELLS // max(1, values.shape[1]))
    with np.errstate(all="ignore"):
        for start in range(0, len(values), rows):
            some, part = values[start : start + rows], slice(start, start + rows)
            gaps[part] = np.isnan(some.sum(axis=1))
            # Negated: a comparison with NaN is false, so a NaN counts as a fall.
            falls[part] = ~(some[:, 1:] >= some[:, :-1]).all(axis=1)
    return gaps, falls
