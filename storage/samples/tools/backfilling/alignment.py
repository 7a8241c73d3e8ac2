"""Alignment: combines the samples of single series into vectors.

The series of a scrape share their times, so the samples of a source make a matrix with few
gaps. Series with times of their own would make a matrix that is mostly gaps: they are split
into groups with the same times.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.distinct import distinct
from model.series import ABSENT_BITS, Times, Values, absent_matrix, is_absent
from storage.samples.tools.backfilling.spill import Samples

# Long gaps compress well. A matrix with more than this many cells for each sample is split.
_SPARSEST = 4


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Consecutive vectors of some series.

    Attributes:
        series: shape (N,), the numbers of the series, ascending.
        times_ms: shape (T,), ascending.
        values: shape (N, T), ABSENT where there is no sample.
        repeated: samples left out because the series has an equal one at that time.
        refused: samples left out because the series has a different one at that time.
    """

    series: NDArray[np.uint32]
    times_ms: Times
    values: Values
    repeated: int = 0
    refused: int = 0

    @property
    def samples(self) -> int:
        """The number of samples."""
        return int(self.values.size - np.count_nonzero(is_absent(self.values)))

    def between(self, start: int, stop: int) -> "Stretch":
        """Return the vectors from `start` to before `stop`."""
        return Stretch(self.series, self.times_ms[start:stop], self.values[:, start:stop])


def align(samples: Samples) -> Iterator[Stretch]:
    """Combine samples in any order into one stretch, or into several if they share no times."""
    series, rows = np.unique(samples["series"], return_inverse=True)
    times = _distinct_times(samples["time_ms"])
    if len(series) * len(times) <= _SPARSEST * len(samples):
        yield _stretch(series, rows, times, samples)
        return
    for some in _by_times(series, rows, samples):
        few, rows = np.unique(some["series"], return_inverse=True)
        yield _stretch(few, rows, _distinct_times(some["time_ms"]), some)


def _distinct_times(times_ms: Times) -> Times:
    # The samples of one scrape are adjacent: most repeated times are removed without sorting.
    changed = np.flatnonzero(times_ms[1:] != times_ms[:-1])
    return distinct(np.append(times_ms[changed], times_ms[-1]))


def _by_times(
    series: NDArray[np.uint32], rows: NDArray[np.intp], samples: Samples
) -> Iterator[Samples]:
    """Yield the samples of each group of series with exactly the same times."""
    samples = samples[np.lexsort((samples["time_ms"], rows))]
    ends = np.cumsum(np.bincount(rows, minlength=len(series)))
    together: dict[bytes, list[Samples]] = {}
    for some in np.split(samples, ends[:-1]):
        together.setdefault(distinct(some["time_ms"]).tobytes(), []).append(some)
    for parts in together.values():
        yield np.concatenate(parts)


def _stretch(
    series: NDArray[np.uint32], rows: NDArray[np.intp], times: Times, samples: Samples
) -> Stretch:
    values = absent_matrix(len(series), len(times))
    bits = values.view(np.uint64).ravel()
    cells = rows * len(times) + np.searchsorted(times, samples["time_ms"])
    given = samples["value"].view("<u8")
    # Backwards: of several samples for one cell the first is written last, and stays.
    bits[cells[::-1]] = given[::-1]
    surplus = len(samples) - int(np.count_nonzero(bits != ABSENT_BITS))
    refused = int(np.count_nonzero(bits[cells] != given)) if surplus else 0
    return Stretch(series, times, values, surplus - refused, refused)
