"""The series of one query, sorted, each with its samples inside the range."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import AlignedSeries, Times, Values, is_absent


@dataclass(frozen=True, slots=True, eq=False)
class SelectedSeries:
    """One series with at least one sample; staleness markers are samples too.

    Attributes:
        times_ms: shape (T,), ascending.
        values: shape (T,).
    """

    labels: Labels
    times_ms: Times
    values: Values


class SelectedRange:
    """The series of a read, sorted by labels.

    Attributes:
        counts: the label set and the number of samples of each series.
    """

    def __init__(self, parts: Sequence[AlignedSeries], start_ms: int, end_ms: int) -> None:
        self._parts = parts
        self._present = [_present(part, start_ms, end_ms) for part in parts]
        found = []
        for number, (part, present) in enumerate(zip(parts, self._present, strict=True)):
            samples = present.sum(axis=1).tolist()
            found += [
                (labels, number, row, count)
                for row, (labels, count) in enumerate(zip(part.labels, samples, strict=True))
                if count
            ]
        # Two parts never share a label set, so the comparison ends there.
        found.sort(key=lambda each: each[0])
        self._places = [(number, row) for _, number, row, _ in found]
        self.counts = [(labels, count) for labels, _, _, count in found]

    def __iter__(self) -> Iterator[SelectedSeries]:
        """Yield the series in order."""
        for number, row in self._places:
            part, present = self._parts[number], self._present[number][row]
            times_ms = part.times_ms[part.rows[row]][present]
            yield SelectedSeries(part.labels[row], times_ms, part.values[row][present])


def _present(part: AlignedSeries, start_ms: int, end_ms: int) -> NDArray[np.bool_]:
    """Return where a part has a sample in the range, shape (N, T)."""
    inside = (part.times_ms >= start_ms) & (part.times_ms <= end_ms)
    return ~is_absent(part.values) & inside[part.rows]
