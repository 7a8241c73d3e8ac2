"""Classic histograms, whose buckets are series with the label `le`.

Histograms with the same bucket bounds (those of all hosts with one exporter) form one
array of shape (histograms, buckets, steps).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.labels import METRIC_NAME, Labels
from promql.kernels.arrays import Floats, Mask
from promql.kernels.interruption import check, interruptible
from promql.kernels.step_matrix import StepMatrix
from promql.syntax.numbers import parse_float

_BUCKET: Final = "le"

Buckets = dict[float, list[int]]
"""The series of one histogram by upper bound."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassicHistograms:
    """Histograms with the same bucket bounds.

    Attributes:
        labels: the H histograms' label sets, without `le`.
        bounds: shape (B,), ascending upper bounds.
        counts: shape (H, B, S), observations up to each bound.
        present: shape (H, B, S), which buckets are present.
        metrics: the metric name of each histogram.
    """

    labels: list[Labels]
    bounds: Floats
    counts: Floats
    present: Mask
    metrics: list[str]

    def any_bucket(self) -> Mask:
        """Return where a histogram has any bucket: shape (H, S)."""
        found: Mask = np.logical_or.reduce(self.present, axis=1)
        return found


class BucketSeries:
    """The histograms among the series of a vector.

    Args:
        vector: the series.
        shows_dropped: return metric names also where a function has dropped them.

    Attributes:
        malformed: the metric name and the `le` of each series whose `le` is not a number.
    """

    def __init__(self, vector: StepMatrix, *, shows_dropped: bool = True) -> None:
        self._vector = vector
        self._hides_names = not shows_dropped and vector.drop_name is not None
        self._histograms: dict[Labels, Buckets] = {}
        self.malformed: list[tuple[str, str]] = []
        for row, labels in enumerate(interruptible(vector.labels)):
            text = labels.get(_BUCKET)
            bound = _bound(text)
            if bound is None:
                self.malformed.append((self._metric(labels, row), text))
                continue
            buckets = self._histograms.setdefault(labels.drop((_BUCKET,)), {})
            buckets.setdefault(bound, []).append(row)

    @property
    def steps(self) -> int:
        """The number of steps."""
        return int(self._vector.values.shape[1])

    def histograms(self) -> Iterator[ClassicHistograms]:
        """Yield the histograms, those with the same bounds together."""
        by_bounds: dict[tuple[float, ...], list[tuple[Labels, Buckets]]] = {}
        for key, buckets in interruptible(list(self._histograms.items())):
            by_bounds.setdefault(tuple(sorted(buckets)), []).append((key, buckets))
        for bounds, members in by_bounds.items():
            check()
            yield self._stacked(bounds, members)

    def _stacked(
        self, bounds: tuple[float, ...], members: list[tuple[Labels, Buckets]]
    ) -> ClassicHistograms:
        vector = self._vector
        shape = (len(members), len(bounds), self.steps)
        counts, present = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
        for index, (_, buckets) in enumerate(interruptible(members)):
            for place, bound in enumerate(bounds):
                for row in buckets[bound]:
                    here = vector.present[row]
                    counts[index, place] += np.where(here, vector.values[row], 0.0)
                    present[index, place] |= here
        return ClassicHistograms(
            [each.drop((METRIC_NAME,)) for each, _ in interruptible(members)],
            np.array(bounds),
            counts,
            present,
            [
                self._metric(each, next(iter(buckets.values()))[0])
                for each, buckets in interruptible(members)
            ],
        )

    def _metric(self, labels: Labels, row: int) -> str:
        """Return the metric name of a series, "" if it is dropped."""
        dropped = self._vector.drop_name
        hidden = self._hides_names and dropped is not None and bool(dropped[row])
        return "" if hidden else labels.metric


def _bound(text: str) -> float | None:
    """Return a bucket's upper bound, None if its label is not a number."""
    try:
        bound = parse_float(text)
    except ValueError:
        return None
    return None if math.isnan(bound) else bound
